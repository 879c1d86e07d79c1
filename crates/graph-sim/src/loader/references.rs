//! Resolves what a loaded object refers to, by id or by name, and creates what nobody exported.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::insert_behind;
use crate::rules::{self, CollectionRule};
use crate::state::World;

const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// Where each collection keeps ids of others: the path of a text or a list of texts.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "compliancePolicies",
        "scheduledActionsForRule.*.scheduledActionConfigurations.*.notificationTemplateId",
        "notificationMessageTemplates",
    ),
    (
        "compliancePolicies",
        "scheduledActionsForRule.*.scheduledActionConfigurations.*.notificationMessageCCList.*",
        "groups",
    ),
    (
        "deviceCompliancePolicies",
        "scheduledActionsForRule.*.scheduledActionConfigurations.*.notificationTemplateId",
        "notificationMessageTemplates",
    ),
    (
        "deviceCompliancePolicies",
        "scheduledActionsForRule.*.scheduledActionConfigurations.*.notificationMessageCCList.*",
        "groups",
    ),
    (
        "deviceCompliancePolicies",
        "deviceCompliancePolicyScript.deviceComplianceScriptId",
        "deviceComplianceScripts",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.users.includeGroups.*",
        "groups",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.users.excludeGroups.*",
        "groups",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.users.includeUsers.*",
        "users",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.users.excludeUsers.*",
        "users",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.locations.includeLocations.*",
        "namedLocations",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.locations.excludeLocations.*",
        "namedLocations",
    ),
    (
        "conditionalAccessPolicies",
        "grantControls.authenticationStrength.id",
        "authenticationStrengthPolicies",
    ),
    (
        "conditionalAccessPolicies",
        "grantControls.termsOfUse.*",
        "termsOfUse",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.applications.includeApplications.*",
        "servicePrincipals",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.applications.excludeApplications.*",
        "servicePrincipals",
    ),
    (
        "conditionalAccessPolicies",
        "conditions.applications.includeAuthenticationContextClassReferences.*",
        "authenticationContextClassReferences",
    ),
];

/// Words that stand where ids stand.
const WORDS: [&str; 9] = [
    "All",
    "None",
    "AllTrusted",
    "GuestsOrExternalUsers",
    "Office365",
    "MicrosoftAdminPortals",
    "AllAgentIdResources",
    "AllAgentIdUsers",
    ZERO,
];

const REFERENCE_VALUE: &str = "#microsoft.graph.deviceManagementConfigurationReferenceSettingValue";

/// Resolves the references of a body; what was made is added to `created`.
pub(super) fn resolve(
    world: &mut World,
    tid: &str,
    rule: &CollectionRule,
    body: &mut Map<String, Value>,
    created: &mut BTreeSet<String>,
) {
    if let Some(property) = rule.scope_tags {
        resolve_tags(world, tid, property, body, created);
    }
    // IntuneCD names tags on objects that carry them as text.
    let mut value = Value::Object(std::mem::take(body));
    for (key, path, kind) in PLACES {
        if *key == rule.key {
            let steps: Vec<&str> = path.split('.').collect();
            visit(&mut value, &steps, &mut |text| {
                if !text.is_empty() && !WORDS.contains(&text.as_str()) {
                    *text = existing(world, tid, kind, text, created);
                }
            });
        }
    }
    if matches!(rule.key, "configurationPolicies" | "compliancePolicies") {
        visit_references(&mut value, &mut |text| {
            *text = existing(world, tid, "reusablePolicySettings", text, created);
        });
    }
    *body = value.as_object().cloned().unwrap_or_default();
}

fn visit(value: &mut Value, steps: &[&str], change: &mut dyn FnMut(&mut String)) {
    match (steps, value) {
        ([], Value::String(text)) => change(text),
        (["*", rest @ ..], Value::Array(items)) => {
            for item in items {
                visit(item, rest, change);
            }
        }
        ([step, rest @ ..], Value::Object(members)) => {
            if let Some(inner) = members.get_mut(*step) {
                visit(inner, rest, change);
            }
        }
        _ => {}
    }
}

fn visit_references(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            let refers =
                members.get("@odata.type").and_then(Value::as_str) == Some(REFERENCE_VALUE);
            if let (true, Some(Value::String(text))) = (refers, members.get_mut("value")) {
                change(text);
            }
            members
                .values_mut()
                .for_each(|inner| visit_references(inner, change));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| visit_references(item, change)),
        _ => {}
    }
}

/// The id of the object that `text` names, by id or by name; made when the tenant lacks it.
fn existing(
    world: &mut World,
    tid: &str,
    key: &'static str,
    text: &str,
    created: &mut BTreeSet<String>,
) -> String {
    let Some(tenant) = world.tenant(tid) else {
        return text.to_owned();
    };
    let known = tenant
        .find(key, text)
        .or_else(|| tenant.find_by_name(key, text));
    if let Some(object) = known {
        return object.id.clone();
    }
    if key == "servicePrincipals"
        && tenant
            .list(key)
            .iter()
            .any(|object| object.text("appId") == Some(text))
    {
        return text.to_owned();
    }
    let Some(rule) = rules::by_key(key) else {
        return text.to_owned();
    };
    let is_id = Uuid::try_parse(text).is_ok() || key == "authenticationContextClassReferences";
    let name = if is_id {
        format!("Imported {} {}", label(key), text.get(..8).unwrap_or(text))
    } else {
        text.to_owned()
    };
    let id = if is_id && key != "servicePrincipals" {
        text.to_owned()
    } else {
        let seed = format!("{}/{key}/{text}", tid.to_lowercase());
        Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()).to_string()
    };
    let body = minimal(key, &name, text);
    insert_behind(world, tid, rule, Some(id.clone()), body, Vec::new());
    created.insert(format!("{key}: {name}"));
    // Policies name applications by their application id, not by the object's.
    if key == "servicePrincipals" {
        text.to_owned()
    } else {
        id
    }
}

