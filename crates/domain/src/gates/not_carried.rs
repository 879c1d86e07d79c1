//! What belongs to a policy in the source and is no part of it in Graph's eyes: it does not come along,
//! and the new policy does something else until a person brings it.

use serde_json::Value;

use crate::canonical::left_behind;
use crate::compare::Reason;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;

/// Registry key, member and value that tell it, and what is to be said.
const TELLS: &[(&str, &str, &str, &str)] = &[(
    "windowsDriverUpdateProfiles",
    "approvalType",
    "manual",
    "the approvals of single drivers are not carried: the target offers no driver until somebody \
     approves it there",
)];

/// Whether something of an object of the type may stay behind.
pub(super) fn concerns(key: &str) -> bool {
    TELLS.iter().any(|(own, ..)| *own == key)
}

/// Says what stays behind.
pub(super) fn warning(row: &PolicyType, source: &CapturedPolicy) -> Option<Reason> {
    let (.., text) = TELLS.iter().find(|(key, member, value, _)| {
        let there = pattern::get(&source.content, member).and_then(Value::as_str);
        row.key == *key && there == Some(*value)
    })?;
    let text = format!("{:?}: {text}.", source.display_name);
    Some(Reason::new("not_carried", text))
}

/// Says what stays with the source's object itself, by the registry's word on its members.
pub(super) fn left_behind(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
) -> Option<Reason> {
    let standing = target.map(|target| left_behind::standing(row, &target.content));
    let members = left_behind::differing(
        row,
        &left_behind::standing(row, &source.content),
        &standing.unwrap_or_default(),
    );
    if members.is_empty() {
        return None;
    }
    let text = format!(
        "{:?}: in the source {}; that is not carried. Do in the target by hand what is meant there too.",
        source.display_name,
        members.join(", ")
    );
    Some(Reason::new("not_carried", text))
}
