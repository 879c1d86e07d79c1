//! What a preflight settles about a subject from the day and from what else stands in the target:
//! small values that are part of the plan and that a worker takes as they were reviewed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What differs from the source for a reason that is neither a mapping nor a plain option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adjustments {
    /// When the rollout of a feature update begins, where it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_start: Option<DateTime<Utc>>,
    /// The rank of an object, where the source's would leave a gap in the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
}

impl Adjustments {
    /// Whether nothing was adjusted.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
