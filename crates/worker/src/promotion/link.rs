//! Links between profiles: whether one is set already, or was bound by the create.
//!
//! A link that is set already is never set again: Graph refuses the second of two equal ones.

use domain::steps::{self, StepKind, WriteStep};

use super::journal::Ending;
use super::subject::{Observed, Subject};

impl Subject<'_> {
    /// Whether the live object has the link as this step leaves it. `false` for other steps.
    pub(crate) fn is_linked(&self, step: &WriteStep, seen: &Observed) -> bool {
        steps::fill(step, self.item.as_deref(), &self.created)
            .is_some_and(|filled| steps::is_linked(&filled, &seen.policy.content))
    }

    /// Whether a link was bound by the create of its object, which Graph took.
    pub(crate) fn was_bound(&self, step: &WriteStep) -> bool {
        let bound = |create: &&WriteStep| steps::is_bound(self.row, create);
        matches!(step.kind, StepKind::Link { .. })
            && self
                .steps
                .iter()
                .find(bound)
                .is_some_and(|create| self.journal.ended(&create.name, Ending::LinksRefused) == 0)
    }
}
