//! Apps, their categories, app configuration for managed devices, policy sets.
//!
//! An app is known across tenants by its kind and its package or bundle id; its name is what people
//! see and says little.

use serde_json::Value;

use super::{
    ASSIGN, Adapter, AssignmentRule, Kinds, PLAIN, PolicyType, Support, odata_type, reference,
};
use crate::model::ResourceFamily;

pub(super) const READ_APPS: &[&str] = &["DeviceManagementApps.Read.All"];
pub(super) const WRITE_APPS: &[&str] = &["DeviceManagementApps.ReadWrite.All"];

pub(super) const CATEGORIES: PolicyType = PolicyType {
    key: "mobileAppCategories",
    display_name: "App categories",
    path: "/deviceAppManagement/mobileAppCategories",
    scope_tags: None,
    reference_kind: Some("mobile_app_category"),
    wave: 0,
    family: ResourceFamily::Apps,
    read_permissions: READ_APPS,
    write_permissions: WRITE_APPS,
    ..PLAIN
};

/// How many other apps an app needs, replaces and is replaced by: kept to tell one that is more
/// than its description, and no part of what it is.
const RELATIONS: [&str; 3] = [
    "dependentAppCount",
    "supersededAppCount",
    "supersedingAppCount",
];

pub(super) const APPS: PolicyType = PolicyType {
    key: "mobileApps",
    display_name: "Apps",
    support: Support::ByKind(
        "Apps from a public store, web links and Microsoft's own suites are promoted. Apps with installation files, from volume purchase or from managed Google Play are not: add them in the target; policies that name an app then find it by its package or bundle id.",
    ),
    path: "/deviceAppManagement/mobileApps",
    kinds: Kinds::All,
    identity: &[
        "@odata.type",
        "packageIdentifier",
        "bundleId",
        "packageId",
        "productCode",
        "appStoreUrl",
        "displayVersion",
    ],
    // Scope tags, rules, scripts and the icon are missing from the list.
    item_get: true,
    item_expand: Some("categories"),
    // Apps that are part of every tenant.
    skip_when: &[("appAvailability", "\"global\"")],
    server_state: &[
        "appAvailability",
        "committedContentVersion",
        "manifestHash",
        "size",
        "totalLicenseCount",
        "uploadState",
        "usedLicenseCount",
        "vppTokenId",
    ],
    strip_create: &[
        "dependentAppCount",
        "publishingState",
        "relationships",
        "supersededAppCount",
        "supersedingAppCount",
    ],
    strip_update: &[
        "appIdentifier",
        "appStoreUrl",
        "appUrl",
        "bundleId",
        "channel",
        "dependentAppCount",
        "installExperience",
        "isSystemApp",
        "officePlatformArchitecture",
        "packageId",
        "packageIdentifier",
        "publishingState",
        "relationships",
        "supersededAppCount",
        "supersedingAppCount",
    ],
    immutable: &[
        "@odata.type",
        "appStoreUrl",
        "appUrl",
        "bundleId",
        "channel",
        "installExperience",
        "officePlatformArchitecture",
        "packageId",
        "packageIdentifier",
    ],
    // How far the service is with it, and how many apps are bound to it.
    ignored: &[
        "dependentAppCount",
        "publishingState",
        "supersededAppCount",
        "supersedingAppCount",
    ],
    assignments: Some(AssignmentRule {
        wrapper: "mobileAppAssignments",
        ..ASSIGN
    }),
    references: &[reference("categories[]", "mobile_app_category")],
    reference_kind: Some("mobile_app"),
    sets: &["categories", "roleScopeTagIds"],
    defaults: &[
        ("isFeatured", "false"),
        ("officeSuiteAppDefaultFileFormat", "\"notConfigured\""),
    ],
    empty_is_absent: &[""],
    wave: 2,
    family: ResourceFamily::Apps,
    read_permissions: READ_APPS,
    write_permissions: WRITE_APPS,
    adapter: Adapter::App,
    ..PLAIN
};

