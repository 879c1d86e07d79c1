//! Links between profiles: whether one is set already.
//!
//! A link that is set already is never set again: Graph refuses the second of two equal ones.

use domain::steps::{self, WriteStep};

use super::subject::{Observed, Subject};

impl Subject<'_> {
    /// Whether the live object has the link as this step leaves it. `false` for other steps.
    pub(crate) fn is_linked(&self, step: &WriteStep, seen: &Observed) -> bool {
        steps::fill(step, self.item.as_deref(), &self.created)
            .is_some_and(|filled| steps::is_linked(&filled, &seen.policy.content))
    }
}
