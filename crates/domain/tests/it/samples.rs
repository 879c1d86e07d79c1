//! Objects as Graph answers them, one or more per shape, written for these tests.

use serde_json::{Value, json};

pub(crate) const GROUP: &str = "0AAA0000-0000-4000-8000-0000000000A1";
pub(crate) const OTHER_GROUP: &str = "0aaa0000-0000-4000-8000-0000000000a2";
pub(crate) const FILTER: &str = "0fff0000-0000-4000-8000-0000000000f1";
pub(crate) const TEMPLATE: &str = "0ccc0000-0000-4000-8000-0000000000c1";
pub(crate) const LOCATION: &str = "0ddd0000-0000-4000-8000-0000000000d1";
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";

pub(crate) fn assignments() -> Value {
    json!([
        {
            "id": "x_1", "source": "direct", "sourceId": "x",
            "target": {
                "@odata.type": "#microsoft.graph.groupAssignmentTarget",
                "deviceAndAppManagementAssignmentFilterId": FILTER,
                "deviceAndAppManagementAssignmentFilterType": "include",
                "groupId": GROUP
            }
        },
        {
            "id": "x_2", "source": "direct", "sourceId": "x",
            "target": {
                "@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget",
                "deviceAndAppManagementAssignmentFilterId": null,
                "deviceAndAppManagementAssignmentFilterType": "none",
                "groupId": OTHER_GROUP
            }
        },
        {
            "id": "x_3", "source": "policySets", "sourceId": "y",
            "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}
        }
    ])
}

pub(crate) fn simple(definition: &str, kind: &str, value: &Value) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": null,
        "auditRuleInformation": null,
        "simpleSettingValue": {
            "@odata.type": format!("#microsoft.graph.deviceManagementConfiguration{kind}SettingValue"),
            "settingValueTemplateReference": null,
            "value": value
        }
    })
}

pub(crate) fn choice(definition: &str, option: &str, children: &Value) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": {
            "settingInstanceTemplateId": "B0C1D2E3-0000-4000-8000-000000000001"
        },
        "choiceSettingValue": {
            "settingValueTemplateReference": {
                "settingValueTemplateId": "C0C1D2E3-0000-4000-8000-000000000001",
                "useTemplateDefault": false
            },
            "value": option,
            "children": children
        }
    })
}

pub(crate) fn catalog(settings: &[Value]) -> Value {
    let settings: Vec<Value> = settings
        .iter()
        .enumerate()
        .map(|(id, instance)| json!({"id": id.to_string(), "settingInstance": instance}))
        .collect();
    json!({
        "id": "0a000000-0000-4000-8000-000000000001",
        "name": "Win - Defender",
        "description": "Defender for all",
        "platforms": "windows10",
        "technologies": "mdm,microsoftSense",
        "createdDateTime": "2026-01-02T03:04:05.1234567Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05.1234567Z",
        "creationSource": null,
        "priorityMetaData": null,
        "isAssigned": true,
        "settingCount": settings.len(),
        "roleScopeTagIds": ["0", "4"],
        "templateReference": {
            "templateId": "804339ad-1553-4478-a742-138fb5807418_1",
            "templateFamily": "endpointSecurityAntivirus",
            "templateDisplayName": "Microsoft Defender Antivirus",
            "templateDisplayVersion": "Version 1"
        },
        "settings": settings,
        "assignments": assignments()
    })
}

pub(crate) fn group_collection(definition: &str, groups: &[Value]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|children| json!({"settingValueTemplateReference": null, "children": children}))
        .collect();
    json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationGroupSettingCollectionInstance",
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": null,
        "groupSettingCollectionValue": groups
    })
}

