//! What a device preparation policy is made of besides its settings: the group that a device joins
//! while it enrols, and the apps and scripts that its settings name.
//!
//! The group is no property of the policy: it is read and set by actions. The setting that is named
//! after it is written by every portal and decides nothing. Decides what of an answer is the group and
//! where the settings point to other objects; sends nothing.

use serde_json::{Map, Value, json};

use crate::json;
use crate::policy_type::{Adapter, PolicyType};

/// Member of the content with the groups; the parameter of the action that sets them.
pub const TARGETS: &str = "enrollmentTimeDeviceMembershipTargets";
/// The action that answers them. It changes nothing and asks for no more than the role to read.
pub const RETRIEVE: &str = "retrieveEnrollmentTimeDeviceMembershipTarget";
/// What the action answers of each group.
const STATUSES: &str = "enrollmentTimeDeviceMembershipTargetValidationStatuses";
/// Why the service does not accept a group that is set.
const ERROR: &str = "targetValidationErrorCode";

const ALLOWED_APPS: &str = "enrollment_autopilot_dpp_allowedappids";
const ALLOWED_SCRIPTS: &str = "enrollment_autopilot_dpp_allowedscriptids";
const GROUPS: [&str; 2] = [
    "enrollment_autopilot_dpp_devicesecuritygroupids",
    "enrollment_autopilot_dpp_devicegroup",
];

/// Whether objects of the row have a group that is read by an action.
pub fn has_device_group(row: &PolicyType) -> bool {
    row.adapter == Adapter::DevicePreparation
}

/// The groups in the action's answer; `None` where it is not an answer of that action. An answer
/// without a list says that there is none.
pub fn groups_of(answer: &Value) -> Option<Value> {
    let result = result_of(answer)?.as_object()?;
    let known = ["validationSucceeded", STATUSES, TARGETS];
    if !known.iter().any(|name| result.contains_key(*name)) {
        return None;
    }
    let mut groups = Vec::new();
    for list in [TARGETS, STATUSES] {
        let entries = match result.get(list) {
            None | Some(Value::Null) => continue,
            Some(entries) => entries.as_array()?,
        };
        groups = entries.iter().map(group_of).collect::<Option<_>>()?;
        if !groups.is_empty() {
            break;
        }
    }
    Some(Value::Array(groups))
}

/// The result in the answer of an action, however it is wrapped.
fn result_of(answer: &Value) -> Option<&Value> {
    match answer.get("value") {
        Some(Value::Array(results)) => results.first(),
        Some(result) => Some(result),
        None => Some(answer),
    }
}

fn group_of(entry: &Value) -> Option<Value> {
    let id = entry
        .get("targetId")?
        .as_str()
        .filter(|id| !id.is_empty())?;
    let kind = entry.get("targetType").and_then(Value::as_str);
    let mut group = Map::new();
    group.insert("targetId".to_owned(), json!(id));
    let kind = kind.unwrap_or("staticSecurityGroup");
    group.insert("targetType".to_owned(), json!(kind));
    if entry.get("validationSucceeded") == Some(&Value::Bool(false)) {
        let code = entry.get(ERROR).and_then(Value::as_str);
        group.insert(ERROR.to_owned(), json!(code.unwrap_or("unknown")));
    }
    Some(Value::Object(group))
}

/// Why the service itself does not accept a group of this content.
pub(crate) fn refused_group(content: &Value) -> Option<&str> {
    let groups = content.get(TARGETS)?.as_array()?;
    groups.iter().find_map(|group| group.get(ERROR)?.as_str())
}

/// Why the service did not set the groups, from its answer to the action that sets or clears them: a
/// success by its status may say so. `None` where it did not say so.
pub fn refusal_of(action_path: &str, answer: &Value) -> Option<String> {
    let action = action_path.rsplit('/').next().unwrap_or_default();
    if !crate::steps::DEVICE_GROUP_ACTIONS.contains(&action) {
        return None;
    }
    let result = result_of(answer)?;
    let statuses = result.get(STATUSES).and_then(Value::as_array);
    let refused = |entry: &Value| entry.get("validationSucceeded") == Some(&Value::Bool(false));
    let of_group = statuses.into_iter().flatten().find(|entry| refused(entry));
    if of_group.is_none() && !refused(result) {
        return None;
    }
    let code = of_group.and_then(|entry| entry.get(ERROR)?.as_str());
    Some(code.unwrap_or("unknown").to_owned())
}

/// Opens the texts in which the settings name apps: `{"id": .., "type": ..}` written as a text.
pub(crate) fn open_apps(content: &mut Value) {
    each_app(content, &mut |value| {
        let opened = value
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .filter(Value::is_object);
        if let Some(opened) = opened {
            *value = opened;
        }
    });
}

/// Writes them as texts again.
pub(crate) fn close_apps(content: &mut Value) {
    each_app(content, &mut |value| {
        if value.is_object() {
            *value = Value::String(value.to_string());
        }
    });
}

fn each_app(content: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    let settings = content.get_mut("settings").and_then(Value::as_array_mut);
    for setting in settings.into_iter().flatten() {
        if definition_of(setting) != Some(ALLOWED_APPS) {
            continue;
        }
        let values = setting.pointer_mut("/settingInstance/simpleSettingCollectionValue");
        let values = values.and_then(Value::as_array_mut);
        for value in values.into_iter().flatten() {
            if let Some(value) = value.get_mut("value") {
                change(value);
            }
        }
    }
}

/// Calls `visit` with kind, pointer and id of everything that the settings name.
pub(crate) fn references(content: &Value, visit: &mut dyn FnMut(&'static str, &str, &Value)) {
    let settings = content.get("settings").and_then(Value::as_array);
    for (index, setting) in settings.into_iter().flatten().enumerate() {
        let (kind, below) = match definition_of(setting) {
            Some(ALLOWED_APPS) => ("mobile_app", "/value/id"),
            Some(ALLOWED_SCRIPTS) => ("platform_script", "/value"),
            Some(name) if GROUPS.contains(&name) => ("group", "/value"),
            _ => continue,
        };
        let at = json::below(&json::below("", "settings"), index);
        let instance = format!("{at}/settingInstance");
        let mut add = |value: String| {
            if let Some(id) = content.pointer(&value) {
                visit(kind, &value, id);
            }
        };
        add(format!("{instance}/simpleSettingValue{below}"));
        let list = format!("{instance}/simpleSettingCollectionValue");
        let entries = content.pointer(&list).and_then(Value::as_array);
        for entry in 0..entries.map_or(0, Vec::len) {
            add(format!("{list}/{entry}{below}"));
        }
    }
}

fn definition_of(setting: &Value) -> Option<&str> {
    setting
        .pointer("/settingInstance/settingDefinitionId")?
        .as_str()
}
