//! Scripts, reusable settings and compliance policies made of settings.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Draft, Names, all_devices, all_users};

/// What the target already holds as it is in the source.
pub(super) const EQUAL: [&str; 4] = [
    "Win - Script - Time Zone",
    "macOS - Script - Dock",
    "Win - Remediation - Disk Cleanup",
    "Data center subnets",
];

/// What the target holds with other contents.
pub(super) const DIFFERENT: [&str; 5] = [
    "Win - Script - Drive Mapping",
    "Win - Remediation - Stale Profiles",
    "macOS - Attribute - Agent Version",
    "Linux - Compliance - Workstations",
    "Firewall discovery",
];

fn encoded(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Objects that other policies point to and that are promoted themselves.
pub(super) fn foundations() -> Vec<Draft> {
    let subnets = |name: &str, ranges: &str| {
        let definition = "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}";
        Draft::new(
            "reusablePolicySettings",
            json!({
                "displayName": name,
                "description": "Address ranges.",
                "settingDefinitionId": definition,
                "settingInstance": {
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
                    "settingDefinitionId": format!("{definition}_addresses"),
                    "settingInstanceTemplateReference": null,
                    "simpleSettingValue": {
                        "@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue",
                        "settingValueTemplateReference": null,
                        "value": ranges,
                    },
                },
            }),
        )
    };
    let discovery = |name: &str, text: &str| {
        Draft::new(
            "deviceComplianceScripts",
            json!({"displayName": name, "description": "", "publisher": "Contoso Lab",
                "detectionScriptContent": encoded(text), "runAsAccount": "system",
                "runAs32Bit": false, "enforceSignatureCheck": false, "roleScopeTagIds": ["0"]}),
        )
    };
    vec![
        subnets("Data center subnets", "10.30.0.0/16"),
        // The target lacks it: the plan has to make it before the policy that names it.
        subnets("Branch subnets", "10.40.0.0/16,10.41.0.0/16"),
        discovery(
            "Firewall discovery",
            "$on = $true\n@{ On = $on } | ConvertTo-Json\n",
        ),
        discovery(
            "Secure boot discovery",
            "@{ On = Confirm-SecureBootUEFI } | ConvertTo-Json\n",
        ),
    ]
}

fn remediated(mut assignment: Value, schedule: Value) -> Value {
    if let Some(members) = assignment.as_object_mut() {
        members.insert("runRemediationScript".to_owned(), json!(false));
        members.insert("runSchedule".to_owned(), schedule);
    }
    assignment
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let mut drafts = windows(names);
    drafts.extend(mac(names));
    drafts.extend(remediations(names));
    drafts.push(linux(names));
    drafts.push(custom_compliance(names));
    drafts
}

fn windows(names: &Names<'_>) -> Vec<Draft> {
    let script = |name: &str, file: &str, text: &str| {
        Draft::new(
            "deviceManagementScripts",
            json!({"displayName": name, "description": format!("{name}."), "fileName": file,
                "scriptContent": encoded(text), "runAsAccount": "system", "runAs32Bit": false,
                "enforceSignatureCheck": false, "roleScopeTagIds": ["0"]}),
        )
    };
    vec![
        script(
            "Win - Script - Time Zone",
            "zone.ps1",
            "Set-TimeZone -Id 'W. Europe Standard Time'\r\n",
        )
        .assigned(vec![names.include("Windows Corporate Devices")]),
        script(
            "Win - Script - Drive Mapping",
            "map.ps1",
            "\u{feff}New-PSDrive -Name S -Root '\\\\files\\shared'\r\n",
        )
        .assigned(vec![
            names.include("Finance Users"),
            names.exclude("Contractors"),
        ]),
        script(
            "Win - Script - Remove Bloatware",
            "clean.ps1",
            "Get-AppxPackage *bing* | Remove-AppxPackage\n",
        )
        .assigned(vec![all_devices()]),
    ]
}

fn mac(names: &Names<'_>) -> Vec<Draft> {
    let shell = |name: &str, text: &str| {
        Draft::new(
            "deviceShellScripts",
            json!({"displayName": name, "description": format!("{name}."), "fileName": "run.sh",
                "scriptContent": encoded(text), "runAsAccount": "system", "retryCount": 3,
                "executionFrequency": "PT1H", "blockExecutionNotifications": true,
                "roleScopeTagIds": ["0"]}),
        )
    };
    vec![
        shell(
            "macOS - Script - Dock",
            "#!/bin/zsh\ndefaults write com.apple.dock autohide -bool true\n",
        )
        .assigned(vec![names.include("macOS Corporate Devices")]),
        shell(
            "macOS - Script - Rosetta",
            "#!/bin/zsh\nsoftwareupdate --install-rosetta\n",
        )
        .assigned(vec![names.include("macOS Corporate Devices")]),
        Draft::new(
            "deviceCustomAttributeShellScripts",
            json!({"displayName": "macOS - Attribute - Agent Version", "description": "Version.",
                "customAttributeName": "Agent Version", "customAttributeType": "string",
                "fileName": "agent.sh", "scriptContent": encoded("#!/bin/sh\necho 1\n"),
                "runAsAccount": "system", "roleScopeTagIds": ["0"]}),
        )
        .assigned(vec![names.include("macOS Corporate Devices")]),
        Draft::new(
            "deviceCustomAttributeShellScripts",
            json!({"displayName": "macOS - Attribute - Last Backup", "description": "Date.",
                "customAttributeName": "Last Backup", "customAttributeType": "dateTime",
                "fileName": "backup.sh", "scriptContent": encoded("#!/bin/sh\ntmutil latestbackup\n"),
                "runAsAccount": "user", "roleScopeTagIds": ["0"]}),
        ),
    ]
}

fn remediations(names: &Names<'_>) -> Vec<Draft> {
    let script = |name: &str, global: bool| {
        Draft::new(
            "deviceHealthScripts",
            json!({"displayName": name, "description": format!("{name}."), "publisher": "Contoso Lab",
                "detectionScriptContent": encoded("if (Test-Path C:\\Temp) { exit 1 }\n"),
                "remediationScriptContent": encoded("Remove-Item C:\\Temp -Recurse\n"),
                "runAsAccount": "system", "runAs32Bit": true, "enforceSignatureCheck": false,
                "isGlobalScript": global, "roleScopeTagIds": ["0"]}),
        )
    };
    let daily = json!({"@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule",
        "interval": 1, "time": "09:30:00.0000000", "useUtc": false});
    let hourly = json!({"@odata.type": "#microsoft.graph.deviceHealthScriptHourlySchedule",
        "interval": 4});
    vec![
        script("Win - Remediation - Disk Cleanup", false).assigned(vec![remediated(
            names.include("Windows Corporate Devices"),
            daily.clone(),
        )]),
        script("Win - Remediation - Stale Profiles", false)
            .assigned(vec![remediated(names.include("Pilot Devices"), hourly)]),
        script("Win - Remediation - Print Queue", false)
            .assigned(vec![remediated(all_users(), daily)]),
        // Microsoft's own: in every tenant, never governed.
        script("Restart stopped Office C2R svc", true),
    ]
}

/// A policy whose discovery script is a reusable setting, and whose warning is a template.
fn linux(names: &Names<'_>) -> Draft {
    let prefix = "#microsoft.graph.deviceManagementConfiguration";
    let script = names.id("reusablePolicySettings", "Data center subnets");
    let warning = names.id("notificationMessageTemplates", "Noncompliance Warning");
    let setting = |instance: Value| json!({"@odata.type": format!("{prefix}Setting"), "settingInstance": instance});
    let choice = |definition: &str, option: &str, children: Value| {
        json!({"@odata.type": format!("{prefix}ChoiceSettingInstance"),
            "settingDefinitionId": definition, "settingInstanceTemplateReference": null,
            "choiceSettingValue": {"settingValueTemplateReference": null,
                "value": format!("{definition}_{option}"), "children": children}})
    };
    let discovery = json!({"@odata.type": format!("{prefix}SimpleSettingInstance"),
        "settingDefinitionId": "linux_customcompliance_discoveryscript",
        "settingInstanceTemplateReference": null,
        "simpleSettingValue": {"@odata.type": format!("{prefix}ReferenceSettingValue"),
            "settingValueTemplateReference": null, "value": script, "note": null}});
    Draft::new(
        "compliancePolicies",
        json!({
            "name": "Linux - Compliance - Workstations",
            "description": "Requirements of Linux workstations.",
            "platforms": "linux",
            "technologies": "linuxMdm",
            "roleScopeTagIds": ["0"],
            "settings": [
                setting(choice("linux_customcompliance_required", "true", json!([discovery]))),
                setting(choice("linux_deviceencryption_required", "true", json!([]))),
                setting(choice("linux_passwordpolicy_minimumlength", "12", json!([]))),
            ],
            "scheduledActionsForRule": [{"ruleName": "PasswordRequired",
                "scheduledActionConfigurations": [
                    {"actionType": "block", "gracePeriodHours": 24},
                    {"actionType": "notification", "gracePeriodHours": 0,
                        "notificationTemplateId": warning}]}],
        }),
    )
    .assigned(vec![all_users()])
}

/// A compliance policy whose script only the source has: made by the same plan, a wave earlier.
fn custom_compliance(names: &Names<'_>) -> Draft {
    let rules = r#"{"Rules":[{"SettingName":"On","Operator":"IsEquals","DataType":"Boolean","Operand":"true"}]}"#;
    Draft::new(
        "deviceCompliancePolicies",
        json!({
            "@odata.type": "#microsoft.graph.windows10CompliancePolicy",
            "displayName": "Win - Compliance - Secure Boot (custom)",
            "description": "Secure boot by a script.",
            "roleScopeTagIds": ["0"],
            "secureBootEnabled": true,
            "deviceCompliancePolicyScript": {
                "deviceComplianceScriptId": names.id("deviceComplianceScripts", "Secure boot discovery"),
                "rulesContent": encoded(rules)},
            "scheduledActionsForRule": [{"ruleName": "PasswordRequired",
                "scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 0}]}],
        }),
    )
}
