//! The call that sets the group a device joins while it enrols. It replaces what was set.

use serde_json::{Value, json};

use super::{StepError, StepKind, WriteStep, refuse, step};
use crate::device_preparation::{TARGETS, refused_group};
use crate::policy_type::PolicyType;

/// Name of the step.
pub(super) const STEP: &str = "set_device_group";
/// The actions: an empty list is said by an action of its own.
pub(crate) const ACTIONS: [&str; 2] = ["setEnrollmentTimeDeviceMembershipTarget", CLEAR];
/// The one of them that some tenants take as DELETE.
pub(super) const CLEAR: &str = "clearEnrollmentTimeDeviceMembershipTarget";
const TYPE: &str = "#microsoft.graph.enrollmentTimeDeviceMembershipTarget";

/// Adds the call where the group is to be another one.
pub(super) fn write(
    row: &PolicyType,
    content: &Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    if let Some(code) = refused_group(content) {
        return refuse(
            "invalid_for_create",
            format!(
                "/{TARGETS} names a group that the source itself does not accept ({code}); set the \
                 device group there and sync again."
            ),
        );
    }
    let wanted = entries(Some(content));
    if wanted == entries(target) {
        return Ok(());
    }
    let [set, clear] = ACTIONS;
    let (action, body) = if wanted.is_empty() {
        (clear, None)
    } else {
        let body: Vec<Value> = wanted
            .iter()
            .map(|(kind, id)| json!({"@odata.type": TYPE, "targetType": kind, "targetId": id}))
            .collect();
        (set, Some(json!({ TARGETS: body })))
    };
    let path = format!("/{{item}}/{action}");
    steps.push(step(
        row,
        STEP,
        StepKind::ReplaceAction,
        "POST",
        &path,
        body,
    ));
    Ok(())
}

/// Kind and id of each, in order. One that the service does not accept is not as it should be.
fn entries(content: Option<&Value>) -> Vec<(String, String)> {
    let list = content.and_then(|content| content.get(TARGETS)?.as_array());
    let accepted = list
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("targetValidationErrorCode").is_none());
    let text = |entry: &Value, name: &str| {
        let text = entry.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut entries: Vec<_> = accepted
        .map(|entry| {
            (
                text(entry, "targetType"),
                text(entry, "targetId").to_ascii_lowercase(),
            )
        })
        .collect();
    entries.sort();
    entries.dedup();
    entries
}