pub(super) const DEVICE_APP_CONFIGURATIONS: PolicyType = PolicyType {
    key: "mobileAppConfigurations",
    display_name: "App configuration for managed devices",
    path: "/deviceAppManagement/mobileAppConfigurations",
    identity: &["@odata.type"],
    item_get: true,
    server_state: &[
        "version",
        "appSupportsOemConfig",
        "deviceStatusSummary",
        "userStatusSummary",
    ],
    // Which apps a configuration is for is settled when it is made.
    strip_update: &["targetedMobileApps"],
    immutable: &["@odata.type", "targetedMobileApps"],
    assignments: Some(AssignmentRule {
        action: "microsoft.graph.managedDeviceMobileAppConfiguration/assign",
        ..ASSIGN
    }),
    references: &[reference("targetedMobileApps[]", "mobile_app")],
    sets: &["targetedMobileApps"],
    keyed: &[
        ("settings", "appConfigKey"),
        ("permissionActions", "permission"),
    ],
    empty_is_absent: &["settings", "permissionActions", "targetedMobileApps"],
    base64: &["encodedSettingXml", "payloadJson"],
    wave: 4,
    family: ResourceFamily::Apps,
    read_permissions: READ_APPS,
    write_permissions: WRITE_APPS,
    ..PLAIN
};

pub(super) const POLICY_SETS: PolicyType = PolicyType {
    key: "policySets",
    display_name: "Policy sets",
    support: Support::CaptureOnly(
        "A policy set bundles other policies and apps by their ids in one tenant. Promote its items, then put the set together in the target by hand.",
    ),
    path: "/deviceAppManagement/policySets",
    item_get: true,
    // Neither has a list of its own that all tenants serve.
    item_expand: Some("items,assignments"),
    server_state: &[
        "status",
        "errorCode",
        "items[].id",
        "items[].status",
        "items[].errorCode",
        "items[].createdDateTime",
        "items[].lastModifiedDateTime",
    ],
    assignments: Some(AssignmentRule {
        read: "",
        action: "update",
        filters: false,
        ..ASSIGN
    }),
    scope_tags: Some("roleScopeTags"),
    // An item means the policy of this kind and name, whatever its id is here.
    ignored: &["items[].payloadId"],
    keyed: &[("items", "@odata.type+displayName")],
    sets: &["guidedDeploymentTags"],
    empty_is_absent: &[""],
    wave: 9,
    family: ResourceFamily::Bundles,
    ..PLAIN
};

/// Why an app of this kind cannot be written, in an operator's words; `None` for those that need
/// nothing but their description.
pub(super) fn why_not(app: &Value, otherwise: &'static str) -> Option<&'static str> {
    let why = match odata_type(app) {
        "winGetApp"
        | "officeSuiteApp"
        | "macOSOfficeSuiteApp"
        | "windowsMicrosoftEdgeApp"
        | "macOSMicrosoftEdgeApp"
        | "macOSMicrosoftDefenderApp"
        | "webApp"
        | "windowsWebApp"
        | "iosiPadOSWebClip"
        | "macOSWebClip"
        | "iosStoreApp"
        | "managedIOSStoreApp"
        | "managedAndroidStoreApp" => return why_not_related(app),
        "win32LobApp"
        | "win32CatalogApp"
        | "windowsMobileMSI"
        | "windowsUniversalAppX"
        | "windowsAppX"
        | "windowsPhoneXAP"
        | "iosLobApp"
        | "androidLobApp"
        | "macOSLobApp"
        | "macOSPkgApp"
        | "macOSDmgApp"
        | "managedIOSLobApp"
        | "managedAndroidLobApp"
        | "managedMobileLobApp" => {
            "This app needs its installation file, which Graph gives out only encrypted. Upload the file in the target; policies that name the app then find it by its package or bundle id."
        }
        "iosVppApp" | "macOsVppApp" => {
            "This app comes from Apple's volume purchase: assign its licences to the target's token in Apple Business Manager, and it appears there by itself."
        }
        "androidManagedStoreApp" | "androidForWorkApp" | "androidManagedStoreWebApp" => {
            "This app comes from managed Google Play: approve it in the target's managed Google Play, and it appears there by itself."
        }
        "microsoftStoreForBusinessApp" | "androidStoreApp" | "windowsStoreApp" => {
            "Graph no longer takes apps of this kind. Add the app's successor in the target by hand."
        }
        _ => otherwise,
    };
    Some(why)
}

/// Relationships to other apps are not carried over, and would be lost without a word.
fn why_not_related(app: &Value) -> Option<&'static str> {
    let count = |name: &str| app.get(name).and_then(Value::as_i64).unwrap_or(0);
    RELATIONS.iter().any(|name| count(name) > 0).then_some(
        "This app has dependencies or replaces (or is replaced by) another, which is not carried over. Add the app and its relationships in the target; policies that name the app then find it by its package or bundle id.",
    )
}
