//! The one closed key set of summary counts.

use serde::{Deserialize, Serialize};

use crate::run::{Effect, ItemOutcome};

/// `processed = succeeded + failed + skipped`, `succeeded = created + updated + unchanged`; an item
/// left `unknown` counts as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryCounts {
    /// Subjects of the plan.
    pub total: u64,
    /// Those that have an outcome.
    pub processed: u64,
    /// Verified.
    pub succeeded: u64,
    /// Failed or unknown.
    pub failed: u64,
    /// Never started.
    pub skipped: u64,
    /// Succeeded by creating.
    pub created: u64,
    /// Succeeded by updating.
    pub updated: u64,
    /// Succeeded without needing a write.
    pub unchanged: u64,
}

impl SummaryCounts {
    /// Counts items.
    pub fn count(items: impl IntoIterator<Item = (ItemOutcome, Option<Effect>)>) -> Self {
        let mut counts = Self::default();
        for (outcome, effect) in items {
            counts.total += 1;
            match outcome {
                ItemOutcome::Pending | ItemOutcome::Writing => continue,
                ItemOutcome::Succeeded => {
                    counts.succeeded += 1;
                    match effect {
                        Some(Effect::Created) => counts.created += 1,
                        Some(Effect::Updated) => counts.updated += 1,
                        Some(Effect::Unchanged) | None => counts.unchanged += 1,
                    }
                }
                ItemOutcome::Failed | ItemOutcome::Unknown => counts.failed += 1,
                ItemOutcome::Skipped => counts.skipped += 1,
            }
            counts.processed += 1;
        }
        counts
    }
}
