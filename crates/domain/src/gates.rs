//! What holds a subject although its own calls could be built: dates that have passed, and what other
//! objects of the target stand in the way of.
//!
//! The service ranks some types and swaps two ranks when one is set; it lets one profile alone be
//! assigned to all devices. A promotion never moves an object that is not part of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::capture::default_object;
use crate::compare::{Comparison, Subject, SubjectState};
use crate::inventory::Inventory;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::{self, PolicyType, approvals as approval_types, odata_type};
use crate::preflight::{Holds, PreflightInput};
use crate::selection::Carry;

pub(crate) mod approvals;
mod apps;
pub(crate) mod collisions;
pub(crate) mod literals;
mod templates;
pub(crate) mod unknown;

/// Versions of target objects that are not written themselves but decide what may be.
pub(crate) fn peers_needed(comparison: &Comparison, target: &Inventory) -> Vec<Uuid> {
    let watched = |key: &str| {
        let watches = policy_type::find(key)
            .is_some_and(|row| row.priority.is_some() || row.one_for_all_devices);
        watches
            && comparison.subjects.iter().any(|subject| {
                subject.policy_type == key
                    && matches!(
                        subject.state,
                        SubjectState::Missing | SubjectState::Different
                    )
            })
    };
    target
        .policies
        .iter()
        .filter(|policy| {
            policy.policy_type == approval_types::POLICIES || watched(&policy.policy_type)
        })
        .filter_map(|policy| policy.version_id)
        .collect()
}

/// Adds every reason that holds the subject.
pub(crate) fn hold(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    source: &CapturedPolicy,
    holds: &mut Holds,
) {
    let target = subject
        .target_version_id
        .and_then(|id| input.target_contents.get(&id));
    if target.is_none() {
        templates::hold(input, row, source, holds);
    }
    apps::hold(input, subject, row, &source.external_id, holds);
    hold_past_dates(row, input.now, source, target, holds);
    hold_name(row, source, target, holds);
    hold_rank(input, subject, row, source, target, holds);
    hold_all_devices(input, subject, row, source, holds);
}

fn hold_past_dates(
    row: &PolicyType,
    now: DateTime<Utc>,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    holds: &mut Holds,
) {
    for place in row.future_dates {
        let date = |policy: &CapturedPolicy| {
            let text = pattern::get(&policy.content, place)?.as_str()?;
            DateTime::parse_from_rfc3339(text).ok()
        };
        let Some(wanted) = date(source) else { continue };
        if wanted < now && target.and_then(date) != Some(wanted) {
            let text = format!(
                "/{} is {wanted}, which has passed; Graph refuses it. Change the date in the source.",
                place.replace('.', "/")
            );
            holds.block("date_in_past", text);
        }
    }
}

fn hold_name(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    holds: &mut Holds,
) {
    if target.is_some() {
        return;
    }
    if let Some(refused) = source
        .display_name
        .chars()
        .find(|c| row.name_refuses.contains(*c))
    {
        let text = format!(
            "/{} holds {refused:?}, which Graph refuses in a name of this type; rename the source.",
            row.name_property
        );
        holds.block("name_not_allowed", text);
    }
}

/// The other live objects of the type in the target that can be read.
fn peers<'a>(
    input: &'a PreflightInput<'_>,
    subject: &Subject,
) -> impl Iterator<Item = &'a CapturedPolicy> {
    let (key, own) = (subject.policy_type.clone(), subject.target_policy_id);
    input
        .target
        .policies
        .iter()
        .filter(move |policy| policy.policy_type == key && Some(policy.id) != own)
        .filter_map(|policy| input.target_contents.get(&policy.version_id?))
}

fn hold_rank(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    holds: &mut Holds,
) {
    let Some(property) = row.priority else { return };
    let rank = |policy: &CapturedPolicy| pattern::get(&policy.content, property)?.as_i64();
    let Some(wanted) = rank(source) else { return };
    if default_object::is(row, &source.content) || target.and_then(rank) == Some(wanted) {
        return;
    }
    let mut ranked: i64 = 1;
    for peer in peers(input, subject) {
        if default_object::is(row, &peer.content) {
            continue;
        }
        ranked += 1;
        if rank(peer) == Some(wanted) {
            let text = format!(
                "/{property} is {wanted}, which {:?} has in the target; Graph would move that one. \
                 Change the order in the target or in the source.",
                peer.display_name
            );
            holds.block("priority_conflict", text);
            return;
        }
    }
    let created_before = input
        .comparison
        .subjects
        .iter()
        .filter(|other| {
            other.policy_type == subject.policy_type
                && other.state == SubjectState::Missing
                && other.subject_key != subject.subject_key
        })
        .filter_map(|other| input.source_contents.get(&other.source_version_id?))
        .filter_map(rank)
        .filter(|other| *other < wanted);
    let reachable = ranked + i64::try_from(created_before.count()).unwrap_or(i64::MAX);
    if wanted > reachable {
        let text = format!(
            "/{property} is {wanted}, but the target would only have {reachable} of them; select \
             those that come before it too, or change the order in the source."
        );
        holds.block("priority_conflict", text);
    }
}

fn hold_all_devices(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    source: &CapturedPolicy,
    holds: &mut Holds,
) {
    if !row.one_for_all_devices
        || input.selection.options.assignments != Carry::Map
        || !reaches_all_devices(source)
    {
        return;
    }
    if let Some(peer) = peers(input, subject).find(|peer| reaches_all_devices(peer)) {
        let text = format!(
            "/assignments would reach all devices, to which {:?} is assigned in the target; Graph \
             allows one. Remove that assignment in the target, or promote without assignments.",
            peer.display_name
        );
        holds.block("all_devices_taken", text);
    }
}

fn reaches_all_devices(policy: &CapturedPolicy) -> bool {
    policy
        .assignments
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|assignment| assignment.get("target"))
        .any(|target: &Value| odata_type(target) == "allDevicesAssignmentTarget")
}
