//! The state machines of runs and items, as total functions.
//!
//! Every legal transition is listed here; everything else is refused by value. The store guards
//! the same transitions in SQL; this is what it guards.

use serde::{Deserialize, Serialize};

use crate::summary::SummaryCounts;

/// Status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// A worker has held it.
    Running,
    /// Over.
    Completed,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Not over.
    Pending,
    /// Every item succeeded.
    Succeeded,
    /// Some did.
    PartiallySucceeded,
    /// None did.
    Failed,
    /// None did, because a stop came before the first.
    Blocked,
    /// Cancelled, whatever it had done.
    Cancelled,
}

impl RunOutcome {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::PartiallySucceeded => "partially_succeeded",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where one subject of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    /// Not begun.
    Pending,
    /// An intent is journaled.
    Writing,
    /// Written (or already right), read back, verified.
    Succeeded,
    /// Refused or broken, with a reason.
    Failed,
    /// Never begun, with a reason.
    Skipped,
    /// Nobody can tell whether the write landed.
    Unknown,
}

impl ItemOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Writing,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Unknown,
    ];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Writing => "writing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing may change it any more.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Writing)
    }

    /// Whether an item may go from here to there. Writing is skipped only by a stop, and only where
    /// every request is known not to have taken effect; otherwise what is in flight is finished and
    /// recorded.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(
                next,
                Self::Writing | Self::Succeeded | Self::Failed | Self::Skipped
            ),
            Self::Writing => matches!(
                next,
                Self::Succeeded | Self::Failed | Self::Skipped | Self::Unknown
            ),
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Unknown => false,
        }
    }
}

/// How a succeeded item counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A new object.
    Created,
    /// An existing one changed.
    Updated,
    /// Nothing had to be written.
    Unchanged,
}

impl Effect {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Why a run was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Someone cancelled it.
    Cancelled,
    /// An operational control paused the operation.
    ControlPaused,
    /// The requester lost the right.
    RequesterRevoked,
    /// The connection of the tenant it acts on was taken away.
    ConnectionRemoved,
    /// Too many workers died on it.
    WorkerGaveUp,
}

impl Stop {
    /// The reason code on items and runs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::ControlPaused => "control_paused",
            Self::RequesterRevoked => "requester_revoked",
            Self::ConnectionRemoved => "connection_missing",
            Self::WorkerGaveUp => "worker_gave_up",
        }
    }
}

/// The outcome of a run whose items are all terminal, and its reason.
///
/// A worker that gave up fails the run (or leaves it partially succeeded); a stop before the first
/// subject blocks it; a cancel is a cancel whatever was done before.
pub fn conclude(counts: SummaryCounts, stop: Option<Stop>) -> (RunOutcome, Option<&'static str>) {
    let reason = stop.map(Stop::code);
    if stop == Some(Stop::Cancelled) {
        return (RunOutcome::Cancelled, reason);
    }
    if stop == Some(Stop::WorkerGaveUp) {
        return (RunOutcome::Failed, reason);
    }
    if counts.succeeded == counts.total {
        return (RunOutcome::Succeeded, None);
    }
    if counts.succeeded > 0 {
        return (RunOutcome::PartiallySucceeded, reason);
    }
    if stop.is_some() && counts.failed == 0 {
        return (RunOutcome::Blocked, reason);
    }
    (RunOutcome::Failed, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(succeeded: u64, failed: u64, skipped: u64) -> SummaryCounts {
        SummaryCounts {
            total: succeeded + failed + skipped,
            processed: succeeded + failed + skipped,
            succeeded,
            failed,
            skipped,
            created: succeeded,
            ..SummaryCounts::default()
        }
    }

    #[test]
    fn outcomes_follow_the_counts_and_the_stop() {
        let table = [
            (counts(3, 0, 0), None, RunOutcome::Succeeded),
            (counts(2, 1, 0), None, RunOutcome::PartiallySucceeded),
            (counts(0, 2, 1), None, RunOutcome::Failed),
            (
                counts(0, 0, 3),
                Some(Stop::ControlPaused),
                RunOutcome::Blocked,
            ),
            (
                counts(0, 0, 3),
                Some(Stop::RequesterRevoked),
                RunOutcome::Blocked,
            ),
            (
                counts(0, 1, 2),
                Some(Stop::ControlPaused),
                RunOutcome::Failed,
            ),
            (
                counts(1, 0, 2),
                Some(Stop::ControlPaused),
                RunOutcome::PartiallySucceeded,
            ),
            (
                counts(2, 0, 1),
                Some(Stop::Cancelled),
                RunOutcome::Cancelled,
            ),
            (
                counts(3, 0, 0),
                Some(Stop::Cancelled),
                RunOutcome::Cancelled,
            ),
            (
                counts(1, 1, 1),
                Some(Stop::WorkerGaveUp),
                RunOutcome::Failed,
            ),
        ];
        for (given, stop, expected) in table {
            assert_eq!(conclude(given, stop).0, expected, "{given:?} {stop:?}");
        }
    }

    #[test]
    fn terminal_items_never_change() {
        for from in ItemOutcome::ALL {
            for to in ItemOutcome::ALL {
                if from.is_terminal() {
                    assert!(!from.may_become(to));
                }
            }
        }
    }

    #[test]
    fn what_is_being_written_may_be_skipped_and_what_never_began_is_never_unknown() {
        assert!(ItemOutcome::Writing.may_become(ItemOutcome::Skipped));
        assert!(!ItemOutcome::Pending.may_become(ItemOutcome::Unknown));
        assert!(ItemOutcome::Writing.may_become(ItemOutcome::Unknown));
    }
}
