//! Sets a member's role on a tenant.

use actix_web::{HttpResponse, put};
use domain::capability::{Capability, Role};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use utoipa::ToSchema;
use uuid::Uuid;

use super::create_member::ROLES;
use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};
use crate::wire::words::RoleWord;

/// The role to hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct PutTenantMemberRequest {
    /// `readonly`, `operator`, `manager` or `owner`.
    #[schema(value_type = RoleWord)]
    role: Role,
}

impl ReadBody for PutTenantMemberRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self {
            role: members.word::<Role>("role", &ROLES)?,
        })
    }
}

/// A member of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantMemberView {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The member.
    pub user_id: Uuid,
    /// `readonly`, `operator`, `manager` or `owner`.
    pub role: String,
}

#[utoipa::path(
    tag = "tenants",
    operation_id = "put_tenant_member",
    summary = "Set a member's role on a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    request_body = PutTenantMemberRequest,
    responses((status = 200, description = "The membership", body = TenantMemberView))
)]
#[put("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/members/{user_id}")]
pub async fn put_tenant_member(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: PutTenantMemberRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    caller.require(Capability::MembersManage)?;
    caller.require_to_grant(body.role, None)?;
    let user_id = call.path_id("user_id")?;
    let tenant_id = access.tenant.id;
    let role = body.role.as_str();

    let key = call.state.audit_key.clone();
    let needs = [
        Need::Visible(tenant_id),
        Need::Workspace(Capability::MembersManage),
    ];
    call.change(&caller, needs, move |conn, caller| {
        let workspace_id = caller.workspace_id;
        store::tenants::keep_tenant(conn, workspace_id, tenant_id)?;
        store::memberships::find_member(conn, workspace_id, user_id)?
            .ok_or(StoreError::NotFound("member"))?;
        if store::memberships::put_tenant_member(conn, workspace_id, tenant_id, user_id, role)? {
            let detail = json!({"user_id": user_id, "role": role});
            let entry = caller.audit_on(tenant_id, "member.tenant_role_set", detail);
            store::audit::append(conn, &key, &entry)?;
        }
        Ok(())
    })
    .await??;
    Ok(HttpResponse::Ok().json(TenantMemberView {
        tenant_id,
        user_id,
        role: role.to_owned(),
    }))
}
