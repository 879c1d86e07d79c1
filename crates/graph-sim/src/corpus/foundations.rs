//! What policies refer to, and the foundations that are promoted themselves.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Draft, Side};

const GROUPS: [(&str, bool); 13] = [
    ("Pilot Devices", true),
    ("Windows Corporate Devices", true),
    ("macOS Corporate Devices", true),
    ("iOS Corporate Devices", true),
    ("Android Corporate Devices", true),
    ("Kiosk Devices", true),
    ("Finance Users", true),
    ("Executives", true),
    ("Contractors", true),
    ("Administrators", true),
    ("Break Glass Accounts", true),
    // The target lacks these two.
    ("Engineering Laptops", false),
    ("CA Exclusions - Service Accounts", false),
];

fn group(name: &str, dynamic: bool) -> Draft {
    let nickname: String = name
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    Draft::new(
        "groups",
        json!({
            "displayName": name,
            "description": null,
            "groupTypes": if dynamic { json!(["DynamicMembership"]) } else { json!([]) },
            "mailEnabled": false,
            "mailNickname": nickname,
            "membershipRule": if dynamic { json!("(device.deviceOwnership -eq \"Company\")") } else { Value::Null },
            "membershipRuleProcessingState": if dynamic { json!("On") } else { Value::Null },
            "onPremisesSyncEnabled": null,
            "securityEnabled": true,
            "visibility": null,
        }),
    )
}

/// Objects that policies refer to; the target has its own, under the same names.
pub(super) fn references(side: Side) -> Vec<Draft> {
    let source = side == Side::Source;
    let mut drafts: Vec<Draft> = GROUPS
        .iter()
        .filter(|(_, shared)| source || *shared)
        .map(|(name, _)| group(name, name.ends_with("Devices")))
        .collect();
    let tags: &[&str] = if source {
        &["Helpdesk EMEA", "Retail Kiosks", "Lab"]
    } else {
        // Another order: the same name has another number in each tenant.
        drafts.push(group("Fabrikam Legacy Devices", true));
        &["Warehouse", "Retail Kiosks", "Helpdesk EMEA"]
    };
    for tag in tags {
        drafts.push(Draft::new(
            "roleScopeTags",
            json!({"displayName": tag, "description": format!("Objects of {tag}.")}),
        ));
    }
    drafts.push(Draft::new(
        "users",
        json!({"displayName": "Break Glass 1", "userPrincipalName": "breakglass1@contoso.example",
            "accountEnabled": true}),
    ));
    drafts.push(Draft::new(
        "termsOfUse",
        json!({"displayName": "Acceptable Use", "isViewingBeforeAcceptanceRequired": true,
            "isPerDeviceAcceptanceRequired": false, "userReacceptRequiredFrequency": null,
            "termsExpiration": null, "files": [{"id": format!("file-{side:?}"), "language": "en",
                "fileName": "use.pdf", "displayName": "Use", "isDefault": true}]}),
    ));
    drafts.push(Draft::new(
        "servicePrincipals",
        json!({"displayName": "Office 365 Exchange Online",
            "appId": "00000002-0000-0ff1-ce00-000000000000", "servicePrincipalType": "Application"}),
    ));
    drafts.push(Draft::new(
        "reusablePolicySettings",
        json!({
            "displayName": "Internal subnets",
            "description": "Address ranges of the offices.",
            "settingDefinitionId": "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}",
            "settingInstance": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
                "settingDefinitionId": "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}_addresses",
                "settingInstanceTemplateReference": null,
                "simpleSettingValue": {
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue",
                    "settingValueTemplateReference": null,
                    "value": "10.20.0.0/16,10.21.0.0/16",
                },
            },
        }),
    ));
    let script = base64::engine::general_purpose::STANDARD
        .encode("$tpm = Get-Tpm\n@{ TpmReady = $tpm.TpmReady } | ConvertTo-Json -Compress\n");
    drafts.push(Draft::new(
        "deviceComplianceScripts",
        json!({"displayName": "TPM discovery", "description": "", "publisher": "Contoso Lab",
            "detectionScriptContent": script, "runAsAccount": "system", "runAs32Bit": false,
            "enforceSignatureCheck": false}),
    ));
    drafts
}

