//! Places that are filled when the id of a created object is known.

use std::collections::BTreeMap;

use serde_json::Value;

use super::WriteStep;
use crate::capture;
use crate::json;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;

/// A string that starts so stands for the id of what the subject behind it creates.
pub(super) const CREATED: &str = "$created:";

/// The string that stands for the id of what a subject creates.
pub(super) fn created_by(subject_key: &str) -> String {
    format!("{CREATED}{subject_key}")
}

/// Replaces `$created:` placeholders and `{item}`; `None` when an id is not known yet.
pub fn fill(
    step: &WriteStep,
    item: Option<&str>,
    created: &BTreeMap<String, String>,
) -> Option<WriteStep> {
    let mut filled = step.clone();
    if filled.path.contains("{item}") {
        filled.path = filled.path.replace("{item}", item?);
    }
    if let Some(body) = &mut filled.body {
        fill_value(body, created)?;
    }
    Some(filled)
}

/// The policy with its placeholders filled; `None` when an id is not known yet.
pub fn fill_policy(
    row: &PolicyType,
    policy: &CapturedPolicy,
    created: &BTreeMap<String, String>,
) -> Option<CapturedPolicy> {
    let mut filled = policy.clone();
    fill_value(&mut filled.content, created)?;
    fill_value(&mut filled.assignments, created)?;
    filled.references = capture::references::collect(row, &filled.content, &filled.assignments);
    Some(filled)
}

fn fill_value(value: &mut Value, created: &BTreeMap<String, String>) -> Option<()> {
    let mut known = true;
    json::edit_texts(value, &mut |text| {
        if let Some(subject) = text.strip_prefix(CREATED) {
            match created.get(subject) {
                Some(id) => *text = id.clone(),
                None => known = false,
            }
        }
    });
    known.then_some(())
}
