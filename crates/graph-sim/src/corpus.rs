//! The synthetic corpus.

use crate::state::World;

/// Which of the two synthetic tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// "Contoso Lab": what is promoted.
    Source,
    /// "Fabrikam": where to.
    Target,
}

pub(crate) fn fill(_: &mut World, _: &str, _: Side) {}
