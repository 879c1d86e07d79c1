//! App protection, app configuration for managed apps, and Windows Information Protection.
//!
//! These policies name their apps by package or bundle id: words that mean the same in every
//! tenant, and no references. The list of apps has an action of its own.

use super::apps::{READ_APPS, WRITE_APPS};
use super::{ASSIGN, Adapter, PLAIN, PolicyType, SubCollection, Support};
use crate::model::ResourceFamily;

/// Read apart from the item: `$expand` is seen to be cut short.
const APPS: SubCollection = SubCollection {
    property: "apps",
    path: "apps",
    top: None,
};

/// What the four have in common.
const MANAGED_APPS: PolicyType = PolicyType {
    item_get: true,
    sub_collections: &[APPS],
    server_state: SERVER_STATE,
    strip_create: &["apps"],
    strip_update: &["apps"],
    // There is no target "all users" here: it is the constant virtual group.
    assignments: Some(ASSIGN),
    wave: 3,
    family: ResourceFamily::Apps,
    read_permissions: READ_APPS,
    write_permissions: WRITE_APPS,
    adapter: Adapter::ManagedApps,
    ..PLAIN
};

const SERVER_STATE: &[&str] = &[
    "version",
    "deployedAppCount",
    "deploymentSummary",
    "exemptAppLockerFiles",
    "protectedAppLockerFiles",
    "apps[].id",
    "apps[].version",
];

/// One name is used once per level of management, as a rule.
const LEVELS: &str = "targetedAppManagementLevels";
const UNSPECIFIED: [(&str, &str); 2] = [(LEVELS, "\"unspecified\""), (LEVELS, "[\"unspecified\"]")];

pub(super) const IOS_PROTECTION: PolicyType = PolicyType {
    key: "iosManagedAppProtections",
    display_name: "iOS app protection",
    path: "/deviceAppManagement/iosManagedAppProtections",
    identity: &[LEVELS],
    sets: &[
        "apps",
        "allowedDataIngestionLocations",
        "allowedDataStorageLocations",
        "exemptedUniversalLinks",
        "managedUniversalLinks",
    ],
    keyed: &[("exemptedAppProtocols", "name+value")],
    flags: &[LEVELS, "managedBrowser"],
    defaults: &[
        UNSPECIFIED[0],
        UNSPECIFIED[1],
        ("customBrowserProtocol", "\"\""),
        ("customDialerAppProtocol", "\"\""),
        ("messagingRedirectAppUrlScheme", "\"\""),
        ("allowedIosDeviceModels", "\"\""),
    ],
    empty_is_absent: &[
        "apps",
        "exemptedAppProtocols",
        "exemptedUniversalLinks",
        "managedUniversalLinks",
    ],
    ..MANAGED_APPS
};

pub(super) const ANDROID_PROTECTION: PolicyType = PolicyType {
    key: "androidManagedAppProtections",
    display_name: "Android app protection",
    path: "/deviceAppManagement/androidManagedAppProtections",
    identity: &[LEVELS],
    sets: &[
        "apps",
        "allowedAndroidDeviceModels",
        "allowedDataIngestionLocations",
        "allowedDataStorageLocations",
    ],
    keyed: &[
        ("approvedKeyboards", "name+value"),
        ("exemptedAppPackages", "name+value"),
    ],
    flags: &[LEVELS, "managedBrowser"],
    defaults: &[
        UNSPECIFIED[0],
        UNSPECIFIED[1],
        ("allowedAndroidDeviceManufacturers", "\"\""),
        ("customBrowserDisplayName", "\"\""),
        ("customBrowserPackageId", "\"\""),
        ("customDialerAppDisplayName", "\"\""),
        ("customDialerAppPackageId", "\"\""),
        ("messagingRedirectAppDisplayName", "\"\""),
        ("messagingRedirectAppPackageId", "\"\""),
    ],
    empty_is_absent: &[
        "apps",
        "allowedAndroidDeviceModels",
        "approvedKeyboards",
        "exemptedAppPackages",
    ],
    ..MANAGED_APPS
};

pub(super) const WINDOWS_PROTECTION: PolicyType = PolicyType {
    key: "windowsManagedAppProtections",
    display_name: "Windows app protection",
    path: "/deviceAppManagement/windowsManagedAppProtections",
    sets: &["apps"],
    empty_is_absent: &["apps"],
    ..MANAGED_APPS
};

pub(super) const APP_CONFIGURATION: PolicyType = PolicyType {
    key: "targetedManagedAppConfigurations",
    display_name: "App configuration for managed apps",
    path: "/deviceAppManagement/targetedManagedAppConfigurations",
    identity: &[LEVELS],
    sub_collections: &[
        APPS,
        SubCollection {
            property: "settings",
            path: "settings",
            top: None,
        },
    ],
    server_state: &[
        "version",
        "deployedAppCount",
        "deploymentSummary",
        "apps[].id",
        "apps[].version",
        "settings[].id",
    ],
    // Settings in the way of the settings catalogue have an action of their own, too.
    strip_create: &["apps", "settings"],
    strip_update: &["apps", "settings"],
    sets: &["apps"],
    keyed: &[("customSettings", "name")],
    flags: &[LEVELS],
    defaults: &UNSPECIFIED,
    empty_is_absent: &["apps", "customSettings"],
    ..MANAGED_APPS
};

pub(super) const WINDOWS_INFORMATION_PROTECTION: PolicyType = PolicyType {
    key: "mdmWindowsInformationProtectionPolicies",
    display_name: "Windows Information Protection",
    support: Support::CaptureOnly(
        "Microsoft has retired Windows Information Protection: a new policy would protect nothing. Use Purview data loss prevention or Windows app protection in the target instead.",
    ),
    path: "/deviceAppManagement/mdmWindowsInformationProtectionPolicies",
    server_state: &["version", "deploymentSummary"],
    sub_collections: &[],
    strip_create: &[],
    strip_update: &[],
    empty_is_absent: &[""],
    adapter: Adapter::Plain,
    ..MANAGED_APPS
};
