//! App policies as Graph answers them.

use serde_json::{Value, json};

use crate::samples::{GROUP, assignments, simple};

const APP: &str = "0a990000-0000-4000-8000-0000000000a9";

fn app(kind: &str, property: &str, id: &str) -> Value {
    json!({"id": format!("{id}.x"), "version": "-1",
        "mobileAppIdentifier": {"@odata.type": format!("#microsoft.graph.{kind}"), property: id}})
}

fn protection(key: &str, mut more: Value) -> Value {
    let kind = key.trim_end_matches('s');
    let whole = json!({
        "@odata.type": format!("#microsoft.graph.{kind}"),
        "id": "T_0a000000-0000-4000-8000-00000000aa01",
        "displayName": format!("Policy of {key}"),
        "description": "For phones",
        "version": "\"0-1\"",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "isAssigned": true,
        "deployedAppCount": 2,
        "roleScopeTagIds": ["0"],
        "assignments": assignments()
    });
    let members = more.as_object_mut().unwrap();
    if kind.ends_with("Protection") {
        members.insert("periodOfflineBeforeAccessCheck".to_owned(), json!("PT12H"));
    }
    for (name, value) in whole.as_object().unwrap() {
        members.entry(name.clone()).or_insert_with(|| value.clone());
    }
    more
}

pub(crate) fn all() -> Vec<(&'static str, Value)> {
    let ios = |id| app("iosMobileAppIdentifier", "bundleId", id);
    let android = |id| app("androidMobileAppIdentifier", "packageId", id);
    vec![
        (
            "iosManagedAppProtections",
            protection(
                "iosManagedAppProtections",
                json!({
                "targetedAppManagementLevels": "unmanaged", "appGroupType": "selectedPublicApps",
                "allowedDataStorageLocations": ["sharePoint", "oneDriveForBusiness"],
                "exemptedAppProtocols": [{"name": "Default", "value": "skype"}, {"name": "Default", "value": "tel"}],
                "managedUniversalLinks": ["https://a", "https://b"], "customBrowserProtocol": "",
                "apps": [ios("com.microsoft.msedge"), ios("com.microsoft.teams")]}),
            ),
        ),
        (
            "iosManagedAppProtections",
            protection(
                "iosManagedAppProtections",
                json!({
                "displayName": "All apps", "targetedAppManagementLevels": "unspecified",
                "appGroupType": "allApps", "apps": [ios("com.microsoft.msedge")]}),
            ),
        ),
        (
            "androidManagedAppProtections",
            protection(
                "androidManagedAppProtections",
                json!({
                "targetedAppManagementLevels": "androidEnterprise,unmanaged", "appGroupType": "selectedPublicApps",
                "approvedKeyboards": [{"name": "Gboard", "value": "g"}, {"name": "Other", "value": "o"}],
                "apps": [android("com.microsoft.teams"), android("com.microsoft.emmx")]}),
            ),
        ),
        (
            "windowsManagedAppProtections",
            protection(
                "windowsManagedAppProtections",
                json!({
                "apps": [app("windowsAppIdentifier", "windowsAppId", "com.microsoft.edge")]}),
            ),
        ),
        (
            "targetedManagedAppConfigurations",
            protection(
                "targetedManagedAppConfigurations",
                json!({
                "targetedAppManagementLevels": "unspecified", "appGroupType": "selectedPublicApps",
                "customSettings": [{"name": "b", "value": "2"}, {"name": "a", "value": "1"}],
                "settings": [{"id": "0", "settingInstance": simple("edge_home", "String", &json!("https://x"))}],
                "apps": [ios("com.microsoft.msedge"), android("com.microsoft.emmx")]}),
            ),
        ),
        (
            "mobileAppConfigurations",
            json!({
                "@odata.type": "#microsoft.graph.iosMobileAppConfiguration",
                "id": "0a980000-0000-4000-8000-000000000001", "displayName": "Mail", "description": GROUP,
                "version": 2, "roleScopeTagIds": ["0"], "targetedMobileApps": [APP],
                // <dict><key>site</key><string>{{deviceid}}</string></dict>
                "encodedSettingXml": "PGRpY3Q+PGtleT5zaXRlPC9rZXk+PHN0cmluZz57e2RldmljZWlkfX08L3N0cmluZz48L2RpY3Q+",
                "settings": [
                    {"appConfigKey": "mail", "appConfigKeyType": "stringType", "appConfigKeyValue": "{{mail}}"},
                    {"appConfigKey": "on", "appConfigKeyType": "booleanType", "appConfigKeyValue": "true"}],
                "assignments": assignments()
            }),
        ),
        (
            "mobileAppConfigurations",
            json!({
                "@odata.type": "#microsoft.graph.androidManagedStoreAppConfiguration",
                "id": "0a980000-0000-4000-8000-000000000002", "displayName": "Defender", "description": "",
                "roleScopeTagIds": ["0"], "targetedMobileApps": [APP], "packageId": "app:com.microsoft.scmx",
                "appSupportsOemConfig": false, "profileApplicability": "default",
                // {"managedProperty":[{"key":"a","valueInteger":1}]}
                "payloadJson": "eyJtYW5hZ2VkUHJvcGVydHkiOlt7ImtleSI6ImEiLCJ2YWx1ZUludGVnZXIiOjF9XX0=",
                "permissionActions": [
                    {"permission": "android.permission.CAMERA", "action": "autoDeny"},
                    {"permission": "android.permission.CALL_PHONE", "action": "prompt"}],
                "assignments": []
            }),
        ),
        (
            "mobileAppCategories",
            json!({"id": "0a970000-0000-4000-8000-000000000001", "displayName": "Field work",
                "lastModifiedDateTime": "2026-01-02T03:04:05Z"}),
        ),
    ]
}
