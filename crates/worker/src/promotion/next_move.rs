//! What a worker does next about a step, from the journal alone. Pure.
//!
//! The same decisions drive the write path and the model of the protocol (`model_test.rs`), so that
//! what the model explores is what the worker does.

use super::journal::{Intent, Journal, StepState};

/// Proofs of absence after which no further create is sent.
const MOST_PROOFS: usize = 1;
/// Unclear answers to one repeatable step after which a person has to look.
const MOST_UNKNOWNS: usize = 3;

/// The next move about the step that creates the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateMove {
    /// It exists under this id.
    Created(String),
    /// Recorded as done without an id: nobody can go on.
    CreatedWithoutId,
    /// An intent may have landed: look for its object before anything else.
    FindLost(Intent),
    /// Two creates were proved absent.
    GiveUp,
    /// Look for the identity; send when nothing has it.
    LookAndSend,
}

/// The next move about a step that is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepeatMove {
    /// It took effect.
    Done,
    /// No answer was clear.
    GiveUp,
    /// An intent may have landed: read back first.
    Settle(Intent),
    /// Look at the object; send when it is what was reviewed.
    ReviewAndSend,
}

/// Decides about the create step.
pub fn of_create(journal: &Journal, step: &str) -> CreateMove {
    match journal.state_of(step) {
        StepState::Done => journal
            .created_id(step)
            .map_or(CreateMove::CreatedWithoutId, |id| {
                CreateMove::Created(id.to_owned())
            }),
        StepState::InDoubt(intent) => CreateMove::FindLost(intent),
        StepState::Open if journal.proofs_of_absence(step) > MOST_PROOFS => CreateMove::GiveUp,
        StepState::Open => CreateMove::LookAndSend,
    }
}

/// Decides about a step that is safe to repeat.
pub fn of_repeatable(journal: &Journal, step: &str) -> RepeatMove {
    match journal.state_of(step) {
        StepState::Done => RepeatMove::Done,
        StepState::InDoubt(_) if journal.unknowns(step) > MOST_UNKNOWNS => RepeatMove::GiveUp,
        StepState::InDoubt(intent) => RepeatMove::Settle(intent),
        StepState::Open => RepeatMove::ReviewAndSend,
    }
}

/// The intent whose object may still show although its absence was proved, or although Graph said
/// that it was not executed: a refusal of load with a date has come after the effect, too.
pub fn late_comer<'j>(journal: &'j Journal, step: &str) -> Option<&'j Intent> {
    (journal.proofs_of_absence(step) > 0 || journal.was_put_off(step))
        .then(|| journal.last_intent(step))
        .flatten()
}

/// Whether an object of the identity may be the one that an intent made.
pub fn may_be_of(intent: &Intent, object_id: &str) -> bool {
    !intent
        .known_ids
        .iter()
        .any(|known| known.eq_ignore_ascii_case(object_id))
}

#[cfg(test)]
#[path = "model_journal_test.rs"]
mod marks;

#[cfg(test)]
#[path = "model_test.rs"]
#[expect(
    clippy::indexing_slicing,
    reason = "a model may stop where it is wrong"
)]
mod model;

#[cfg(test)]
#[path = "model_explore_test.rs"]
#[expect(
    clippy::indexing_slicing,
    reason = "an exploration may stop where it is wrong"
)]
mod explore;
