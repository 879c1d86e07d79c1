//! One tenant.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;

use super::create_tenant::TenantView;
use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "tenants",
    operation_id = "get_tenant",
    summary = "One tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    responses((status = 200, description = "The tenant", body = TenantView))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}")]
pub async fn get_tenant(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    Ok(HttpResponse::Ok().json(TenantView::from(access.tenant)))
}