fn label(key: &str) -> &'static str {
    match key {
        "groups" => "group",
        "users" => "user",
        "namedLocations" => "location",
        "assignmentFilters" => "filter",
        "notificationMessageTemplates" => "notification template",
        "servicePrincipals" => "application",
        "termsOfUse" => "terms of use",
        "authenticationStrengthPolicies" => "authentication strength",
        _ => "object",
    }
}

fn minimal(key: &str, name: &str, text: &str) -> Map<String, Value> {
    let body = match key {
        "groups" => json!({"displayName": name, "description": null, "groupTypes": [],
            "mailEnabled": false, "securityEnabled": true, "membershipRule": null,
            "onPremisesSyncEnabled": null}),
        "users" => json!({"displayName": name, "accountEnabled": true,
            "userPrincipalName": format!("{}@imported.example", name.replace(' ', "."))}),
        "servicePrincipals" => {
            json!({"displayName": name, "appId": text, "servicePrincipalType": "Application"})
        }
        "namedLocations" => json!({"@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": name, "isTrusted": false, "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]}),
        "assignmentFilters" => json!({"displayName": name, "description": null,
            "platform": "windows10AndLater", "rule": "(device.deviceOwnership -eq \"Corporate\")",
            "assignmentFilterManagementType": "devices"}),
        "notificationMessageTemplates" => json!({"displayName": name,
            "brandingOptions": "includeCompanyName", "localizedNotificationMessages": []}),
        "authenticationStrengthPolicies" => json!({"displayName": name, "policyType": "custom",
            "requirementsSatisfied": "mfa", "allowedCombinations": ["fido2"]}),
        _ => json!({ "displayName": name }),
    };
    body.as_object().cloned().unwrap_or_default()
}

fn resolve_tags(
    world: &mut World,
    tid: &str,
    property: &str,
    body: &mut Map<String, Value>,
    created: &mut BTreeSet<String>,
) {
    let Some(Value::Array(tags)) = body.get_mut(property) else {
        return;
    };
    for tag in tags.iter_mut() {
        let Some(text) = tag.as_str().map(str::to_owned) else {
            continue;
        };
        let Some(tenant) = world.tenant(tid) else {
            continue;
        };
        let known = tenant
            .find("roleScopeTags", &text)
            .or_else(|| tenant.find_by_name("roleScopeTags", &text));
        let id = known.map(|found| found.id.clone()).or_else(|| {
            let rule = rules::by_key("roleScopeTags")?;
            let number = text.parse::<u64>().is_ok();
            let name = if number {
                format!("Imported scope tag {text}")
            } else {
                text.clone()
            };
            created.insert(format!("roleScopeTags: {name}"));
            let body = json!({ "displayName": name, "description": "" });
            let body = body.as_object().cloned().unwrap_or_default();
            insert_behind(
                world,
                tid,
                rule,
                number.then(|| text.clone()),
                body,
                Vec::new(),
            )
        });
        if let Some(id) = id {
            *tag = json!(id);
        }
    }
}

/// Brings assignments into Graph's form; groups and filters may be named instead of numbered.
pub(super) fn resolve_assignments(
    world: &mut World,
    tid: &str,
    rule: &CollectionRule,
    assignments: Vec<Value>,
    created: &mut BTreeSet<String>,
) -> Vec<Value> {
    let Some(assign) = &rule.assign else {
        return Vec::new();
    };
    let mut resolved = Vec::new();
    for entry in assignments {
        let Some(target) = entry.get("target").and_then(Value::as_object) else {
            continue;
        };
        let Some(kind) = target.get("@odata.type").and_then(Value::as_str) else {
            continue;
        };
        let text = |name: &str| {
            target
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let mut clean = Map::new();
        clean.insert("@odata.type".to_owned(), json!(kind));
        if kind.to_lowercase().ends_with("groupassignmenttarget") {
            let Some(group) = text("groupId").or_else(|| text("groupName")) else {
                continue;
            };
            let id = existing(world, tid, "groups", &group, created);
            clean.insert("groupId".to_owned(), json!(id));
        }
        if assign.filters {
            let filter = text("deviceAndAppManagementAssignmentFilterId").filter(|id| id != ZERO);
            let id =
                filter.map(|filter| existing(world, tid, "assignmentFilters", &filter, created));
            let kind = text("deviceAndAppManagementAssignmentFilterType");
            let kind = if id.is_some() { kind } else { None };
            clean.insert(
                "deviceAndAppManagementAssignmentFilterId".to_owned(),
                json!(id),
            );
            clean.insert(
                "deviceAndAppManagementAssignmentFilterType".to_owned(),
                json!(kind.unwrap_or_else(|| "none".to_owned())),
            );
        }
        let mut whole = json!({ "target": clean });
        if let Some(members) = whole.as_object_mut() {
            if let Some(schedule) = entry.get("runSchedule") {
                members.insert("runSchedule".to_owned(), schedule.clone());
            }
            // No answer of the service ever says that it remediates.
            if entry.get("runRemediationScript").is_some() {
                members.insert("runRemediationScript".to_owned(), json!(false));
            }
        }
        if assign.entity == "deviceConfigurationAssignment" {
            let intent = entry
                .get("intent")
                .cloned()
                .unwrap_or_else(|| json!("apply"));
            if let Some(members) = whole.as_object_mut() {
                members.insert("intent".to_owned(), intent);
            }
        }
        resolved.push(whole);
    }
    resolved
}
