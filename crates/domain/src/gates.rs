//! What holds a subject although its own calls could be built: dates that have passed, names that the
//! type forbids, groups that become one, and what other objects of the target stand in the way of.
//!
//! The service ranks some types and swaps two ranks when one is set; it lets one profile alone be
//! assigned to all devices. A promotion never moves an object that is not part of it.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::adjust::Adjustments;
use crate::compare::{Comparison, Reason, Subject, SubjectState};
use crate::inventory::Inventory;
use crate::model::CapturedPolicy;
use crate::plan::PlannedSubject;
use crate::policy_type::{self, PolicyType, approvals as approval_types, odata_type};
use crate::preflight::{Holds, PreflightInput};
use crate::selection::Carry;
use crate::steps::Landing;

pub(crate) mod approvals;
mod apps;
pub(crate) mod collisions;
pub(crate) mod dates;
mod empties;
pub(crate) mod literals;
mod names;
mod not_carried;
pub(crate) mod policy_sets;
mod ranks;
mod targets;
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

/// Adds every reason that holds the subject; answers what the day and the target make of it. `planned`
/// is what the plan has so far: of a ranked type, everything that comes before.
pub(crate) fn hold(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    source: &CapturedPolicy,
    landing: &Landing,
    planned: &[PlannedSubject],
    holds: &mut Holds,
) -> Adjustments {
    let target = subject
        .target_version_id
        .and_then(|id| input.target_contents.get(&id));
    let target = target.as_deref();
    if target.is_none() {
        templates::hold(input, row, source, holds);
    }
    apps::hold(input, subject, row, &source.external_id, holds);
    names::hold(row, source, target, holds);
    targets::hold(input, row, source, landing, holds);
    hold_all_devices(input, subject, row, source, holds);
    let choice = input.selection.options.feature_update_rollout;
    Adjustments {
        rollout_start: dates::settle(row, source, target, (input.now, choice), holds),
        rank: ranks::settle(input, subject, row, (source, target), planned, holds),
    }
}

/// What a reviewer should know of one planned subject; it holds nothing back.
pub(crate) fn warnings(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    planned: &PlannedSubject,
) -> Vec<Reason> {
    let Some(source) = subject
        .source_version_id
        .and_then(|id| input.source_contents.get(&id))
    else {
        return Vec::new();
    };
    let source = &*source;
    let mut found: Vec<Reason> = Vec::new();
    found.extend(unknown::warning(row, source));
    found.extend(ranks::warning(row, source, planned));
    found.extend(dates::warning(row, source, planned));
    found.extend(dates::warning_of_assignments(input, row, source));
    found.extend(empties::warning(row, source));
    found.extend(dates::warning_of_settings(row, source, input.now));
    let target = subject
        .target_version_id
        .and_then(|id| input.target_contents.get(&id));
    found.extend(not_carried::left_behind(row, source, target.as_deref()));
    found.extend(not_carried::warning(row, source));
    found
}

/// The source versions of equal subjects of which something is to be said all the same.
pub(crate) fn equals_needed(comparison: &Comparison) -> Vec<Uuid> {
    equals_with_a_rest(comparison)
        .filter_map(|subject| subject.source_version_id)
        .collect()
}

/// What is true of a policy stays true once the target has it: what was not carried is still not there.
pub(crate) fn warnings_of_equals(input: &PreflightInput<'_>) -> Vec<Reason> {
    equals_with_a_rest(input.comparison)
        .filter_map(|subject| {
            let row = policy_type::find(&subject.policy_type)?;
            not_carried::warning(
                row,
                &*input.source_contents.get(&subject.source_version_id?)?,
            )
        })
        .collect()
}

fn equals_with_a_rest(comparison: &Comparison) -> impl Iterator<Item = &Subject> {
    let equal = |subject: &&Subject| {
        subject.state == SubjectState::Match && not_carried::concerns(&subject.policy_type)
    };
    comparison.subjects.iter().filter(equal)
}

/// The other live objects of the type in the target that can be read.
fn peers(
    input: &PreflightInput<'_>,
    subject: &Subject,
) -> impl Iterator<Item = Arc<CapturedPolicy>> {
    let (key, own) = (subject.policy_type.clone(), subject.target_policy_id);
    input
        .target
        .policies
        .iter()
        .filter(move |policy| policy.policy_type == key && Some(policy.id) != own)
        .filter_map(|policy| input.target_contents.get(&policy.version_id?))
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
