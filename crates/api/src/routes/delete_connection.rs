//! Takes a tenant's connection away. Its credential is gone with the answer.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "tenants",
    operation_id = "delete_connection",
    summary = "Take a tenant's connection away",
    description = "The sealed credential is erased at once. Runs on the tenant stop with \
        `connection_missing` before their next subject; the inventory stays.",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    responses((status = 204, description = "Gone"))
)]
#[delete("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/connection")]
pub async fn delete_connection(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantOffboard)?;
    let tenant_id = access.tenant.id;
    let key = call.state.audit_key.clone();
    let needs = [Need::Tenant(tenant_id, Capability::TenantOffboard)];
    call.change(&caller, needs, move |conn, caller| {
        let gone = store::connections::delete_connection(conn, caller.workspace_id, tenant_id)?;
        let detail = json!({
            "cloud": gone.cloud,
            "client_id": gone.client_id,
            "credential_kind": gone.credential_kind,
        });
        let entry = caller.audit_on(tenant_id, "connection.removed", detail);
        store::audit::append(conn, &key, &entry)?;
        Ok(())
    })
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
