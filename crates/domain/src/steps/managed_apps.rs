//! The calls of policies that name the apps they are for: apps, and settings in the catalogue's
//! way, have replace-all actions of their own and are no part of the object's body.

use serde_json::{Map, Value, json};

use super::{
    StepError, StepKind, WriteStep, body, catalog, checks, device_preparation, group_policy,
    refuse, step,
};
use crate::canonical::{self, Reading, is_derived};
use crate::capture;
use crate::device_preparation::TARGETS;
use crate::group_policy::VALUES;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::PolicyType;

const TARGET_APPS: &str = "target_apps";
const CHANGE_SETTINGS: &str = "change_settings";
/// Its apps are always chosen one by one: the action takes no group.
const WITHOUT_GROUPS: &str = "windowsManagedAppProtections";

/// The actions of a row, besides `assign`.
pub(super) fn actions(row: &PolicyType) -> Vec<&'static str> {
    let mut actions = vec!["targetApps"];
    if has_settings(row) {
        actions.push("changeSettings");
    }
    actions
}

fn has_settings(row: &PolicyType) -> bool {
    row.sub_collections
        .iter()
        .any(|sub| sub.property == "settings")
}

/// Parts of a new object that steps after its create write as a whole: until then it has none.
pub fn written_later(steps: &[WriteStep]) -> Vec<&'static str> {
    steps
        .iter()
        .filter_map(|step| match step.name.as_str() {
            TARGET_APPS => Some("apps"),
            CHANGE_SETTINGS => Some("settings"),
            group_policy::STEP => Some(VALUES),
            device_preparation::STEP => Some(TARGETS),
            _ => None,
        })
        .collect()
}

/// Says outright what the object is: answers leave it out, some services ask for it.
pub(super) fn shape(row: &PolicyType, body: &mut Value) {
    if let Some(members) = body::members(body) {
        let kind = row.key.trim_end_matches('s');
        let kind = Value::String(format!("#microsoft.graph.{kind}"));
        members.insert("@odata.type".to_owned(), kind);
    }
}

/// Adds the actions that are needed, and settles what will be there afterwards.
pub(super) fn write(
    row: &PolicyType,
    content: &mut Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    let standing = target.cloned().unwrap_or_else(|| json!({}));
    if has_settings(row) && differs(row, content, &standing, &["settings"]) {
        let mut body = json!({"settings": list(content, "settings")});
        catalog::shape(&mut body);
        checks::secrets(row, &body)?;
        steps.push(action(row, CHANGE_SETTINGS, "changeSettings", body));
    }
    let apps = list(content, "apps");
    let needed = match target {
        None => !apps.is_empty(),
        Some(target) => differs(row, content, target, &["apps", "appGroupType"]),
    };
    if needed {
        let body = target_apps(row, content, &apps)?;
        steps.push(action(row, TARGET_APPS, "targetApps", body));
    }
    // The service lists the apps of such a group whatever is sent.
    if apps.is_empty()
        && is_derived(content)
        && let (Some(members), Some(there)) = (body::members(content), standing.get("apps"))
    {
        members.insert("apps".to_owned(), there.clone());
    }
    Ok(())
}

fn target_apps(row: &PolicyType, content: &Value, apps: &[Value]) -> Result<Value, StepError> {
    let mut named = Vec::with_capacity(apps.len());
    for app in apps {
        let Some(identifier) = app.get("mobileAppIdentifier").filter(|id| id.is_object()) else {
            return refuse(
                "invalid_for_create",
                "/apps holds an app without its package or bundle id; sync the source again.",
            );
        };
        named.push(json!({"mobileAppIdentifier": identifier}));
    }
    let mut body = json!({"apps": named});
    body::drop_nulls(&mut body);
    if row.key != WITHOUT_GROUPS
        && let Some(members) = body::members(&mut body)
    {
        let group = content
            .get("appGroupType")
            .filter(|group| group.is_string())
            .cloned()
            .unwrap_or_else(|| json!("selectedPublicApps"));
        members.insert("appGroupType".to_owned(), group);
    }
    Ok(body)
}

fn action(row: &PolicyType, name: &str, action: &str, body: Value) -> WriteStep {
    let path = format!("/{{item}}/{action}");
    step(
        row,
        name,
        StepKind::ReplaceAction,
        "POST",
        &path,
        Some(body),
    )
}

fn list(content: &Value, property: &str) -> Vec<Value> {
    content
        .get(property)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Whether these members differ in meaning.
fn differs(row: &PolicyType, one: &Value, other: &Value, members: &[&str]) -> bool {
    let of = |content: &Value| {
        let only: Map<String, Value> = members
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), content.get(*name)?.clone())))
            .filter(|(_, value)| !value.as_array().is_some_and(Vec::is_empty))
            .collect();
        let only = Value::Object(only);
        let policy = CapturedPolicy {
            policy_type: row.key.to_owned(),
            external_id: String::new(),
            display_name: String::new(),
            platform: None,
            identity_key: String::new(),
            references: capture::references::collect(row, &only, &Value::Null),
            content: only,
            assignments: Value::Null,
            content_hash: String::new(),
            has_secrets: false,
        };
        canonical::facet_value(row, &policy, Facet::Settings, Reading::Raw)
    };
    of(one) != of(other)
}
