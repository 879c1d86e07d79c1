//! An operation run on the wire, as one actor may see it.

use chrono::{DateTime, Utc};
use domain::operation::OperationType;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::str::FromStr;
use store::runs::RunRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::caller::Caller;

/// An operation run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OperationRunView {
    /// Its id.
    pub id: Uuid,
    /// Operation type.
    pub r#type: String,
    /// For people.
    pub type_label: &'static str,
    /// `queued`, `running` or `completed`.
    pub status: String,
    /// Raised by every visible change.
    pub revision: i64,
    /// `pending`, `succeeded`, `partially_succeeded`, `failed`, `blocked` or `cancelled`.
    pub outcome: String,
    /// Code of the stop or failure.
    pub outcome_reason: Option<String>,
    /// Why it does nothing at the moment.
    pub waiting: Option<WaitingView>,
    /// When a cancel was first asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Its workspace.
    pub workspace_id: Uuid,
    /// The tenant it acts on: the target of a promotion.
    pub tenant_id: Uuid,
    /// Who started it.
    pub initiator: InitiatorView,
    /// The canonical counts.
    pub summary_counts: SummaryCountsView,
    /// Its immutable inputs; source and selection are null for who does not see the source.
    #[schema(value_type = Object)]
    pub context: Value,
    /// Where to go from here.
    pub links: RunLinks,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When a worker first claimed it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// Why a run does nothing at the moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// `throttled`: Graph asks for a wait; `outcome_unknown`: a write without an answer is looked for.
    reason: String,
    /// Until when.
    until: Option<DateTime<Utc>>,
}

/// Who started a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InitiatorView {
    user_id: Uuid,
    display_name: String,
}

/// The one closed key set of counts.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SummaryCountsView {
    total: u64,
    processed: u64,
    succeeded: u64,
    failed: u64,
    skipped: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
}

/// Links of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunLinks {
    #[serde(rename = "self")]
    own: String,
    items: String,
    events: String,
    source_tenant: Option<String>,
    target_tenant: Option<String>,
    compare: Option<CompareLink>,
    return_to: Option<String>,
}

/// The compare that shows the run's selection as it stands now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompareLink {
    method: &'static str,
    href: String,
    #[schema(value_type = Object)]
    body: Value,
}

/// The site-relative link of a run.
pub fn run_href(workspace_id: Uuid, run_id: Uuid) -> String {
    format!("/v1/workspaces/{workspace_id}/operation-runs/{run_id}")
}

/// The run as this caller may see it.
pub fn run_view(row: RunRow, caller: &Caller) -> OperationRunView {
    let label =
        OperationType::from_str(&row.operation_type).map_or("Operation", OperationType::label);
    let sees_source = row
        .source_tenant_id
        .is_some_and(|id| !caller.capabilities_on(id).is_empty());
    let own = run_href(row.workspace_id, row.id);
    let tenant_href = |id: Uuid| format!("/v1/workspaces/{}/tenants/{id}", row.workspace_id);
    let selection = row
        .context
        .get("selection")
        .filter(|_| sees_source)
        .cloned();
    let links = RunLinks {
        items: format!("{own}/items"),
        events: format!("{own}/events"),
        source_tenant: row
            .source_tenant_id
            .filter(|_| sees_source)
            .map(tenant_href),
        target_tenant: Some(tenant_href(row.tenant_id)),
        compare: selection.map(|body| CompareLink {
            method: "POST",
            href: format!("/v1/workspaces/{}/cross-tenant-compare", row.workspace_id),
            body,
        }),
        return_to: row
            .launch_context
            .as_ref()
            .and_then(|context| context.get("return_to"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        own,
    };
    OperationRunView {
        context: context_view(&row, sees_source),
        waiting: row.waiting_reason.map(|reason| WaitingView {
            reason,
            until: row.waiting_until,
        }),
        initiator: InitiatorView {
            user_id: row.initiator_user_id,
            display_name: row.initiator_name,
        },
        summary_counts: counts_view(&row.summary_counts),
        links,
        id: row.id,
        r#type: row.operation_type,
        type_label: label,
        status: row.status,
        revision: row.revision,
        outcome: row.outcome,
        outcome_reason: row.outcome_reason,
        cancel_requested_at: row.cancel_requested_at,
        workspace_id: row.workspace_id,
        tenant_id: row.tenant_id,
        created_at: row.created_at,
        started_at: row.started_at,
        completed_at: row.completed_at,
    }
}

/// The members of a stored context that readers get.
const SHOWN: [&str; 11] = [
    "plan_digest",
    "registry_version",
    "excluded",
    "policy_types",
    "policy_id",
    "policy_version_id",
    "expected_current_version_id",
    "conditional_access_state",
    "kept_state",
    "kind",
    "q",
];

fn context_view(row: &RunRow, sees_source: bool) -> Value {
    let mut shown = Map::new();
    if row.operation_type == OperationType::PromotionExecute.as_str() {
        let source = row.source_tenant_id.filter(|_| sees_source);
        shown.insert("source_tenant_id".into(), json!(source));
        shown.insert("target_tenant_id".into(), json!(row.tenant_id));
        let selection = row.context.get("selection").filter(|_| sees_source);
        shown.insert("selection".into(), json!(selection));
    }
    for name in SHOWN {
        if let Some(value) = row.context.get(name) {
            shown.insert(name.into(), value.clone());
        }
    }
    Value::Object(shown)
}

fn counts_view(counts: &Value) -> SummaryCountsView {
    let count = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap_or_default();
    SummaryCountsView {
        total: count("total"),
        processed: count("processed"),
        succeeded: count("succeeded"),
        failed: count("failed"),
        skipped: count("skipped"),
        created: count("created"),
        updated: count("updated"),
        unchanged: count("unchanged"),
    }
}
