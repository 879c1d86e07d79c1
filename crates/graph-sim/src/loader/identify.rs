//! Decides which collection an exported object belongs to: by its annotations, by the folder it
//! lies in, and at last by its shape.

use serde_json::{Map, Value};

use crate::rules::{self, CollectionRule};
use crate::schema::Schema;

/// Folder names of the usual exporters, in lower case, and the collections they hold.
const FOLDERS: &[(&str, &str)] = &[
    ("proactive remediations", "deviceHealthScripts"),
    ("custom attributes", "deviceCustomAttributeShellScripts"),
    ("shell", "deviceShellScripts"),
    ("powershell", "deviceManagementScripts"),
    ("powershellscripts", "deviceManagementScripts"),
    ("macscripts", "deviceShellScripts"),
    ("healthscripts", "deviceHealthScripts"),
    ("compliancepoliciesv2", "compliancePolicies"),
    ("maccustomattributes", "deviceCustomAttributeShellScripts"),
    ("settings catalog", "configurationPolicies"),
    ("settingscatalog", "configurationPolicies"),
    ("nativeimport", "configurationPolicies"),
    ("message templates", "notificationMessageTemplates"),
    ("notifications", "notificationMessageTemplates"),
    ("compliancepolicies", "deviceCompliancePolicies"),
    ("compliance policies", "deviceCompliancePolicies"),
    ("compliance scripts", "deviceComplianceScripts"),
    ("device compliance policies", "deviceCompliancePolicies"),
    ("device configurations", "deviceConfigurations"),
    ("device configuration", "deviceConfigurations"),
    ("deviceconfiguration", "deviceConfigurations"),
    ("updatepolicies", "deviceConfigurations"),
    ("assignment filters", "assignmentFilters"),
    ("assignmentfilters", "assignmentFilters"),
    ("filters", "assignmentFilters"),
    ("scope tags", "roleScopeTags"),
    ("scopetags", "roleScopeTags"),
    ("role scope tags", "roleScopeTags"),
    ("conditional access", "conditionalAccessPolicies"),
    ("conditionalaccess", "conditionalAccessPolicies"),
    ("named locations", "namedLocations"),
    ("namedlocations", "namedLocations"),
    ("reusable policy settings", "reusablePolicySettings"),
    ("reusablesettings", "reusablePolicySettings"),
    ("groups", "groups"),
    ("users", "users"),
    ("terms of use", "termsOfUse"),
    ("termsofuse", "termsOfUse"),
    ("authentication strengths", "authenticationStrengthPolicies"),
    ("authenticationstrengths", "authenticationStrengthPolicies"),
];

/// The objects of a document: one, a list, or a wrapper around a list.
pub(super) fn split(value: Value) -> Vec<Map<String, Value>> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| item.as_object().cloned())
            .collect(),
        Value::Object(members) => {
            let named = members.contains_key("displayName") || members.contains_key("name");
            let inner = ["value", "filters", "policies"].iter().find_map(|name| {
                members
                    .get(*name)
                    .and_then(Value::as_array)
                    .filter(|_| !named)
                    .cloned()
            });
            match inner {
                Some(items) => items
                    .into_iter()
                    .filter_map(|item| item.as_object().cloned())
                    .collect(),
                None => vec![members],
            }
        }
        _ => Vec::new(),
    }
}

/// The collection of an object, or why it has none.
pub(super) fn rule_of(
    schema: &Schema,
    file: &str,
    body: &Map<String, Value>,
) -> Result<&'static CollectionRule, String> {
    let key = by_annotation(schema, body)
        .or_else(|| by_folder(file))
        .or_else(|| by_shape(schema, body).map(str::to_owned))
        .ok_or_else(|| "type not recognised".to_owned())?;
    rules::by_key(&key)
        .filter(|_| body.contains_key("displayName") || body.contains_key("name"))
        .ok_or(format!("type {key} is not served"))
}

fn by_annotation(schema: &Schema, body: &Map<String, Value>) -> Option<String> {
    let context = body
        .get("@odata.context")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some((_, path)) = context.split_once("$metadata#") {
        let path = path
            .trim_end_matches("/$entity")
            .split('(')
            .next()
            .unwrap_or_default();
        let known = rules::TABLE.iter().find(|rule| rule.paths.contains(&path));
        return Some(known.map_or_else(
            || path.rsplit('/').next().unwrap_or(path).to_owned(),
            |rule| rule.key.to_owned(),
        ));
    }
    let kind = body.get("@odata.type").and_then(Value::as_str)?;
    let kind = schema.resolve_annotation(kind)?;
    let key = rules::TABLE
        .iter()
        .find(|rule| schema.is_a(kind, rule.entity))?
        .key;
    Some(key.to_owned())
}

fn by_folder(file: &str) -> Option<String> {
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    let folders = parts
        .get(..parts.len().saturating_sub(1))
        .unwrap_or_default();
    // The innermost telling folder decides: "Compliance Policies/Message Templates".
    let folded = folders.iter().rev().find_map(|folder| {
        let lower = folder.to_lowercase();
        rules::TABLE
            .iter()
            .find(|rule| rule.key.eq_ignore_ascii_case(folder))
            .map(|rule| rule.key)
            .or_else(|| {
                FOLDERS
                    .iter()
                    .find(|(name, _)| *name == lower)
                    .map(|(_, key)| *key)
            })
    });
    // A folder named like another Graph collection says: known, but not served.
    folded.map(str::to_owned).or_else(|| {
        folders
            .last()
            .filter(|folder| {
                folder
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '.')
            })
            .filter(|folder| folder.chars().any(|c| c.is_ascii_uppercase()))
            .map(|folder| (*folder).to_owned())
    })
}

fn by_shape(schema: &Schema, body: &Map<String, Value>) -> Option<&'static str> {
    let has = |name: &str| body.contains_key(name);
    let typed = body.contains_key("@odata.type") && by_annotation(schema, body).is_none();
    if typed {
        None
    } else if has("settings") && has("technologies") {
        Some("configurationPolicies")
    } else if has("conditions") && (has("grantControls") || has("sessionControls")) {
        Some("conditionalAccessPolicies")
    } else if has("scheduledActionsForRule") {
        Some("deviceCompliancePolicies")
    } else if has("definitionValues") {
        Some("groupPolicyConfigurations")
    } else if has("rule") && has("platform") {
        Some("assignmentFilters")
    } else if has("localizedNotificationMessages") || has("brandingOptions") {
        Some("notificationMessageTemplates")
    } else if has("securityEnabled") && has("mailEnabled") {
        Some("groups")
    } else {
        None
    }
}

/// Puts exporters' private shapes into Graph's.
pub(super) fn flatten(body: &mut Map<String, Value>) {
    // Hand-written templates use a shorter name for the messages.
    if let Some(messages) = body.remove("localizedMessages") {
        body.entry("localizedNotificationMessages")
            .or_insert(messages);
    }
}
