//! Scripts, reusable settings and compliance policies made of settings, as Graph answers them.

use serde_json::{Value, json};

use crate::samples::{GROUP, TEMPLATE, assignments, choice, group_collection, simple};

const REUSABLE: &str = "0bbb0000-0000-4000-8000-0000000000b2";

fn script(name: &str, extra: &Value) -> Value {
    let mut object = json!({
        "id": "0e000000-0000-4000-8000-000000000001",
        "displayName": name,
        "description": "Does what its name says",
        "createdDateTime": "2026-01-02T03:04:05.1234567Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05.1234567Z",
        "runAsAccount": "system",
        "roleScopeTagIds": ["0", "4"],
        "assignments": assignments()
    });
    let members = object.as_object_mut().expect("an object");
    members.extend(extra.as_object().expect("an object").clone());
    object
}

fn platform_script() -> Value {
    let extra = json!({
        "fileName": "map.ps1", "enforceSignatureCheck": false, "runAs32Bit": true,
        // A byte order mark, Get-Disk, a Windows line end.
        "scriptContent": "77u/R2V0LURpc2sNCg=="
    });
    script("Win - Map drives", &extra)
}

fn shell_script() -> Value {
    let extra = json!({
        "fileName": "dock.zsh", "blockExecutionNotifications": true,
        "executionFrequency": "PT1H", "retryCount": 3,
        "scriptContent": "IyEvYmluL3pzaAplY2hvIGhpCg=="
    });
    script("Mac - Dock", &extra)
}

fn custom_attribute() -> Value {
    let extra = json!({
        "customAttributeName": "Agent", "customAttributeType": "string", "fileName": "agent.sh",
        "scriptContent": "IyEvYmluL3NoCmVjaG8gMQo="
    });
    script("Mac - Agent version", &extra)
}

fn remediation() -> Value {
    let schedule = json!({
        "@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule",
        "interval": 1, "time": "08:00:00.0000000", "useUtc": false
    });
    let extra = json!({
        "publisher": "Contoso", "version": "3", "isGlobalScript": false,
        "highestAvailableVersion": null, "deviceHealthScriptType": "deviceHealthScript",
        "enforceSignatureCheck": false, "runAs32Bit": false,
        "detectionScriptContent": "ZXhpdCAxCg==",
        "remediationScriptContent": "ZXhpdCAwCg==",
        "detectionScriptParameters": [
            {"@odata.type": "#microsoft.graph.deviceHealthScriptStringParameter",
                "name": "Path", "description": null, "isRequired": true,
                "applyDefaultValueWhenNotAssigned": true, "defaultValue": "C:\\Temp"},
            {"@odata.type": "#microsoft.graph.deviceHealthScriptIntegerParameter",
                "name": "Days", "description": null, "isRequired": false,
                "applyDefaultValueWhenNotAssigned": true, "defaultValue": 3}
        ],
        "remediationScriptParameters": [],
        "assignments": [{
            "id": "x_1", "runRemediationScript": true, "runSchedule": schedule,
            "target": {
                "@odata.type": "#microsoft.graph.groupAssignmentTarget",
                "deviceAndAppManagementAssignmentFilterId": null,
                "deviceAndAppManagementAssignmentFilterType": "none",
                "groupId": GROUP
            }
        }]
    });
    script("Win - Clean up", &extra)
}

fn compliance_script() -> Value {
    let extra = json!({
        "publisher": "Contoso", "version": "1", "enforceSignatureCheck": false,
        "runAs32Bit": false, "detectionScriptContent": "R2V0LVRwbQo="
    });
    let mut object = script("Win - TPM discovery", &extra);
    object
        .as_object_mut()
        .expect("an object")
        .remove("assignments");
    object
}

fn reusable_setting() -> Value {
    json!({
        "id": REUSABLE,
        "displayName": "Office networks",
        "description": "Ranges of the offices",
        "settingDefinitionId": "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}",
        "version": 2,
        "referencingConfigurationPolicyCount": 1,
        "createdDateTime": "2026-01-02T03:04:05.1234567Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05.1234567Z",
        "settingInstance": group_collection(
            "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}",
            &[json!([
                simple("addresses_{id}_keyword", "String", &json!("Offices")),
                choice("addresses_{id}_autoresolve", "addresses_{id}_autoresolve_true", &json!(null)),
            ])],
        ),
    })
}

fn linux_compliance() -> Value {
    let settings = [
        choice("linux_passwordpolicy", "linux_passwordpolicy_1", &json!([])),
        choice(
            "linux_customcompliance_required",
            "linux_customcompliance_required_true",
            &json!([
                simple(
                    "linux_customcompliance_discoveryscript",
                    "Reference",
                    &json!(REUSABLE)
                ),
                simple("linux_customcompliance_rules", "String", &json!("e30=")),
            ]),
        ),
    ];
    let settings: Vec<Value> = settings
        .iter()
        .enumerate()
        .map(|(id, instance)| json!({"id": id.to_string(), "settingInstance": instance}))
        .collect();
    json!({
        "id": "0b000000-0000-4000-8000-000000000007",
        "name": "Linux - Compliance",
        "description": null,
        "platforms": "linux",
        "technologies": "linuxMdm",
        "createdDateTime": "2026-01-02T03:04:05.1234567Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05.1234567Z",
        "creationSource": null,
        "isAssigned": true,
        "settingCount": 2,
        "roleScopeTagIds": ["0"],
        "settings": settings,
        "scheduledActionsForRule": [{
            "id": "s1", "ruleName": null,
            "scheduledActionConfigurations": [
                {
                    "id": "a1", "gracePeriodHours": 0, "actionType": "block",
                    "notificationTemplateId": "00000000-0000-0000-0000-000000000000",
                    "notificationMessageCCList": []
                },
                {
                    "id": "a2", "gracePeriodHours": 24, "actionType": "notification",
                    "notificationTemplateId": TEMPLATE,
                    "notificationMessageCCList": [GROUP]
                }
            ]
        }],
        "assignments": assignments()
    })
}

/// One object of every type of this family.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("compliancePolicies", linux_compliance()),
        ("deviceComplianceScripts", compliance_script()),
        ("deviceCustomAttributeShellScripts", custom_attribute()),
        ("deviceHealthScripts", remediation()),
        ("deviceManagementScripts", platform_script()),
        ("deviceShellScripts", shell_script()),
        ("reusablePolicySettings", reusable_setting()),
    ]
}
