//! The per-subject results of a run, in order of execution.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::run_items::ItemRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::get_operation_run::load_visible_run;
use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// What became of one subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationRunItemView {
    subject_key: String,
    policy_type: String,
    display_name: String,
    /// `create`, `update`, `capture`, `check` or `restore`.
    action: String,
    /// `pending`, `writing`, `succeeded`, `failed`, `skipped` or `unknown`.
    outcome: String,
    /// `created`, `updated` or `unchanged` when it succeeded.
    effect: Option<String>,
    reason_code: Option<String>,
    message: Option<String>,
    attempts: i32,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    target_policy_id: Option<Uuid>,
    /// For `policy_content.view` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_external_id: Option<String>,
    /// For `policy_content.view` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    graph_request_ids: Option<Vec<String>>,
}

fn view(row: ItemRow, with_provider_ids: bool) -> OperationRunItemView {
    OperationRunItemView {
        subject_key: row.subject_key,
        policy_type: row.policy_type,
        display_name: row.display_name,
        action: row.action,
        outcome: row.outcome,
        effect: row.effect,
        reason_code: row.reason_code,
        message: row.message,
        attempts: row.attempts,
        started_at: row.started_at,
        completed_at: row.completed_at,
        target_policy_id: row.target_policy_id,
        target_external_id: row.target_external_id.filter(|_| with_provider_ids),
        graph_request_ids: with_provider_ids.then_some(row.graph_request_ids),
    }
}

#[utoipa::path(
    tag = "runs",
    operation_id = "list_operation_run_items",
    summary = "Per-subject results of a run",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("operation_run_id" = Uuid, Path, description = "Run"),
        ("outcome" = Option<String>, Query, description = "Only this outcome"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<OperationRunItemView>))
)]
#[get("/v1/workspaces/{workspace_id}/operation-runs/{operation_run_id}/items")]
pub async fn list_operation_run_items(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let run_id = call.path_id("operation_run_id")?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let outcomes = domain::run::ItemOutcome::ALL.map(domain::run::ItemOutcome::as_str);
    let outcome = parameters.word("outcome", &outcomes);
    let after = parameters.number_cursor("operation-run-items");
    parameters.finish()?;
    let run = load_visible_run(&call, &caller, run_id).await?;
    let with_provider_ids = caller.can_on(run.tenant_id, Capability::PolicyContentView);
    let after = after.and_then(|n| i32::try_from(n).ok());
    let rows = call
        .run(move |conn| {
            store::run_items::list_items(conn, run_id, outcome.as_deref(), after, limit)
        })
        .await?;
    let page = Page::of(
        rows,
        |row| encode_cursor("operation-run-items", &[&row.position.to_string()]),
        |row| view(row, with_provider_ids),
    );
    Ok(HttpResponse::Ok().json(page))
}
