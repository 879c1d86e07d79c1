//! What a caller asked to compare or promote, in canonical form.
//!
//! The canonical selection (defaults filled, lists sorted and deduplicated, launch context left
//! out) is part of the run identity. This module does not know the wire: the API parses.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What to do with assignments or scope tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// The target's stay as they are; a created policy has none.
    #[default]
    KeepTarget,
    /// The source's are carried over, mapped by meaning.
    Map,
}

/// The state in which Conditional Access policies land.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionalAccessState {
    /// `enabledForReportingButNotEnforced`
    #[default]
    ReportOnly,
    /// `disabled`
    Disabled,
    /// Whatever the source has.
    AsSource,
}

/// What becomes of the dates of a feature update's rollout, where the service would not take them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureUpdateRollout {
    /// Written as they are; a rollout that the service would refuse holds the policy.
    #[default]
    Keep,
    /// Left out: the update is offered at once.
    Drop,
    /// A rollout that the service would refuse is moved to begin when it may, its length kept.
    Shift,
}

/// The decisions that shape what is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// See [`Carry`].
    pub assignments: Carry,
    /// See [`Carry`].
    pub scope_tags: Carry,
    /// See [`ConditionalAccessState`].
    pub conditional_access_state: ConditionalAccessState,
    /// See [`FeatureUpdateRollout`].
    pub feature_update_rollout: FeatureUpdateRollout,
}

impl Options {
    /// The defaults, for constants.
    pub const DEFAULT: Self = Self {
        assignments: Carry::KeepTarget,
        scope_tags: Carry::KeepTarget,
        conditional_access_state: ConditionalAccessState::ReportOnly,
        feature_update_rollout: FeatureUpdateRollout::Keep,
    };
}

/// Limits the subjects; empty sets limit nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Registry keys.
    pub policy_types: BTreeSet<String>,
    /// Subject keys.
    pub subject_keys: BTreeSet<String>,
}

/// Makes two policies one subject whatever their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pairing {
    /// A live policy of the source.
    pub source_policy_id: Uuid,
    /// A live policy of the target, of the same type, kind and platform.
    pub target_policy_id: Uuid,
}

/// Settles a reference or a tenant literal by hand, for this request only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mapping {
    /// `{"kind":"literal","source_value","target_value"}`
    Literal {
        /// Always `literal`.
        kind: LiteralKind,
        /// The source tenant's GUID or one of its verified domains.
        source_value: String,
        /// What stands there instead.
        target_value: String,
    },
    /// `{"kind":"group","source_id","target_id"}`
    Reference {
        /// Reference kind.
        kind: String,
        /// Our reference id in the source tenant.
        source_id: Uuid,
        /// Our reference id in the target tenant.
        target_id: Uuid,
    },
}

/// The one word `literal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LiteralKind {
    /// `literal`
    #[serde(rename = "literal")]
    Literal,
}

/// A canonical selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Read only.
    pub source_tenant_id: Uuid,
    /// The only tenant ever written.
    pub target_tenant_id: Uuid,
    /// Which subjects.
    #[serde(default)]
    pub scope: Scope,
    /// Sorted, without repeats.
    #[serde(default)]
    pub pairings: BTreeSet<Pairing>,
    /// Sorted, without repeats.
    #[serde(default)]
    pub mappings: BTreeSet<Mapping>,
    /// Defaults filled.
    #[serde(default)]
    pub options: Options,
}

/// The opaque key of the subject that a policy names: ours, stable under rename and pairing.
pub fn subject_key(policy_id: Uuid) -> String {
    format!("subj_{}", policy_id.simple())
}

/// The policy a subject key names; `None` when the text is no subject key.
pub fn policy_of_subject_key(key: &str) -> Option<Uuid> {
    let hex = key.strip_prefix("subj_")?;
    let id = Uuid::try_parse(hex).ok()?;
    (subject_key(id) == key).then_some(id)
}
