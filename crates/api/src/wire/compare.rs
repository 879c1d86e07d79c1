//! A compare on the wire.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::compare::{self, Candidate, Comparison, FacetVerdict, Reason, Subject, SubjectState};
use domain::inventory::Inventory;
use domain::model::Facet;
use domain::selection::Selection;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::selection::selection_json;

/// Answer of a compare.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompareResponse {
    /// Same inventories and same request give the same digest.
    pub compare_digest: String,
    /// The canonical selection.
    #[schema(value_type = Object)]
    pub selection: Value,
    /// What is known of the source.
    pub source: SideView,
    /// What is known of the target.
    pub target: SideView,
    /// Counts by state.
    pub summary: CompareSummaryView,
    /// `sync`, `preflight` or `none`.
    pub next_action: &'static str,
    /// By policy type, name, key.
    pub subjects: Vec<CompareSubjectView>,
}

/// One tenant of a compare.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SideView {
    /// Its id.
    pub tenant_id: Uuid,
    /// Its name.
    pub display_name: String,
    /// How far it was read.
    pub inventory: InventoryView,
}

/// How far an inventory was read for what the scope needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InventoryView {
    /// `complete`, `incomplete` or `never_synced`.
    pub status: &'static str,
    /// When the last read of a needed type ended.
    pub synced_at: Option<DateTime<Utc>>,
    /// Needed types whose last read was not complete.
    pub incomplete_types: Vec<String>,
    /// Types of the scope whose collection this tenant does not offer (its cloud or licence lacks
    /// it). They are incomplete, too, where the scope names them or one of the tenants has some.
    pub unserved_types: Vec<String>,
}

/// Counts by state.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct CompareSummaryView {
    total: u64,
    r#match: u64,
    different: u64,
    missing: u64,
    target_only: u64,
    ambiguous: u64,
    indeterminate: u64,
}

/// Verdicts of the four facets: `equal`, `different`, `indeterminate`, `absent`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FacetsView {
    #[schema(value_type = String)]
    settings: FacetVerdict,
    #[schema(value_type = String)]
    assignments: FacetVerdict,
    #[schema(value_type = String)]
    scope_tags: FacetVerdict,
    #[schema(value_type = String)]
    description: FacetVerdict,
}

/// A reason: a stable code and words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReasonView {
    /// Stable.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A policy of the target that may be the counterpart.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CandidateView {
    /// Its id.
    pub policy_id: Uuid,
    /// Its name.
    pub display_name: String,
}

/// One governed subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompareSubjectView {
    /// Opaque and stable.
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// Name.
    pub display_name: String,
    /// `match`, `different`, `missing`, `target_only`, `ambiguous`, `indeterminate`.
    #[schema(value_type = String)]
    pub state: SubjectState,
    /// Facet by facet.
    pub facets: FacetsView,
    /// Changes over all facets.
    pub change_count: usize,
    /// Why.
    pub reasons: Vec<ReasonView>,
    /// Policy of the source.
    pub source_policy_id: Option<Uuid>,
    /// Policy of the target.
    pub target_policy_id: Option<Uuid>,
    /// Where several fit.
    pub target_candidates: Vec<CandidateView>,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.clone(),
            message: reason.message.clone(),
        }
    }
}

impl From<&Candidate> for CandidateView {
    fn from(candidate: &Candidate) -> Self {
        Self {
            policy_id: candidate.policy_id,
            display_name: candidate.display_name.clone(),
        }
    }
}

/// How far an inventory was read, for the types that a selection needs.
pub fn inventory_view(
    selection: &Selection,
    inventory: &Inventory,
    other: &Inventory,
    ended: &HashMap<String, DateTime<Utc>>,
) -> InventoryView {
    let incomplete_types = compare::incomplete_types(selection, inventory, other);
    let status = if inventory.never_synced() {
        "never_synced"
    } else if incomplete_types.is_empty() {
        "complete"
    } else {
        "incomplete"
    };
    let synced_at = ended
        .iter()
        .filter(|(key, _)| compare::in_scope(selection, key))
        .map(|(_, at)| *at)
        .max();
    InventoryView {
        status,
        synced_at,
        incomplete_types,
        unserved_types: inventory
            .unserved_types
            .iter()
            .filter(|key| compare::in_scope(selection, key))
            .cloned()
            .collect(),
    }
}

/// The answer.
pub fn response(
    selection: &Selection,
    comparison: &Comparison,
    source: SideView,
    target: SideView,
    change_counts: &HashMap<String, usize>,
) -> CompareResponse {
    let summary = comparison.summary;
    let whole = source.inventory.status == "complete" && target.inventory.status == "complete";
    let open = summary.different + summary.missing + summary.ambiguous + summary.indeterminate;
    let next_action = match (whole, open) {
        (false, _) => "sync",
        (true, 0) => "none",
        (true, _) => "preflight",
    };
    CompareResponse {
        compare_digest: comparison.compare_digest.clone(),
        selection: selection_json(selection),
        source,
        target,
        summary: CompareSummaryView {
            total: summary.total,
            r#match: summary.r#match,
            different: summary.different,
            missing: summary.missing,
            target_only: summary.target_only,
            ambiguous: summary.ambiguous,
            indeterminate: summary.indeterminate,
        },
        next_action,
        subjects: comparison
            .subjects
            .iter()
            .map(|subject| subject_view(subject, change_counts))
            .collect(),
    }
}

fn subject_view(subject: &Subject, change_counts: &HashMap<String, usize>) -> CompareSubjectView {
    let verdict = |facet| {
        subject
            .facets
            .get(&facet)
            .copied()
            .unwrap_or(FacetVerdict::Absent)
    };
    CompareSubjectView {
        subject_key: subject.subject_key.clone(),
        policy_type: subject.policy_type.clone(),
        display_name: subject.display_name.clone(),
        state: subject.state,
        facets: FacetsView {
            settings: verdict(Facet::Settings),
            assignments: verdict(Facet::Assignments),
            scope_tags: verdict(Facet::ScopeTags),
            description: verdict(Facet::Description),
        },
        change_count: change_counts
            .get(&subject.subject_key)
            .copied()
            .unwrap_or_default(),
        reasons: subject.reasons.iter().map(ReasonView::from).collect(),
        source_policy_id: subject.source_policy_id,
        target_policy_id: subject.target_policy_id,
        target_candidates: subject
            .target_candidates
            .iter()
            .map(CandidateView::from)
            .collect(),
    }
}
