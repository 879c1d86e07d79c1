//! A preflight on the wire.

use domain::landing::{Resolution, Resolved};
use domain::plan::Action;
use domain::preflight::{self, Preflight, PreflightSubject, Readiness};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::compare::{CandidateView, ReasonView};

/// Answer of a preflight.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreflightResponse {
    /// Names exactly what would be written; give it to execute.
    pub plan_digest: String,
    /// The compare it is based on.
    pub compare_digest: String,
    /// True when a subject is ready and no gate stands.
    pub executable: bool,
    /// `sync`, `resolve_mappings`, `execute`, `open_operation_run` or `none`.
    pub next_action: &'static str,
    /// Counts by readiness.
    pub summary: PreflightSummaryView,
    /// What execute would do.
    pub mutation_scope: MutationScopeView,
    /// What stands in the way of the whole run.
    pub gates: Vec<ReasonView>,
    /// What does not stand in the way but should be known.
    pub warnings: Vec<ReasonView>,
    /// In the order of the compare, without `target_only` ones.
    pub subjects: Vec<PreflightSubjectView>,
    /// The run that holds the target, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_run_id: Option<Uuid>,
}

/// Counts by readiness.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct PreflightSummaryView {
    total: u64,
    ready: u64,
    blocked: u64,
    manual_mapping_required: u64,
    unchanged: u64,
}

/// What execute would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MutationScopeView {
    create: u64,
    update: u64,
    statement: String,
}

/// One subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreflightSubjectView {
    subject_key: String,
    policy_type: String,
    display_name: String,
    /// `ready`, `blocked`, `manual_mapping_required`, `unchanged`.
    #[schema(value_type = String)]
    readiness: Readiness,
    /// `create`, `update` or null.
    #[schema(value_type = Option<String>)]
    action: Option<Action>,
    /// Dependency wave.
    wave: u8,
    /// Stands for exactly what would be written; ready subjects only.
    revision: Option<String>,
    reasons: Vec<ReasonView>,
    target_candidates: Vec<CandidateView>,
    references: Vec<ReferenceView>,
}

/// One reference and where it lands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferenceView {
    kind: String,
    source_id: Option<Uuid>,
    source_name: Option<String>,
    /// `mapped`, `constant`, `created_by_plan`, `missing`, `ambiguous`, `indeterminate`.
    #[schema(value_type = String)]
    resolution: Resolution,
    target_id: Option<Uuid>,
    candidates: Vec<ReferenceCandidateView>,
}

/// An object of the target to map to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferenceCandidateView {
    id: Uuid,
    name: String,
}

/// The run-level facts of a preflight.
#[derive(Debug, Default)]
pub struct RunLevel {
    /// Gates, without `nothing_ready`.
    pub gates: Vec<ReasonView>,
    /// Warnings.
    pub warnings: Vec<ReasonView>,
    /// The run that holds the target.
    pub active_run: Option<Uuid>,
    /// True when a sync would take a gate away.
    pub sync_needed: bool,
}

/// The answer.
pub fn response(
    preflight: &Preflight,
    compare_digest: &str,
    target_name: &str,
    level: RunLevel,
) -> PreflightResponse {
    let summary = preflight.summary;
    let (create, update, statement) = preflight::mutation_scope(&preflight.plan, target_name);
    let mut gates = level.gates;
    if summary.ready == 0 {
        gates.push(nothing_ready());
    }
    let mut warnings = level.warnings;
    warnings.extend(preflight.warnings.iter().map(ReasonView::from));
    let executable = gates.is_empty();
    let next_action = if level.sync_needed {
        "sync"
    } else if level.active_run.is_some() {
        "open_operation_run"
    } else if executable {
        "execute"
    } else if summary.ready == 0 && summary.manual_mapping_required > 0 {
        "resolve_mappings"
    } else {
        "none"
    };
    PreflightResponse {
        plan_digest: preflight.plan.plan_digest.clone(),
        compare_digest: compare_digest.to_owned(),
        executable,
        next_action,
        summary: PreflightSummaryView {
            total: summary.total,
            ready: summary.ready,
            blocked: summary.blocked,
            manual_mapping_required: summary.manual_mapping_required,
            unchanged: summary.unchanged,
        },
        mutation_scope: MutationScopeView {
            create,
            update,
            statement,
        },
        gates,
        warnings,
        subjects: preflight.subjects.iter().map(subject_view).collect(),
        operation_run_id: level.active_run,
    }
}

/// The gate of a plan without subjects.
pub fn nothing_ready() -> ReasonView {
    ReasonView {
        code: "nothing_ready".to_owned(),
        message: "No subject is ready: there is nothing to write.".to_owned(),
    }
}

fn subject_view(subject: &PreflightSubject) -> PreflightSubjectView {
    PreflightSubjectView {
        subject_key: subject.subject_key.clone(),
        policy_type: subject.policy_type.clone(),
        display_name: subject.display_name.clone(),
        readiness: subject.readiness,
        action: subject.action,
        wave: subject.wave,
        revision: subject.revision.clone(),
        reasons: subject.reasons.iter().map(ReasonView::from).collect(),
        target_candidates: subject
            .target_candidates
            .iter()
            .map(CandidateView::from)
            .collect(),
        references: subject.references.iter().map(reference_view).collect(),
    }
}

fn reference_view(resolved: &Resolved) -> ReferenceView {
    ReferenceView {
        kind: resolved.kind.clone(),
        source_id: resolved.source_id,
        source_name: resolved.source_name.clone(),
        resolution: resolved.resolution,
        target_id: resolved.target_id,
        candidates: resolved
            .candidates
            .iter()
            .map(|candidate| ReferenceCandidateView {
                id: candidate.id,
                name: candidate.name.clone(),
            })
            .collect(),
    }
}
