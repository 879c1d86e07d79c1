//! Subjects that cannot be compared because of what they point to: says what, so that mappings can
//! settle it. Nothing of them is planned.

use super::{Holds, PreflightInput, PreflightSubject, Readiness, land};
use crate::compare::{Subject, SubjectState, deciding_facets};
use crate::landing::{Lander, Resolution};
use crate::policy_type::PolicyType;

/// Whether references alone keep a subject from being compared.
pub(super) fn is_by_reference(subject: &Subject) -> bool {
    let of_reference = |code: &str| matches!(code, "reference_ambiguous" | "reference_unresolved");
    subject.state == SubjectState::Indeterminate
        && !subject.reasons.is_empty()
        && subject
            .reasons
            .iter()
            .all(|reason| of_reference(&reason.code))
}

/// Settles the readiness of an indeterminate subject.
pub(super) fn hold(
    input: &PreflightInput<'_>,
    lander: &Lander<'_>,
    subject: &Subject,
    row: &'static PolicyType,
    outcome: &mut PreflightSubject,
) {
    outcome.readiness = Readiness::Blocked;
    if !is_by_reference(subject) {
        return;
    }
    let mut holds = Holds::default();
    let source = subject
        .source_version_id
        .and_then(|id| input.source_contents.get(&id));
    if let Some(source) = source {
        land(input, lander, &source, row, outcome, &mut holds);
    }
    // What is ambiguous can be named by a mapping, and what the source lost by the row that is kept of
    // it. What the target's own policy points to is nothing that a mapping of the request could name.
    let unnamed = outcome.references.iter().any(|reference| {
        let open = matches!(
            reference.resolution,
            Resolution::Missing | Resolution::Ambiguous | Resolution::Indeterminate
        );
        open && reference.source_id.is_none()
    });
    if !holds.blocked && !unnamed && !target_unread(input, subject) {
        outcome.readiness = Readiness::ManualMappingRequired;
    }
    let stated = std::mem::take(&mut outcome.reasons);
    outcome.reasons.extend(holds.reasons);
    for reason in stated {
        if !outcome.reasons.contains(&reason) {
            outcome.reasons.push(reason);
        }
    }
}

/// Whether the target's own policy points to something of a kind that was not read to its end.
fn target_unread(input: &PreflightInput<'_>, subject: &Subject) -> bool {
    let prints = input
        .target
        .policies
        .iter()
        .find(|policy| Some(policy.id) == subject.target_policy_id)
        .and_then(|policy| policy.fingerprints.as_ref());
    prints.is_some_and(|prints| {
        deciding_facets(input.selection.options)
            .filter_map(|facet| prints.uncertain.get(&facet))
            .flatten()
            .any(|uncertain| uncertain.code != "reference_ambiguous")
    })
}
