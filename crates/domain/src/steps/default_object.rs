//! The object that every tenant has already: only ever changed, and only by its own kind.

use serde_json::Value;

use super::{StepError, refuse};
use crate::capture::default_object::is;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;

/// Refuses to make a default object, to make one of a type that has no others, and to write one kind
/// over the other.
pub(super) fn check(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
) -> Result<(), StepError> {
    let Some(rule) = row.default_object else {
        return Ok(());
    };
    let from = is(row, &source.content);
    match target {
        Some(target) if is(row, &target.content) != from => refuse(
            "default_object",
            "Of the two objects one is the default that every tenant has, which is written by \
             itself alone; pair default with default.",
        ),
        None if from => refuse(
            "default_object",
            "This is the default that every tenant has; it cannot be created, and the target does \
             not show its own. Sync the target again.",
        ),
        None if rule.only => refuse(
            "default_object",
            "Of this type only the default that every tenant has can be written.",
        ),
        _ => Ok(()),
    }
}

/// Takes out of an update what the service fixed in its default object: the name, its own words on
/// it, its scope tags.
pub(super) fn shape(row: &PolicyType, body: &mut Value, target: &CapturedPolicy) {
    let Some(rule) = row.default_object else {
        return;
    };
    if !is(row, &target.content) {
        return;
    }
    let places = [row.name_property, "description"];
    for place in places
        .iter()
        .chain(rule.fixed)
        .copied()
        .chain(row.scope_tags)
    {
        pattern::remove(body, place);
    }
}
