//! Judges an object that is between two steps of its own subject.
//!
//! Nothing is overwritten that nobody reviewed: between two steps every part of the live object
//! must be either still as it was reviewed or already as it was planned. Pure.

use std::collections::BTreeMap;

use domain::enrollment_notification;
use domain::group_policy;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, Adapter, PolicyType};
use domain::selection::{Carry, Options};
use domain::steps::{self, StepKind, WriteStep};
use domain::verify::{self, Mismatch};
use serde_json::{Map, Value};

/// What a fresh object looks like once its create step landed and nothing else did: unassigned,
/// without the children that later steps add.
pub fn after_create(
    row: &PolicyType,
    expected: &CapturedPolicy,
    steps: &[WriteStep],
) -> CapturedPolicy {
    let mut fresh = expected.clone();
    fresh.assignments = Value::Array(Vec::new());
    without_later_parts(row, steps, &mut fresh.content);
    fresh
}

/// Takes over the links that are on their way from the reviewed ones to the planned ones.
fn keep_links(
    row: &PolicyType,
    reviewed: &CapturedPolicy,
    planned: &CapturedPolicy,
    live: &CapturedPolicy,
    merged: &mut Value,
) {
    let Some(members) = merged.as_object_mut() else {
        return;
    };
    for link in policy_type::links_of(row, &planned.content) {
        let (was, will, is) = (&reviewed.content, &planned.content, &live.content);
        if steps::on_its_way(link, was, will, is) {
            match is.get(link.property) {
                Some(value) => members.insert(link.property.to_owned(), value.clone()),
                None => members.remove(link.property),
            };
        }
    }
}

/// Empties the parts that later steps write.
fn without_later_parts(row: &PolicyType, steps: &[WriteStep], content: &mut Value) {
    if enrollment_notification::has_templates(row) {
        enrollment_notification::without_texts(content);
    }
    let Some(content) = content.as_object_mut() else {
        return;
    };
    let children = row.sub_collections.iter().map(|sub| sub.property);
    let later = if has_child_steps(steps) {
        children.collect()
    } else {
        steps::written_later(steps)
    };
    for property in later {
        content.insert(property.to_owned(), Value::Array(Vec::new()));
    }
    for property in steps::linked_later(steps) {
        content.remove(property);
    }
}

/// Whether a candidate found after a lost create is the object that create would have made, perhaps
/// with some of the later steps done by nobody.
pub fn is_fresh(
    row: &PolicyType,
    expected: &CapturedPolicy,
    steps: &[WriteStep],
    live: &CapturedPolicy,
    created: &BTreeMap<String, String>,
    options: Options,
) -> Result<(), Vec<Mismatch>> {
    let fresh = after_create(row, expected, steps);
    let mut seen = live.clone();
    without_later_parts(row, steps, &mut seen.content);
    let unassigned = Options {
        assignments: Carry::KeepTarget,
        ..options
    };
    let fresh = as_made(&fresh, steps, &seen);
    verify::check(row, &fresh, &seen, created, unassigned, true)
}

/// A fresh object where what later steps bring is still the service's own.
fn as_made(fresh: &CapturedPolicy, steps: &[WriteStep], live: &CapturedPolicy) -> CapturedPolicy {
    let mut made = fresh.clone();
    if let Some(content) = made.content.as_object_mut() {
        for member in steps::brought_later(steps) {
            match live.content.get(member) {
                Some(value) => content.insert(member.to_owned(), value.clone()),
                None => content.remove(member),
            };
        }
    }
    made
}

