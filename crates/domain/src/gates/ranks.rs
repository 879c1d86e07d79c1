//! Types whose objects are ranked without a gap: setting a rank that another object has would move
//! that one, and a rank behind the last does not exist.

use crate::capture::default_object;
use crate::compare::{Reason, Subject};
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::plan::{Action, PlannedSubject};
use crate::policy_type::PolicyType;
use crate::preflight::{Holds, PreflightInput};

/// Holds a rank that another object has. Answers the rank that an object gets instead of one that
/// would leave a gap: a new one goes behind the last, an existing one keeps its own.
pub(super) fn settle(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    (source, target): (&CapturedPolicy, Option<&CapturedPolicy>),
    planned: &[PlannedSubject],
    holds: &mut Holds,
) -> Option<i64> {
    let property = row.priority?;
    let wanted = rank(property, source)?;
    let standing = target.and_then(|target| rank(property, target));
    if default_object::is(row, &source.content) || standing == Some(wanted) {
        return None;
    }
    let mut others: i64 = 0;
    for peer in super::peers(input, subject) {
        if default_object::is(row, &peer.content) {
            continue;
        }
        others += 1;
        if rank(property, &peer) == Some(wanted) {
            let text = format!(
                "/{property} is {wanted}, which {:?} has in the target; Graph would move that one. \
                 Change the order in the target or in the source.",
                peer.display_name
            );
            holds.block("priority_conflict", text);
            return None;
        }
    }
    let created_before = planned
        .iter()
        .filter(|plan| plan.pinned.policy_type == row.key && plan.pinned.action == Action::Create)
        .count();
    let last = others + 1 + i64::try_from(created_before).unwrap_or_default();
    (wanted > last).then(|| standing.unwrap_or(last))
}

/// A word on an object that does not get the source's rank.
pub(super) fn warning(
    row: &PolicyType,
    source: &CapturedPolicy,
    planned: &PlannedSubject,
) -> Option<Reason> {
    let property = row.priority?;
    let got = planned.pinned.adjustments.rank?;
    let text = format!(
        "{:?} has the rank {} in the source, which would leave a gap in the target: its rank there is \
         {got}, behind those that the target has.",
        source.display_name,
        rank(property, source).unwrap_or_default()
    );
    Some(Reason::new("rank_appended", text))
}

fn rank(property: &str, policy: &CapturedPolicy) -> Option<i64> {
    pattern::get(&policy.content, property)?.as_i64()
}
