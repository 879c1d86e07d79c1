//! The reasons that hold a subject, while they are gathered.

use std::collections::BTreeSet;

use super::{PreflightSubject, Readiness};
use crate::compare::Reason;

/// Why a subject is held: blocked outranks manual.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    pub(super) blocked: bool,
    pub(super) reasons: BTreeSet<Reason>,
}

impl Holds {
    /// Nobody can settle this in the request.
    pub(crate) fn block(&mut self, code: &str, message: impl Into<String>) {
        self.blocked = true;
        self.reasons.insert(Reason::new(code, message));
    }

    /// A mapping or pairing can settle this.
    pub(crate) fn manual(&mut self, code: &str, message: impl Into<String>) {
        self.reasons.insert(Reason::new(code, message));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    pub(super) fn settle(self, mut outcome: PreflightSubject) -> PreflightSubject {
        outcome.readiness = if self.blocked {
            Readiness::Blocked
        } else {
            Readiness::ManualMappingRequired
        };
        outcome.reasons.extend(self.reasons);
        outcome
    }
}
