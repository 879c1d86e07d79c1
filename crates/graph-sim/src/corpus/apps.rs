//! Apps under other names in either tenant, and the policies for them.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Draft, Names, Side};

/// Held by the target as they are in the source.
pub(super) const EQUAL: [&str; 3] = [
    "iOS - App Protection - Corporate",
    "iOS - App Config - Edge",
    "Productivity",
];

/// Held by the target with other settings.
pub(super) const DIFFERENT: [&str; 3] = [
    "Android - App Protection - BYOD",
    "iOS - Managed Outlook",
    "Notepad",
];

/// The apps of a tenant. The target calls Outlook otherwise and lacks one app.
pub(super) fn apps(side: Side) -> Vec<Draft> {
    let source = side == Side::Source;
    let app = |kind: &str, name: &str, more: Value| {
        let mut body = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "displayName": name,
            "description": name, "publisher": "Publisher", "isFeatured": false,
            "publishingState": "published", "roleScopeTagIds": ["0"]});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        Draft::new("mobileApps", body)
    };
    let outlook = if source {
        "Microsoft Outlook"
    } else {
        "Outlook for iPhone"
    };
    let mut drafts = vec![
        app(
            "iosStoreApp",
            outlook,
            json!({"bundleId": "com.microsoft.Office.Outlook", "appStoreUrl": "https://apps.apple.com/app/id951937596"}),
        ),
        app(
            "androidManagedStoreApp",
            "Microsoft Defender",
            json!({"packageId": "com.microsoft.scmx", "appIdentifier": "app:com.microsoft.scmx"}),
        ),
        app(
            "winGetApp",
            "Company Portal",
            json!({"packageIdentifier": "9WZDNCRFJ3PZ"}),
        ),
    ];
    if source {
        drafts.push(app(
            "win32LobApp",
            "Field Tool",
            json!({"fileName": "field.intunewin", "committedContentVersion": "1"}),
        ));
        drafts.push(app(
            "iosVppApp",
            "Field Forms",
            json!({"bundleId": "example.contoso.forms"}),
        ));
    }
    drafts.push(Draft::new(
        "mobileAppCategories",
        json!({"displayName": "Productivity"}),
    ));
    drafts
}

/// Apps without files: one that the target lacks, and one that it describes otherwise.
fn store_apps(names: &Names<'_>) -> Vec<Draft> {
    let productivity = names.id("mobileAppCategories", "Productivity");
    let app = |kind: &str, name: &str, more: Value| {
        let mut body = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "displayName": name,
            "description": format!("{name} for everybody."), "publisher": "Contoso",
            "isFeatured": false, "publishingState": "published", "roleScopeTagIds": ["0"],
            "categories": [{"id": productivity, "displayName": "Productivity"}]});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let mut assignment = names.include("Executives");
        if let Some(members) = assignment.as_object_mut() {
            members.insert("intent".to_owned(), json!("required"));
            members.insert("settings".to_owned(), Value::Null);
        }
        Draft::new("mobileApps", body).assigned(vec![assignment])
    };
    vec![
        app(
            "webApp",
            "Intranet",
            json!({"appUrl": "https://intranet.example", "useManagedBrowser": true}),
        ),
        app(
            "winGetApp",
            "Notepad",
            json!({"packageIdentifier": "9MSMLRH6LZF3",
                "installExperience": {"runAsAccount": "user"}}),
        ),
    ]
}

fn ios_app(bundle: &str) -> Value {
    json!({"mobileAppIdentifier":
        {"@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": bundle}})
}