pub(crate) fn compliance() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.windows10CompliancePolicy",
        "id": "0b000000-0000-4000-8000-000000000001",
        "displayName": "Win - Compliance",
        "description": null,
        "version": 3,
        "createdDateTime": "2026-01-02T03:04:05Z",
        "roleScopeTagIds": ["0"],
        "passwordRequired": false,
        "osMinimumVersion": "10.0.22631.0",
        "validOperatingSystemBuildRanges": [],
        "deviceCompliancePolicyScript": {
            "deviceComplianceScriptId": "0eee0000-0000-4000-8000-0000000000e1",
            "rulesContent": "eyJSdWxlcyI6W3siU2V0dGluZ05hbWUiOiJBIn1dfQ=="
        },
        "scheduledActionsForRule": [{
            "id": "s1",
            "ruleName": null,
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

pub(crate) fn custom_profile() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "id": "0c000000-0000-4000-8000-000000000001",
        "displayName": "Win - Custom",
        "description": "Sends reports to contoso.com",
        "version": 1,
        "supportsScopeTags": true,
        "roleScopeTagIds": ["0"],
        "deviceManagementApplicabilityRuleOsEdition": null,
        "omaSettings": [
            {
                "@odata.type": "#microsoft.graph.omaSettingString",
                "displayName": "Tenant", "description": null,
                "omaUri": "./Device/Vendor/MSFT/Policy/Config/Tenant",
                "secretReferenceValueId": null, "isEncrypted": false,
                "value": TENANT.to_ascii_uppercase()
            },
            {
                "@odata.type": "#microsoft.graph.omaSettingInteger",
                "displayName": "Level", "description": null,
                "omaUri": "./Device/Vendor/MSFT/Policy/Config/Level",
                "secretReferenceValueId": null, "isEncrypted": false,
                "isReadOnly": false, "value": 3
            },
            {
                "@odata.type": "#microsoft.graph.omaSettingStringXml",
                "displayName": "Xml", "description": null, "fileName": "a.xml",
                "omaUri": "./Device/Vendor/MSFT/Xml",
                "secretReferenceValueId": null, "isEncrypted": false,
                // <a>contoso.com</a>
                "value": "PGE+Y29udG9zby5jb208L2E+"
            }
        ],
        "assignments": []
    })
}

/// Issued below a trusted root, which a navigation property leads to.
fn certificate_profile() -> Value {
    json!({"@odata.type": "#microsoft.graph.iosScepCertificateProfile",
        "displayName": "Device certificate", "description": null, "roleScopeTagIds": ["0"],
        "keyUsage": "digitalSignature,keyEncipherment", "certificateValidityPeriodValue": 1,
        "rootCertificate": "0bbb0000-0000-4000-8000-0000000000c1", "assignments": []})
}

/// Bound to one certificate profile and two trusted roots.
fn bound_profile() -> Value {
    json!({"@odata.type": "#microsoft.graph.windowsWifiEnterpriseEAPConfiguration",
        "displayName": "Wireless", "description": "d", "roleScopeTagIds": ["0"],
        "ssid": "corp", "authenticationMethod": "certificate",
        "identityCertificateForClientAuthentication": "0bbb0000-0000-4000-8000-0000000000c2",
        "rootCertificatesForServerValidation": ["0bbb0000-0000-4000-8000-0000000000c3",
            "0bbb0000-0000-4000-8000-0000000000c1"],
        "assignments": []})
}

pub(crate) fn mac_profile() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.macOSCustomConfiguration",
        "id": "0c000000-0000-4000-8000-000000000002",
        "displayName": "Mac - Custom",
        "description": "",
        "roleScopeTagIds": ["0"],
        "payloadName": "p", "payloadFileName": "p.mobileconfig", "deploymentChannel": "deviceChannel",
        // <plist>\r\n<string>A</string>\r\n</plist>
        "payload": "PHBsaXN0Pg0KPHN0cmluZz5BPC9zdHJpbmc+DQo8L3BsaXN0Pg=="
    })
}

pub(crate) fn ring() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.windowsUpdateForBusinessConfiguration",
        "id": "0c000000-0000-4000-8000-000000000003",
        "displayName": "Ring 1",
        "description": null,
        "roleScopeTagIds": ["0"],
        "qualityUpdatesDeferralPeriodInDays": 3,
        "qualityUpdatesPaused": true,
        "qualityUpdatesPauseStartDate": "2026-01-01",
        "updateWeeks": "firstWeek,secondWeek",
        "installationSchedule": {
            "@odata.type": "#microsoft.graph.windowsUpdateActiveHoursInstall",
            "activeHoursStart": "08:00:00.0000000", "activeHoursEnd": "17:00:00.0000000"
        }
    })
}

