//! The audit log of a workspace, newest first.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::Value;
use store::audit::{AuditFilter, AuditRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLogView {
    id: Uuid,
    /// 1, 2, 3 ... per workspace without a gap.
    sequence: i64,
    /// Stable action id.
    action: String,
    /// Who; null = the system.
    actor_user_id: Option<Uuid>,
    /// With which token.
    actor_token_id: Option<Uuid>,
    tenant_id: Option<Uuid>,
    operation_run_id: Option<Uuid>,
    request_id: Option<String>,
    /// Facts.
    #[schema(value_type = Object)]
    detail: Value,
    recorded_at: DateTime<Utc>,
}

impl From<AuditRow> for AuditLogView {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            sequence: row.sequence,
            action: row.action,
            actor_user_id: row.actor_user_id,
            actor_token_id: row.actor_token_id,
            tenant_id: row.tenant_id,
            operation_run_id: row.operation_run_id,
            request_id: row.request_id,
            detail: row.detail,
            recorded_at: row.recorded_at,
        }
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "list_audit_logs",
    summary = "Audit log of a workspace",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("action" = Option<String>, Query, description = "Only this action"),
        ("tenant_id" = Option<Uuid>, Query, description = "Only about this tenant"),
        ("operation_run_id" = Option<Uuid>, Query, description = "Only about this run"),
        ("actor" = Option<Uuid>, Query, description = "Only by this user"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<AuditLogView>))
)]
#[get("/v1/workspaces/{workspace_id}/audit-logs")]
pub async fn list_audit_logs(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let filter = AuditFilter {
        action: parameters.text("action", 100),
        tenant_id: parameters.uuid("tenant_id"),
        operation_run_id: parameters.uuid("operation_run_id"),
        actor_user_id: parameters.uuid("actor"),
        before: parameters.number_cursor("audit-logs"),
    };
    parameters.finish()?;
    caller.require(Capability::AuditView)?;
    let workspace_id = caller.workspace_id;
    let rows = call
        .run(move |conn| store::audit::list(conn, workspace_id, &filter, limit))
        .await?;
    let page = Page::of(
        rows,
        |row| encode_cursor("audit-logs", &[&row.sequence.to_string()]),
        AuditLogView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