/// Whether every part of `live` is as reviewed or as planned.
#[expect(
    clippy::too_many_arguments,
    reason = "the judgement depends on exactly these"
)]
pub fn check(
    row: &PolicyType,
    reviewed: &CapturedPolicy,
    expected: &CapturedPolicy,
    live: &CapturedPolicy,
    steps: &[WriteStep],
    created: &BTreeMap<String, String>,
    options: Options,
    created_now: bool,
) -> Result<(), Vec<Mismatch>> {
    let mut hybrid = expected.clone();
    hybrid.content = merge(row, reviewed, expected, live, has_child_steps(steps));
    let planned = steps::fill_policy(row, expected, created);
    let planned = planned.as_ref().unwrap_or(expected);
    keep_links(row, reviewed, planned, live, &mut hybrid.content);
    if row.adapter == Adapter::GroupPolicy {
        let between = group_policy::between(&reviewed.content, &expected.content, &live.content);
        if let Some(content) = hybrid.content.as_object_mut() {
            content.insert("definitionValues".to_owned(), Value::Array(between));
        }
    }
    if enrollment_notification::has_templates(row) {
        let (was, will, is) = (&reviewed.content, &expected.content, &live.content);
        let between = enrollment_notification::between(was, will, is, created_now);
        if let (Some(between), Some(content)) = (between, hybrid.content.as_object_mut()) {
            content.insert(enrollment_notification::TEMPLATES.to_owned(), between);
        }
    }
    if created_now {
        hybrid = as_made(&hybrid, steps, live);
    }
    if live.assignments == reviewed.assignments || partly_assigned(steps, reviewed, expected, live)
    {
        hybrid.assignments = live.assignments.clone();
    }
    if live.display_name == reviewed.display_name {
        hybrid.display_name.clone_from(&live.display_name);
    }
    verify::check(row, &hybrid, live, created, options, created_now)
}

/// Whether assignments that are written one by one are on their way from the one set to the other.
fn partly_assigned(
    steps: &[WriteStep],
    reviewed: &CapturedPolicy,
    expected: &CapturedPolicy,
    live: &CapturedPolicy,
) -> bool {
    let one_by_one = steps.iter().any(|step| match &step.kind {
        StepKind::CreateChild { collection, .. } | StepKind::DeleteFound { collection, .. } => {
            collection == "assignments"
        }
        _ => false,
    });
    let list = |policy: &CapturedPolicy| policy.assignments.as_array().cloned().unwrap_or_default();
    let (was, will, is) = (list(reviewed), list(expected), list(live));
    one_by_one
        && is.iter().all(|one| was.contains(one) || will.contains(one))
        && was
            .iter()
            .filter(|one| will.contains(one))
            .all(|one| is.contains(one))
}

fn merge(
    row: &PolicyType,
    reviewed: &CapturedPolicy,
    expected: &CapturedPolicy,
    live: &CapturedPolicy,
    child_steps: bool,
) -> Value {
    let none = Map::new();
    let of = |policy: &CapturedPolicy| policy.content.as_object().cloned().unwrap_or_default();
    let (was, is) = (of(reviewed), of(live));
    let mut merged = expected.content.as_object().unwrap_or(&none).clone();
    for (property, value) in &is {
        let unchanged = was.get(property) == Some(value);
        let children = child_steps
            && row
                .sub_collections
                .iter()
                .any(|sub| sub.property == property)
            && each_is_known(value, was.get(property), merged.get(property));
        if unchanged || children {
            merged.insert(property.clone(), value.clone());
        }
    }
    // A member the update clears and that was absent all along is as reviewed.
    for property in expected.content.as_object().unwrap_or(&none).keys() {
        if !is.contains_key(property) && !was.contains_key(property) {
            merged.remove(property);
        }
    }
    Value::Object(merged)
}

/// Children are written one by one: each must be one of the reviewed or of the planned ones. Which
/// message is the default moves by itself when another one becomes it.
fn each_is_known(live: &Value, reviewed: Option<&Value>, expected: Option<&Value>) -> bool {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (was, will) = (list(reviewed), list(expected));
    live.as_array().is_some_and(|children| {
        children.iter().map(without_default).all(|child| {
            was.iter().any(|there| without_default(there) == child)
                || will
                    .iter()
                    .any(|planned| covers(&child, &without_default(planned)))
        })
    })
}

fn without_default(child: &Value) -> Value {
    let mut child = child.clone();
    if let Some(members) = child.as_object_mut() {
        members.remove("isDefault");
    }
    child
}

/// Whether a child shows every planned member (the server may have added others).
fn covers(child: &Value, planned: &Value) -> bool {
    match (child.as_object(), planned.as_object()) {
        (Some(child), Some(planned)) => planned
            .iter()
            .all(|(name, value)| value.is_null() || child.get(name) == Some(value)),
        _ => child == planned,
    }
}

fn has_child_steps(steps: &[WriteStep]) -> bool {
    steps.iter().any(|step| {
        matches!(
            &step.kind,
            StepKind::CreateChild { collection, .. } if collection != "assignments"
        ) || step.kind == StepKind::DeleteChild
            || step.name.starts_with("message:")
            || step.name.starts_with("configuration:")
    })
}

#[cfg(test)]
#[path = "midway_test.rs"]
mod midway_test;
