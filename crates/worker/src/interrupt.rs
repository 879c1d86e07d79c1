//! Why work stops without being decided: it goes on elsewhere or later.

use chrono::{DateTime, Utc};

/// The work stops here; nothing about it is concluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Another worker may hold the run by now: start no request, record nothing.
    LeaseLost,
    /// This process is asked to end: release the run to another.
    ShuttingDown,
    /// A defect: the database refused what should have been right, or the work panicked.
    Broken {
        /// For the log.
        what: String,
    },
    /// Graph asks for a long wait: release the run and come back.
    Park {
        /// Shown in the run's `waiting`.
        reason: &'static str,
        /// When to come back.
        until: DateTime<Utc>,
    },
}
