//! Compliance policies of the five usual platforms.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Draft, Names, all_devices, all_users};

fn rule(actions: &[(&str, u32, Option<String>, Option<String>)]) -> Value {
    let actions: Vec<Value> = actions
        .iter()
        .map(|(kind, hours, template, copy)| {
            json!({"actionType": kind, "gracePeriodHours": hours,
                "notificationTemplateId": template.clone().unwrap_or_default(),
                "notificationMessageCCList": copy.iter().collect::<Vec<_>>()})
        })
        .collect();
    json!([{"ruleName": "PasswordRequired", "scheduledActionConfigurations": actions}])
}

fn policy(kind: &str, name: &str, settings: Value, actions: Value) -> Draft {
    let mut body = settings;
    body["@odata.type"] = json!(format!("#microsoft.graph.{kind}"));
    body["displayName"] = json!(name);
    body["description"] = json!(format!("Requirements: {name}."));
    body["roleScopeTagIds"] = json!(["0"]);
    body["scheduledActionsForRule"] = actions;
    Draft::new("deviceCompliancePolicies", body)
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let block = || rule(&[("block", 0, None, None)]);
    let warning = names.id("notificationMessageTemplates", "Noncompliance Warning");
    let last = names.id("notificationMessageTemplates", "Noncompliance Final Notice");
    let rules = base64::engine::general_purpose::STANDARD.encode(
        r#"{"Rules":[{"SettingName":"TpmReady","Operator":"IsEquals","DataType":"Boolean","Operand":"true"}]}"#,
    );
    let windows = "windows10CompliancePolicy";
    vec![
        policy(windows, "Win - Compliance - BitLocker",
            json!({"bitLockerEnabled": true, "secureBootEnabled": true, "codeIntegrityEnabled": true}), block())
        .assigned(vec![all_devices()]),
        policy(windows, "Win - Compliance - Firewall", json!({"activeFirewallRequired": true}), block()),
        policy(windows, "Win - Compliance - Antivirus",
            json!({"defenderEnabled": true, "rtpEnabled": true, "antivirusRequired": true,
                "signatureOutOfDate": true}),
            rule(&[("block", 24, None, None), ("notification", 0, Some(warning.clone()), None)]))
        .assigned(vec![names.include("Windows Corporate Devices")]),
        policy(windows, "Win - Compliance - Operating System",
            json!({"osMinimumVersion": "10.0.22631.3000", "validOperatingSystemBuildRanges": [
                {"description": "Windows 11 23H2", "lowestVersion": "10.0.22631.3000",
                    "highestVersion": "10.0.22631.9999"}]}),
            rule(&[("block", 72, None, None), ("notification", 24, Some(warning.clone()), None),
                ("notification", 48, Some(last), Some(names.group("Executives")))]))
        .assigned(vec![all_users()]),
        policy(windows, "Win - Compliance - Password",
            json!({"passwordRequired": true, "passwordMinimumLength": 12,
                "passwordRequiredType": "alphanumeric", "passwordBlockSimple": true}), block()),
        policy(windows, "Win - Compliance - TPM (custom)",
            json!({"tpmRequired": true, "deviceCompliancePolicyScript": {
                "deviceComplianceScriptId": names.id("deviceComplianceScripts", "TPM discovery"),
                "rulesContent": rules}}), block()),
        policy("macOSCompliancePolicy", "macOS - Compliance - Corporate",
            json!({"storageRequireEncryption": true, "firewallEnabled": true,
                "systemIntegrityProtectionEnabled": true, "osMinimumVersion": "14.4"}), block())
        .assigned(vec![names.include_filtered("macOS Corporate Devices", "macOS Corporate", "include")]),
        policy("iosCompliancePolicy", "iOS - Compliance - Corporate",
            json!({"passcodeRequired": true, "passcodeMinimumLength": 6,
                "passcodeRequiredType": "numeric", "securityBlockJailbrokenDevices": true}), block())
        .assigned(vec![names.include("iOS Corporate Devices")]),
        policy("iosCompliancePolicy", "iOS - Compliance - Executives",
            json!({"passcodeRequired": true, "passcodeMinimumLength": 8, "osMinimumVersion": "17.5"}),
            rule(&[("block", 12, None, None), ("notification", 0, Some(warning), None)]))
        .assigned(vec![names.include("Executives")]),
        policy("androidDeviceOwnerCompliancePolicy", "Android - Compliance - Fully Managed",
            json!({"osMinimumVersion": "13.0", "passwordRequired": true, "passwordMinimumLength": 6,
                "passwordRequiredType": "numericComplex", "storageRequireEncryption": true}), block())
        .assigned(vec![names.include("Android Corporate Devices")]),
        policy("androidWorkProfileCompliancePolicy", "Android - Compliance - Work Profile",
            json!({"securityBlockJailbrokenDevices": true, "passwordRequired": true,
                "passwordRequiredType": "numeric"}), block())
        .assigned(vec![all_users()]),
        policy("macOSCompliancePolicy", "macOS - Compliance - Engineering",
            json!({"gatekeeperAllowedAppSource": "macAppStoreAndIdentifiedDevelopers",
                "firewallBlockAllIncoming": false}), block())
        .assigned(vec![names.include("Engineering Laptops")]),
    ]
}
