//! Device configuration profiles of several derived types, one of them with a secret.

use base64::Engine as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Draft, Names, all_devices};

fn profile(kind: &str, name: &str, settings: Value) -> Draft {
    let mut body = settings;
    body["@odata.type"] = json!(format!("#microsoft.graph.{kind}"));
    body["displayName"] = json!(name);
    body["description"] = json!(format!("Profile: {name}."));
    body["roleScopeTagIds"] = json!(["0"]);
    Draft::new("deviceConfigurations", body)
}

fn oma(kind: &str, name: &str, uri: &str, value: Value) -> Value {
    json!({"@odata.type": format!("#microsoft.graph.{kind}"), "displayName": name,
        "description": null, "omaUri": uri, "value": value})
}

fn mobileconfig(identifier: &str, key: &str, value: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
         <key>PayloadIdentifier</key><string>{identifier}</string>\
         <key>PayloadType</key><string>Configuration</string>\
         <key>{key}</key><string>{value}</string></dict></plist>\n"
    ))
}

fn ring(name: &str, quality: i64, feature: i64) -> Draft {
    profile(
        "windowsUpdateForBusinessConfiguration",
        name,
        json!({"automaticUpdateMode": "autoInstallAtMaintenanceTime", "microsoftUpdateServiceAllowed": true,
            "driversExcluded": false, "qualityUpdatesDeferralPeriodInDays": quality,
            "featureUpdatesDeferralPeriodInDays": feature, "businessReadyUpdatesOnly": "businessReadyOnly",
            "deadlineForQualityUpdatesInDays": 3, "deadlineForFeatureUpdatesInDays": 7,
            "installationSchedule": {
                "@odata.type": "#microsoft.graph.windowsUpdateActiveHoursInstall",
                "activeHoursStart": "08:00:00.0000000", "activeHoursEnd": "18:00:00.0000000"}}),
    )
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let policy_uri = |part: &str| format!("./Device/Vendor/MSFT/Policy/Config/{part}");
    let mut secret = oma(
        "omaSettingString",
        "Wireless key",
        "./Device/Vendor/MSFT/WiFi/Profile/Lab/Key",
        json!("correct horse battery staple"),
    );
    secret["isEncrypted"] = json!(true);
    secret["secretReferenceValueId"] = json!(
        Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("{}/oma-secret", names.0.id).as_bytes()
        )
        .to_string()
    );
    let xml = base64::engine::general_purpose::STANDARD
        .encode("<RuleCollection Type=\"Exe\" EnforcementMode=\"Enabled\"></RuleCollection>");
    vec![
        profile("windows10CustomConfiguration", "Win - Custom - Kernel Protection", json!({"omaSettings": [
            oma("omaSettingInteger", "DMA guard", &policy_uri("DmaGuard/DeviceEnumerationPolicy"), json!(1)),
            oma("omaSettingString", "Time zone", &policy_uri("TimeLanguageSettings/ConfigureTimeZone"), json!("W. Europe Standard Time")),
            oma("omaSettingBoolean", "Camera", &policy_uri("Camera/AllowCamera"), json!(true)),
        ]}))
        .assigned(vec![all_devices()]),
        profile("windows10CustomConfiguration", "Win - Custom - AppLocker", json!({"omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingStringXml", "displayName": "Executables",
                "description": "Rules for programs", "fileName": "exe.xml", "value": xml,
                "omaUri": "./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/Native/EXE/Policy"},
        ]}))
        .assigned(vec![names.include("Kiosk Devices")]),
        profile("windows10CustomConfiguration", "Win - Custom - Wireless Key", json!({"omaSettings": [
            oma("omaSettingString", "Wireless name", "./Device/Vendor/MSFT/WiFi/Profile/Lab/Name", json!("Lab")),
            secret,
        ]})),
        ring("Win - Update Ring - Pilot", 0, 0).assigned(vec![names.include("Pilot Devices")]),
        ring("Win - Update Ring - Broad", 5, 30).assigned(vec![names.include("Windows Corporate Devices")]),
        ring("Win - Update Ring - Production", 9, 60)
            .assigned(vec![all_devices()]),
        profile("windowsHealthMonitoringConfiguration", "Win - Health Monitoring",
            json!({"allowDeviceHealthMonitoring": "enabled",
                "configDeviceHealthMonitoringScope": "bootPerformance,windowsUpdates"}))
        .assigned(vec![all_devices()]),
        profile("windowsIdentityProtectionConfiguration", "Win - Hello for Business",
            json!({"pinMinimumLength": 6, "pinMaximumLength": 127, "windowsHelloForBusinessBlocked": false,
                "unlockWithBiometricsEnabled": true})),
        profile("sharedPCConfiguration", "Win - Shared PC",
            json!({"enabled": true, "allowLocalStorage": false, "maintenanceStartTime": "02:00:00.0000000"}))
        .assigned(vec![names.include_filtered("Kiosk Devices", "Windows 11 Corporate", "include")]),
        profile("macOSCustomConfiguration", "macOS - Login Window Banner",
            json!({"payloadName": "Login window", "payloadFileName": "loginwindow.mobileconfig",
                "payload": mobileconfig("example.contoso.loginwindow", "LoginwindowText", "Property of the company"),
                "deploymentChannel": "deviceChannel"}))
        .assigned(vec![names.include("macOS Corporate Devices")]),
        profile("iosCustomConfiguration", "iOS - Web Clip",
            json!({"payloadName": "Web clip", "payloadFileName": "webclip.mobileconfig",
                "payload": mobileconfig("example.contoso.webclip", "URL", "https://portal.contoso.example")})),
        profile("iosEnterpriseWiFiConfiguration", "iOS - Corporate Wireless",
            json!({"networkName": "Corporate", "ssid": "corp", "connectAutomatically": true,
                "connectWhenNetworkNameIsHidden": false, "wiFiSecurityType": "wpaEnterprise",
                "proxySettings": "none", "eapType": "peap", "authenticationMethod": "usernameAndPassword",
                "trustedServerCertificateNames": ["radius.contoso.example"]}))
        .assigned(vec![names.include("iOS Corporate Devices")]),
    ]
}