fn android_app(package: &str) -> Value {
    json!({"mobileAppIdentifier":
        {"@odata.type": "#microsoft.graph.androidMobileAppIdentifier", "packageId": package}})
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mut drafts = vec![Draft::new(
        "mobileAppCategories",
        json!({"displayName": "Field work"}),
    )];
    drafts.extend(store_apps(names));
    drafts.extend(protections(names));
    drafts.push(
        Draft::new(
            "targetedManagedAppConfigurations",
            json!({"displayName": "iOS - App Config - Edge", "description": "Edge for work",
                "targetedAppManagementLevels": "unspecified", "appGroupType": "selectedPublicApps",
                "customSettings": [
                    {"name": "com.microsoft.intune.mam.managedbrowser.homepage", "value": "https://intranet.example"},
                    {"name": "com.microsoft.intune.mam.managedbrowser.AppProxyRedirection", "value": "true"}],
                "apps": [ios_app("com.microsoft.msedge")], "roleScopeTagIds": ["0"]}),
        )
        .assigned(vec![names.include("Executives")]),
    );
    drafts.push(Draft::new(
        "targetedManagedAppConfigurations",
        json!({"displayName": "Outlook - Work accounts only", "description": null,
            "targetedAppManagementLevels": "mdm", "appGroupType": "selectedPublicApps",
            "customSettings": [{"name": "IntuneMAMAllowedAccountsOnly", "value": "Enabled"}],
            "apps": [ios_app("com.microsoft.Office.Outlook"), android_app("com.microsoft.office.outlook")],
            "roleScopeTagIds": ["0"]}),
    ));
    drafts.push(
        Draft::new(
            "mobileAppConfigurations",
            json!({"@odata.type": "#microsoft.graph.iosMobileAppConfiguration",
                "displayName": "iOS - Managed Outlook", "description": "Account set up by itself",
                "targetedMobileApps": [outlook(names)], "roleScopeTagIds": ["0"],
                "settings": [
                    {"appConfigKey": "com.microsoft.outlook.EmailProfile.EmailAddress",
                        "appConfigKeyType": "stringType", "appConfigKeyValue": "{{mail}}"},
                    {"appConfigKey": "com.microsoft.outlook.Auth.Biometric",
                        "appConfigKeyType": "booleanType", "appConfigKeyValue": "true"}]}),
        )
        .assigned(vec![names.include("iOS Corporate Devices")]),
    );
    let defender = Draft::new(
        "mobileAppConfigurations",
        json!({"@odata.type": "#microsoft.graph.androidManagedStoreAppConfiguration",
            "displayName": "Android - Managed Defender", "description": "Silent onboarding",
            "targetedMobileApps": [names.id("mobileApps", "Microsoft Defender")],
            "packageId": "app:com.microsoft.scmx", "profileApplicability": "default",
            "connectedAppsEnabled": false, "roleScopeTagIds": ["0"],
            "payloadJson": encode(r#"{"kind":"androidenterprise#managedConfiguration","productId":"app:com.microsoft.scmx","managedProperty":[{"key":"antiphishing","valueInteger":1},{"key":"user","valueString":"{{userprincipalname}}"}]}"#),
            "permissionActions": [{"permission": "android.permission.CAMERA", "action": "autoDeny"}]}),
    );
    drafts.push(defender.assigned(vec![names.include("Android Corporate Devices")]));
    drafts.push(Draft::new(
        "mobileAppConfigurations",
        json!({"@odata.type": "#microsoft.graph.iosMobileAppConfiguration",
            "displayName": "iOS - Field Forms", "description": "For an app that the target lacks",
            "targetedMobileApps": [names.id("mobileApps", "Field Forms")], "roleScopeTagIds": ["0"],
            "encodedSettingXml": encode("<dict><key>site</key><string>north</string></dict>")}),
    ));
    drafts
}

fn outlook(names: &Names<'_>) -> String {
    let known = names.0.find_by_name("mobileApps", "Microsoft Outlook");
    known.map_or_else(
        || names.id("mobileApps", "Outlook for iPhone"),
        |app| app.id.clone(),
    )
}

fn protections(names: &Names<'_>) -> Vec<Draft> {
    let mut ios = json!({"displayName": "iOS - App Protection - Corporate", "description": "Level 2",
        "targetedAppManagementLevels": "unspecified", "appGroupType": "selectedPublicApps",
        "periodOfflineBeforeAccessCheck": "PT12H", "periodOnlineBeforeAccessCheck": "PT30M",
        "periodOfflineBeforeWipeIsEnforced": "P90D", "periodBeforePinReset": "PT0S",
        "pinRequired": true, "minimumPinLength": 6, "dataBackupBlocked": true,
        "allowedOutboundDataTransferDestinations": "managedApps",
        "allowedDataStorageLocations": ["oneDriveForBusiness", "sharePoint"],
        "exemptedAppProtocols": [{"name": "Default", "value": "skype;app-settings"}],
        "apps": [ios_app("com.microsoft.Office.Outlook"), ios_app("com.microsoft.msedge")],
        "roleScopeTagIds": ["0"]});
    let corporate = Draft::new("iosManagedAppProtections", ios.clone())
        .assigned(vec![names.include("Finance Users")]);
    if let Some(members) = ios.as_object_mut() {
        members.insert(
            "displayName".to_owned(),
            json!("iOS - App Protection - BYOD"),
        );
        members.insert("targetedAppManagementLevels".to_owned(), json!("unmanaged"));
        members.insert("appGroupType".to_owned(), json!("allCoreMicrosoftApps"));
        members.remove("apps");
    }
    let all_users = json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
        "groupId": "acacacac-9df4-4c7d-9d50-4ef0226f57a9",
        "deviceAndAppManagementAssignmentFilterId": null,
        "deviceAndAppManagementAssignmentFilterType": "none"}});
    vec![
        corporate,
        Draft::new("iosManagedAppProtections", ios).assigned(vec![all_users]),
        Draft::new(
            "androidManagedAppProtections",
            json!({"displayName": "Android - App Protection - BYOD", "description": "Level 1",
                "targetedAppManagementLevels": "unmanaged", "appGroupType": "selectedPublicApps",
                "periodOfflineBeforeAccessCheck": "PT12H", "periodOnlineBeforeAccessCheck": "PT30M",
                "periodOfflineBeforeWipeIsEnforced": "P90D", "periodBeforePinReset": "PT0S",
                "screenCaptureBlocked": true, "encryptAppData": true,
                "approvedKeyboards": [{"name": "Gboard", "value": "com.google.android.inputmethod.latin"}],
                "apps": [android_app("com.microsoft.office.outlook"), android_app("com.microsoft.teams")],
                "roleScopeTagIds": ["0"]}),
        )
        .assigned(vec![names.include("Contractors")]),
        Draft::new(
            "windowsManagedAppProtections",
            json!({"displayName": "Windows - App Protection - Edge", "description": "Personal computers",
                "printBlocked": true, "allowedOutboundClipboardSharingLevel": "none",
                "periodOfflineBeforeAccessCheck": "P1D", "periodOfflineBeforeWipeIsEnforced": "P90D",
                "apps": [{"mobileAppIdentifier": {"@odata.type": "#microsoft.graph.windowsAppIdentifier",
                    "windowsAppId": "com.microsoft.edge"}}],
                "roleScopeTagIds": ["0"]}),
        ),
        Draft::new(
            "mdmWindowsInformationProtectionPolicies",
            json!({"displayName": "WIP - Legacy", "description": "Retired", "enforcementLevel": "encryptAndAuditOnly",
                "enterpriseDomain": "work.example", "roleScopeTagIds": ["0"]}),
        ),
        Draft::new(
            "policySets",
            json!({"displayName": "Field workers", "description": "Everything a field worker needs",
                "status": "success", "errorCode": "noError", "roleScopeTags": ["0"],
                "items": [{"@odata.type": "#microsoft.graph.mobileAppPolicySetItem", "id": "i1",
                    "displayName": "Microsoft Outlook", "itemType": "#microsoft.graph.iosStoreApp",
                    "payloadId": outlook(names), "intent": "required", "status": "success",
                    "errorCode": "noError", "guidedDeploymentTags": []}]}),
        )
        .assigned(vec![names.include("iOS Corporate Devices")]),
    ]
}
