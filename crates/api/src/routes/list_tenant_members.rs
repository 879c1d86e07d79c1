//! The memberships of one tenant. (An owner of the workspace reaches it without one.)

use actix_web::{HttpResponse, get};
use domain::capability::Capability;

use super::put_tenant_member::TenantMemberView;
use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

#[utoipa::path(
    tag = "tenants",
    operation_id = "list_tenant_members",
    summary = "Members of a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<TenantMemberView>))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/members")]
pub async fn list_tenant_members(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.cursor("tenant-members", 1);
    parameters.finish()?;
    let access = call.tenant(&caller).await?;
    caller.require(Capability::MembersManage)?;
    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let mut rows = call
        .run(move |conn| store::memberships::list_tenant_members(conn, workspace_id, tenant_id))
        .await?;
    rows.sort_by_key(|row| row.user_id);
    let after = after.and_then(|parts| parts.into_iter().next());
    rows.retain(|row| {
        after
            .as_ref()
            .is_none_or(|last| row.user_id.to_string() > *last)
    });
    let page = Page::of_all(
        rows,
        limit,
        |row| encode_cursor("tenant-members", &[&row.user_id.to_string()]),
        |row| TenantMemberView {
            tenant_id: row.tenant_id,
            user_id: row.user_id,
            role: row.role,
        },
    );
    Ok(HttpResponse::Ok().json(page))
}
