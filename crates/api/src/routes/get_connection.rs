//! How a tenant is reached and whether that works. No secret comes back.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::StoreError;
use store::connections::ConnectionRow;

use super::put_connection::ConnectionView;
use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "tenants",
    operation_id = "get_connection",
    summary = "How a tenant is reached",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    responses((status = 200, description = "The connection", body = ConnectionView))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/connection")]
pub async fn get_connection(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let found: Option<ConnectionRow> = call
        .run(move |conn| -> Result<_, StoreError> {
            store::connections::find_connection(conn, workspace_id, tenant_id)
        })
        .await?;
    let connection = found.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(ConnectionView::from(connection)))
}
