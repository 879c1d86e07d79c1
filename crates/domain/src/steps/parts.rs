//! Creates that take more than one call: the rest of the members, and the rank.

use serde_json::{Map, Value, json};

use super::{StepKind, WriteStep, apps, body, step};
use crate::capture::default_object;
use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType};

/// Name of the step that brings what the create could not take.
pub(super) const COMPLETE: &str = "complete";
/// Name of the step that ranks an object.
const SET_PRIORITY: &str = "set_priority";
/// Autopilot refuses an empty language on create and takes it afterwards.
const EMPTY_ON_CREATE: &str = "locale";

/// Splits a create body: what goes first, and what a PATCH brings afterwards.
pub(super) fn split(row: &PolicyType, mut body: Value) -> (Value, Option<Value>) {
    let Value::Object(members) = &mut body else {
        return (body, None);
    };
    let later: Map<String, Value> = later_members(row, members)
        .into_iter()
        .filter_map(|name| members.remove_entry(&name))
        .filter(|(_, value)| !value.is_null())
        .collect();
    if later.is_empty() {
        return (body, None);
    }
    let mut rest = later;
    if let Some(kind) = members.get("@odata.type") {
        rest.insert("@odata.type".to_owned(), kind.clone());
    }
    (body, Some(Value::Object(rest)))
}

fn later_members(row: &PolicyType, members: &Map<String, Value>) -> Vec<String> {
    let later = |name: &&String| match row.create_first {
        None if row.adapter == Adapter::App => name.as_str() == apps::FEATURED,
        Some(first) => !first.contains(&name.as_str()) && name.as_str() != "@odata.type",
        None => {
            row.one_for_all_devices
                && name.as_str() == EMPTY_ON_CREATE
                && members.get(name.as_str()).and_then(Value::as_str) == Some("")
        }
    };
    members.keys().filter(later).cloned().collect()
}

/// The step that brings the rest.
pub(super) fn complete(row: &PolicyType, rest: Value) -> WriteStep {
    step(
        row,
        COMPLETE,
        StepKind::Replace,
        "PATCH",
        "/{item}",
        Some(rest),
    )
}

/// Adds the call that ranks the object where its rank is not the planned one. A fresh object gets a
/// rank of its own from the service: whether it has to be changed is seen before the call.
pub(super) fn rank(
    row: &PolicyType,
    content: &Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) {
    let Some(property) = row.priority else {
        return;
    };
    let Some(wanted) = pattern::get(content, property).and_then(Value::as_i64) else {
        return;
    };
    let standing = target.and_then(|target| pattern::get(target, property)?.as_i64());
    if default_object::is(row, content) || standing == Some(wanted) {
        return;
    }
    steps.push(step(
        row,
        SET_PRIORITY,
        StepKind::ReplaceAction,
        "POST",
        "/{item}/setPriority",
        Some(json!({ property: wanted })),
    ));
}

/// Whether a live object already has the rank a step would give it: Graph refuses to set the same.
pub fn is_ranked(step: &WriteStep, live: &Value) -> bool {
    let body = step.body.as_ref().and_then(Value::as_object);
    step.name == SET_PRIORITY
        && body.is_some_and(|wanted| {
            wanted
                .iter()
                .all(|(property, value)| live.get(property) == Some(value))
        })
}

/// Members of a fresh object that steps after its create bring: until then they are the service's.
pub fn brought_later(steps: &[WriteStep]) -> Vec<&str> {
    steps
        .iter()
        .filter(|step| step.name == COMPLETE || step.name == SET_PRIORITY)
        .filter_map(|step| step.body.as_ref()?.as_object())
        .flat_map(|body| body.keys().map(String::as_str))
        .filter(|name| *name != "@odata.type")
        .collect()
}

/// Leaves an empty service application out of a create.
pub(super) fn drop_empty_service_app(row: &PolicyType, body: &mut Value) {
    if row.one_for_all_devices
        && let Some(members) = body::members(body)
        && members
            .get("managementServiceAppId")
            .and_then(Value::as_str)
            == Some("")
    {
        members.remove("managementServiceAppId");
    }
}
