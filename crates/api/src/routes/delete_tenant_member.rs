//! Removes a member from a tenant.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "tenants",
    operation_id = "delete_tenant_member",
    summary = "Remove a member from a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    responses((status = 204, description = "Removed"))
)]
#[delete("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/members/{user_id}")]
pub async fn delete_tenant_member(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    caller.require(Capability::MembersManage)?;
    let user_id = call.path_id("user_id")?;
    let tenant_id = access.tenant.id;
    let key = call.state.audit_key.clone();
    let needs = [
        Need::Visible(tenant_id),
        Need::Workspace(Capability::MembersManage),
    ];
    call.change(&caller, needs, move |conn, caller| {
        store::memberships::delete_tenant_member(conn, caller.workspace_id, tenant_id, user_id)?;
        let detail = json!({"user_id": user_id});
        let entry = caller.audit_on(tenant_id, "member.tenant_role_removed", detail);
        store::audit::append(conn, &key, &entry)?;
        Ok(())
    })
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
