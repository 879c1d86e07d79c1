//! One policy, removed or not. No content.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::policies::PolicyRow;

use super::list_policies::{PolicyView, policy_view};
use crate::call::Call;
use crate::caller::{Caller, TenantAccess};
use crate::problem::Problem;

/// The policy of the path.
pub async fn load_policy(
    call: &Call,
    caller: &Caller,
    access: &TenantAccess,
) -> Result<PolicyRow, Problem> {
    let policy_id = call.path_id("policy_id")?;
    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let found = call
        .run(move |conn| store::policies::find_policy(conn, workspace_id, tenant_id, policy_id))
        .await?;
    found.ok_or_else(Problem::not_found)
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "get_policy",
    summary = "One policy",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("policy_id" = Uuid, Path, description = "Policy")
    ),
    responses((status = 200, description = "The policy", body = PolicyView))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/policies/{policy_id}")]
pub async fn get_policy(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    let with_provider_ids = access.capabilities.contains(&Capability::PolicyContentView);
    let policy = load_policy(&call, &caller, &access).await?;
    Ok(HttpResponse::Ok().json(policy_view(policy, with_provider_ids)))
}