fn filter(name: &str, platform: &str, rule: &str) -> Draft {
    Draft::new(
        "assignmentFilters",
        json!({"displayName": name, "description": "", "platform": platform, "rule": rule,
            "assignmentFilterManagementType": "devices", "roleScopeTags": ["0"]}),
    )
}

fn message(template: &str, messages: &[(&str, &str, &str)]) -> Draft {
    let messages: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(index, (locale, subject, text))| {
            json!({"id": format!("{template}_{locale}"), "locale": locale, "subject": subject,
                "messageTemplate": text, "isDefault": index == 0,
                "lastModifiedDateTime": "2025-03-01T08:30:00Z"})
        })
        .collect();
    Draft::new(
        "notificationMessageTemplates",
        json!({
            "displayName": template,
            "description": "Sent to the owner of the device.",
            "brandingOptions": "includeCompanyLogo,includeCompanyName,includeContactInformation",
            "roleScopeTagIds": ["0"],
            "localizedNotificationMessages": messages,
        }),
    )
}

/// Foundations that are policies themselves: filters, templates, locations.
pub(super) fn promoted() -> Vec<Draft> {
    let location = |body: Value| Draft::new("namedLocations", body);
    vec![
        filter(
            "Windows 11 Corporate",
            "windows10AndLater",
            "(device.osVersion -startsWith \"10.0.22\") and (device.deviceOwnership -eq \"Corporate\")",
        ),
        filter(
            "Windows Virtual Machines",
            "windows10AndLater",
            "(device.model -contains \"Virtual\")",
        ),
        filter(
            "macOS Corporate",
            "macOS",
            "(device.deviceOwnership -eq \"Corporate\")",
        ),
        filter("iPads", "iOS", "(device.model -startsWith \"iPad\")"),
        filter(
            "Android Personally Owned",
            "androidForWork",
            "(device.deviceOwnership -eq \"Personal\")",
        ),
        message(
            "Noncompliance Warning",
            &[
                (
                    "en-us",
                    "Your device needs attention",
                    "Hello {{UserName}}, please update {{DeviceName}}.",
                ),
                (
                    "de-de",
                    "Ihr Gerät braucht Aufmerksamkeit",
                    "Hallo {{UserName}}, bitte aktualisieren Sie {{DeviceName}}.",
                ),
            ],
        ),
        message(
            "Noncompliance Final Notice",
            &[(
                "en-us",
                "Access ends tomorrow",
                "Access from {{DeviceName}} will be blocked tomorrow.",
            )],
        ),
        location(
            json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Head Office",
            "isTrusted": true, "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"},
                {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8:10::/48"}]}),
        ),
        location(
            json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Branch Offices",
            "isTrusted": false, "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/25"}]}),
        ),
        location(
            json!({"@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": "Allowed Countries", "countriesAndRegions": ["DE", "AT", "CH"],
            "includeUnknownCountriesAndRegions": false, "countryLookupMethod": "clientIpAddress"}),
        ),
        location(
            json!({"@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": "Blocked Countries", "countriesAndRegions": ["KP"],
            "includeUnknownCountriesAndRegions": true, "countryLookupMethod": "clientIpAddress"}),
        ),
    ]
}

/// What only the target has.
pub(super) fn target_only() -> Vec<Draft> {
    vec![
        filter(
            "Fabrikam Forklift Tablets",
            "androidForWork",
            "(device.model -eq \"TAB-7\")",
        ),
        Draft::new(
            "deviceCompliancePolicies",
            json!({
                "@odata.type": "#microsoft.graph.windows10CompliancePolicy",
                "displayName": "Fabrikam - Legacy Windows Compliance",
                "description": "Kept for the old site.",
                "roleScopeTagIds": ["0"],
                "bitLockerEnabled": true,
                "scheduledActionsForRule": [{"ruleName": "PasswordRequired",
                    "scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 48}]}],
            }),
        ),
        Draft::new(
            "conditionalAccessPolicies",
            json!({
                "displayName": "Fabrikam - Block unknown platforms",
                "state": "enabled",
                "conditions": {
                    "clientAppTypes": ["all"],
                    "applications": {"includeApplications": ["All"]},
                    "users": {"includeUsers": ["All"]},
                    "platforms": {"includePlatforms": ["all"], "excludePlatforms": ["windows", "macOS"]},
                },
                "grantControls": {"operator": "OR", "builtInControls": ["block"]},
            }),
        ),
    ]
}
