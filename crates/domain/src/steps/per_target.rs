//! Assignments that are objects of their own: one POST per target to add, one DELETE to remove.
//!
//! What is removed goes first where it lets devices in, so that at no moment more is reached than the
//! old or the new set reaches; an exclusion is lifted last.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{StepKind, WriteStep, step};
use crate::policy_type::{PolicyType, odata_type};

/// Member of the journal's key: children are told apart by whom they reach.
pub const TARGET_KEY: &str = "target";

/// Whom an assignment reaches: its kind and its group.
pub fn target_key(assignment: &Value) -> Option<String> {
    let target = assignment.get("target")?;
    let kind = odata_type(target);
    let group = target.get("groupId").and_then(Value::as_str);
    (!kind.is_empty()).then(|| match group {
        Some(group) => format!("{kind}:{}", group.to_ascii_lowercase()),
        None => kind.to_owned(),
    })
}

/// Whether a listed child is the one that a step makes or removes. An assignment that a policy set
/// made is not the policy's own.
pub fn is_child(child: &Value, key: &str, value: &str) -> bool {
    if key == TARGET_KEY {
        let own = child
            .get("source")
            .and_then(Value::as_str)
            .is_none_or(|source| source.eq_ignore_ascii_case("direct"));
        return own && target_key(child).is_some_and(|key| key.eq_ignore_ascii_case(value));
    }
    match child.get(key) {
        Some(Value::String(text)) => text.eq_ignore_ascii_case(value),
        // A list is known by its texts in any order.
        Some(Value::Array(items)) => {
            let mut texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.sort_unstable();
            texts.join("+").eq_ignore_ascii_case(value)
        }
        _ => false,
    }
}

/// The calls that lead from one set to the other, in a safe order.
pub(super) fn steps(
    row: &PolicyType,
    path: &str,
    wanted: &Value,
    standing: &Value,
) -> Vec<WriteStep> {
    let (wanted, standing) = (by_target(wanted), by_target(standing));
    let mut calls: Vec<(u8, WriteStep)> = Vec::new();
    for key in standing.keys().filter(|key| !wanted.contains_key(*key)) {
        // A group has one assignment: what excluded it goes before it is included.
        let replaced = wanted.keys().any(|other| group_of(other) == group_of(key));
        let rank = if excludes(key) && !replaced { 3 } else { 0 };
        calls.push((rank, remove(row, path, key)));
    }
    for (key, assignment) in wanted
        .iter()
        .filter(|(key, _)| !standing.contains_key(*key))
    {
        let rank = if excludes(key) { 1 } else { 2 };
        calls.push((rank, add(row, path, key, assignment)));
    }
    calls.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    calls.into_iter().map(|(_, call)| call).collect()
}

fn by_target(assignments: &Value) -> BTreeMap<String, &Value> {
    assignments
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|assignment| Some((target_key(assignment)?, assignment)))
        .collect()
}

fn excludes(key: &str) -> bool {
    key.starts_with("exclusion")
}

fn group_of(key: &str) -> Option<&str> {
    key.split_once(':').map(|(_, group)| group)
}

fn add(row: &PolicyType, path: &str, key: &str, assignment: &Value) -> WriteStep {
    let kind = StepKind::CreateChild {
        collection: path.to_owned(),
        key: TARGET_KEY.to_owned(),
        value: key.to_owned(),
    };
    let body = json!({ "target": assignment.get("target") });
    step(
        row,
        &format!("assign:{key}"),
        kind,
        "POST",
        &format!("/{{item}}/{path}"),
        Some(body),
    )
}

fn remove(row: &PolicyType, path: &str, key: &str) -> WriteStep {
    let kind = StepKind::DeleteFound {
        collection: path.to_owned(),
        key: TARGET_KEY.to_owned(),
        value: key.to_owned(),
    };
    step(
        row,
        &format!("unassign:{key}"),
        kind,
        "DELETE",
        &child_template(path),
        None,
    )
}

/// Path of one assignment below the collection; its id is looked up before the call.
pub(super) fn child_template(path: &str) -> String {
    format!("/{{item}}/{path}/{{child}}")
}
