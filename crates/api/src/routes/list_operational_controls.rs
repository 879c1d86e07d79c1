//! Every switch that can hold an operation of the workspace.

use actix_web::{HttpResponse, get};

use super::put_operational_control::OperationalControlView;
use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

#[utoipa::path(
    tag = "workspaces",
    operation_id = "list_operational_controls",
    summary = "Operational controls of a workspace",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<OperationalControlView>))
)]
#[get("/v1/workspaces/{workspace_id}/operational-controls")]
pub async fn list_operational_controls(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.cursor("operational-controls", 1);
    parameters.finish()?;
    let workspace_id = caller.workspace_id;
    let mut rows = call
        .run(move |conn| store::controls::list_controls(conn, workspace_id))
        .await?;
    // Why an operation is held is everybody's business, but only on tenants they can see.
    rows.retain(|row| {
        row.tenant_id
            .is_none_or(|tenant_id| !caller.capabilities_on(tenant_id).is_empty())
    });
    rows.sort_by_key(|row| row.id);
    let after = after.and_then(|parts| parts.into_iter().next());
    rows.retain(|row| after.as_ref().is_none_or(|last| row.id.to_string() > *last));
    let page = Page::of_all(
        rows,
        limit,
        |row| encode_cursor("operational-controls", &[&row.id.to_string()]),
        OperationalControlView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