pub(crate) fn conditional_access() -> Value {
    json!({
        "id": "0d000000-0000-4000-8000-000000000001",
        "displayName": "CA001 - Require MFA",
        "templateId": null,
        "createdDateTime": "2026-01-02T03:04:05Z",
        "state": "enabled",
        "partialEnablementStrategy": null,
        "sessionControls": null,
        "conditions": {
            "userRiskLevels": [], "signInRiskLevels": [], "clientAppTypes": ["all"],
            "platforms": null, "times": null, "deviceStates": null, "devices": null,
            "clientApplications": null,
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": ["0000000A-0000-0000-c000-000000000000"],
                "includeUserActions": [], "includeAuthenticationContextClassReferences": [],
                "applicationFilter": null
            },
            "users": {
                "includeUsers": ["All"], "excludeUsers": [],
                "includeGroups": [], "excludeGroups": [GROUP, OTHER_GROUP],
                "includeRoles": [], "excludeRoles": ["d29b2b05-8046-44ba-8758-1e26182fcf32"],
                "includeGuestsOrExternalUsers": null,
                "excludeGuestsOrExternalUsers": {
                    "guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest",
                    "externalTenants": {
                        "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                        "membershipKind": "enumerated",
                        "members": ["99999999-0000-4000-8000-000000000009"]
                    }
                }
            },
            "locations": {"includeLocations": ["All"], "excludeLocations": [LOCATION]}
        },
        "grantControls": {
            "operator": "AND", "builtInControls": [], "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength@odata.context": "https://graph.microsoft.com/v1.0/$metadata#x",
            "authenticationStrength": {
                "id": "00000000-0000-0000-0000-000000000004",
                "displayName": "Phishing-resistant MFA", "policyType": "builtIn",
                "allowedCombinations": ["fido2"], "combinationConfigurations": []
            }
        }
    })
}

pub(crate) fn named_location() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": LOCATION,
        "displayName": "Offices",
        "modifiedDateTime": "2026-01-02T03:04:05Z",
        "isTrusted": true,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"},
            {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/32"}
        ]
    })
}

pub(crate) fn filter() -> Value {
    json!({
        "id": FILTER,
        "displayName": "Windows corporate",
        "description": "",
        "platform": "windows10AndLater",
        "rule": "(device.deviceOwnership -eq \"Corporate\")",
        "roleScopeTags": ["0"],
        "assignmentFilterManagementType": "devices",
        "payloads": []
    })
}

pub(crate) fn scope_tag() -> Value {
    json!({
        "id": "4", "displayName": "Munich", "description": "Devices in Munich", "isBuiltIn": false,
        "assignments": [{
            "id": "z",
            "target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": GROUP}
        }]
    })
}

pub(crate) fn notification() -> Value {
    json!({
        "id": TEMPLATE,
        "displayName": "Warning",
        "description": null,
        "defaultLocale": "en-us",
        "brandingOptions": "includeCompanyLogo,includeContactInformation",
        "roleScopeTagIds": ["0"],
        "localizedNotificationMessages": [
            {
                "id": format!("{TEMPLATE}_de-de"), "locale": "de-de", "isDefault": false,
                "subject": "Achtung", "messageTemplate": "Bitte prüfen",
                "lastModifiedDateTime": "2026-01-02T03:04:05Z"
            },
            {
                "id": format!("{TEMPLATE}_en-us"), "locale": "en-us", "isDefault": true,
                "subject": "Warning", "messageTemplate": "Please check",
                "lastModifiedDateTime": "2026-01-02T03:04:05Z"
            }
        ]
    })
}

/// One object of every type, with its row's key.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    let settings = [
        choice(
            "device_a",
            "device_a_1",
            &json!([simple("device_a_child", "Integer", &json!(5))]),
        ),
        group_collection(
            "device_list",
            &[
                json!([simple("device_list_name", "String", &json!("one"))]),
                json!([simple("device_list_name", "String", &json!("two"))]),
            ],
        ),
        simple(
            "device_ref",
            "Reference",
            &json!("0bbb0000-0000-4000-8000-0000000000b1"),
        ),
    ];
    let mut all = crate::samples_apps::all();
    all.extend(vec![
        ("assignmentFilters", filter()),
        ("conditionalAccessPolicies", conditional_access()),
        ("configurationPolicies", catalog(&settings)),
        ("deviceCompliancePolicies", compliance()),
        ("deviceConfigurations", custom_profile()),
        ("deviceConfigurations", mac_profile()),
        ("deviceConfigurations", certificate_profile()),
        ("deviceConfigurations", bound_profile()),
        ("namedLocations", named_location()),
        ("notificationMessageTemplates", notification()),
        ("roleScopeTags", scope_tag()),
        ("windowsUpdateRings", ring()),
    ]);
    all.extend(crate::samples_administration::all());
    all.extend(crate::samples_group_policy::all());
    all.extend(crate::device_preparation::all());
    all.extend(crate::enrollment::objects());
    all.extend(crate::notifications::all());
    all.extend(crate::store_apps::all());
    all.extend(crate::script_samples::all());
    all
}
