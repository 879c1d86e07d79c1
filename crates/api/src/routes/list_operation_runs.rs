//! The runs the caller may see, newest first.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use domain::operation::OperationType;
use store::runs::RunFilter;

use crate::call::Call;
use crate::pagination::{Page, time_cursor};
use crate::problem::Problem;
use crate::wire::run::{OperationRunView, run_view};

#[utoipa::path(
    tag = "runs",
    operation_id = "list_operation_runs",
    summary = "Operation runs",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("type" = Option<String>, Query, description = "Only this operation type"),
        ("status" = Option<String>, Query, description = "`queued`, `running` or `completed`"),
        ("tenant_id" = Option<Uuid>, Query, description = "Only runs that act on this tenant"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<OperationRunView>))
)]
#[get("/v1/workspaces/{workspace_id}/operation-runs")]
pub async fn list_operation_runs(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let types = OperationType::ALL.map(OperationType::as_str);
    let filter = RunFilter {
        operation_type: parameters.word("type", &types),
        status: parameters.word("status", &["queued", "running", "completed"]),
        tenant_id: parameters.uuid("tenant_id"),
        visible_tenants: caller.tenants_with(Capability::OperationRunView),
        before: parameters.time_cursor("operation-runs"),
    };
    parameters.finish()?;
    let workspace_id = caller.workspace_id;
    let rows = call
        .run(move |conn| store::runs::list_runs(conn, workspace_id, &filter, limit))
        .await?;
    let page = Page::of(
        rows,
        |row| time_cursor("operation-runs", row.created_at, row.id),
        |row| run_view(row, &caller),
    );
    Ok(HttpResponse::Ok().json(page))
}
