//! What a compare says about one subject: the words of the wire as types. Decides nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Facet;

/// What is known of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectState {
    /// Nothing would have to be written.
    Match,
    /// Something would.
    Different,
    /// The target proves not to have it.
    Missing,
    /// Only the target has it.
    TargetOnly,
    /// More than one way to match.
    Ambiguous,
    /// Cannot be told.
    Indeterminate,
}

/// What is known of a facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacetVerdict {
    /// The same by meaning.
    Equal,
    /// Not the same.
    Different,
    /// Cannot be told.
    Indeterminate,
    /// The type has no such facet, or there is nothing to compare with.
    Absent,
}

/// Why, in a stable code and in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// Stable.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Reason {
    /// A reason.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// A policy of the target that may be the counterpart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// Our id.
    pub policy_id: Uuid,
    /// Name.
    pub display_name: String,
}

/// One subject of a compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Opaque, names the source policy (for `target_only` the target's).
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// The source's name (for `target_only` the target's).
    pub display_name: String,
    /// State under the options.
    pub state: SubjectState,
    /// Every facet's verdict.
    pub facets: BTreeMap<Facet, FacetVerdict>,
    /// Why it is not simply equal, different or missing.
    pub reasons: Vec<Reason>,
    /// Our id.
    pub source_policy_id: Option<Uuid>,
    /// Current version.
    pub source_version_id: Option<Uuid>,
    /// Our id.
    pub target_policy_id: Option<Uuid>,
    /// Current version.
    pub target_version_id: Option<Uuid>,
    /// Graph's id in the target.
    pub target_external_id: Option<String>,
    /// Candidates of an ambiguous subject.
    pub target_candidates: Vec<Candidate>,
}

/// Counts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareSummary {
    /// All subjects.
    pub total: u64,
    /// `match`
    pub r#match: u64,
    /// `different`
    pub different: u64,
    /// `missing`
    pub missing: u64,
    /// `target_only`
    pub target_only: u64,
    /// `ambiguous`
    pub ambiguous: u64,
    /// `indeterminate`
    pub indeterminate: u64,
}

/// The result of a compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Same inventories + same request = same digest.
    pub compare_digest: String,
    /// Counts.
    pub summary: CompareSummary,
    /// By policy type, name, key.
    pub subjects: Vec<Subject>,
}
