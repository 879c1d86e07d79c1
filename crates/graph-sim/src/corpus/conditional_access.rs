//! Conditional Access policies that refer to groups, users, locations, strengths and terms.

use serde_json::{Value, json};

use super::{Draft, Names};

/// Global administrator: directory role templates have the same id in every tenant.
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

fn policy(
    name: &str,
    state: &str,
    users: Value,
    more: Value,
    grant: Value,
    session: Value,
) -> Draft {
    let mut conditions = json!({"clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]}, "users": users});
    if let (Some(conditions), Some(more)) = (conditions.as_object_mut(), more.as_object()) {
        conditions.extend(more.clone());
    }
    Draft::new(
        "conditionalAccessPolicies",
        json!({"displayName": name, "state": state, "conditions": conditions,
            "grantControls": grant, "sessionControls": session}),
    )
}

fn grant(operator: &str, controls: &[&str]) -> Value {
    json!({"operator": operator, "builtInControls": controls})
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let glass = names.group("Break Glass Accounts");
    let everyone = json!({"includeUsers": ["All"], "excludeGroups": [glass]});
    let none = || Value::Null;
    let report = "enabledForReportingButNotEnforced";
    let location = |name: &str| names.id("namedLocations", name);
    let strength = |id: &str| {
        json!({"operator": "OR", "builtInControls": [],
            "authenticationStrength": {"id": format!("00000000-0000-0000-0000-00000000000{id}")}})
    };
    vec![
        policy(
            "CA001 - Block legacy authentication",
            "enabled",
            everyone.clone(),
            json!({"clientAppTypes": ["exchangeActiveSync", "other"]}),
            grant("OR", &["block"]),
            none(),
        ),
        policy(
            "CA002 - Require MFA for everyone",
            "enabled",
            everyone.clone(),
            json!({"locations": {"includeLocations": ["All"], "excludeLocations": [location("Head Office")]}}),
            grant("OR", &["mfa"]),
            none(),
        ),
        policy(
            "CA003 - Require MFA for administrators",
            "enabled",
            json!({"includeRoles": [GLOBAL_ADMINISTRATOR], "excludeUsers": [names.id("users", "Break Glass 1")],
                "excludeGroups": [glass]}),
            json!({}),
            grant("OR", &["mfa"]),
            none(),
        ),
        policy(
            "CA004 - Phishing-resistant MFA for administrators",
            report,
            json!({"includeGroups": [names.group("Administrators")], "excludeGroups": [glass]}),
            json!({}),
            strength("4"),
            none(),
        ),
        policy(
            "CA005 - Block outside allowed countries",
            report,
            everyone.clone(),
            json!({"locations": {"includeLocations": ["All"],
                "excludeLocations": [location("Allowed Countries"), "AllTrusted"]}}),
            grant("OR", &["block"]),
            none(),
        ),
        policy(
            "CA006 - Block from blocked countries",
            "enabled",
            everyone.clone(),
            json!({"locations": {"includeLocations": [location("Blocked Countries")], "excludeLocations": []}}),
            grant("OR", &["block"]),
            none(),
        ),
        policy(
            "CA007 - Compliant device for finance",
            report,
            json!({"includeGroups": [names.group("Finance Users")], "excludeGroups": [glass]}),
            json!({"platforms": {"includePlatforms": ["windows", "macOS"], "excludePlatforms": []}}),
            grant("OR", &["compliantDevice", "domainJoinedDevice"]),
            none(),
        ),
        policy(
            "CA008 - Sign-in frequency for contractors",
            "enabled",
            json!({"includeGroups": [names.group("Contractors")], "excludeGroups": [glass]}),
            json!({"applications": {"includeApplications": ["Office365"]}}),
            none(),
            json!({"signInFrequency": {"value": 8, "type": "hours", "authenticationType":
                "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased", "isEnabled": true},
                "persistentBrowser": {"mode": "never", "isEnabled": true}}),
        ),
        policy(
            "CA009 - Terms of use for contractors",
            "disabled",
            json!({"includeGroups": [names.group("Contractors")]}),
            json!({}),
            json!({"operator": "AND", "builtInControls": ["mfa"],
                "termsOfUse": [names.id("termsOfUse", "Acceptable Use")]}),
            none(),
        ),
        // The target lacks the exclusion group: promoting this one could lock service accounts out.
        policy(
            "CA010 - Block unknown platforms",
            "enabled",
            json!({"includeUsers": ["All"],
                "excludeGroups": [glass, names.group("CA Exclusions - Service Accounts")]}),
            json!({"platforms": {"includePlatforms": ["all"],
                "excludePlatforms": ["windows", "macOS", "iOS", "android"]}}),
            grant("OR", &["block"]),
            none(),
        ),
        policy(
            "CA011 - Guests need MFA",
            "enabled",
            json!({"includeGuestsOrExternalUsers": {
                "guestOrExternalUserTypes": "b2bCollaborationGuest,b2bCollaborationMember",
                "externalTenants": {"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
                    "membershipKind": "all"}}}),
            json!({}),
            strength("2"),
            none(),
        ),
        policy(
            "CA012 - Step up for sensitive actions",
            report,
            everyone,
            json!({"applications": {"includeApplications": [],
                "includeAuthenticationContextClassReferences": ["c1"]}}),
            strength("3"),
            none(),
        ),
    ]
}
