//! Renames a tenant.

use actix_web::{HttpResponse, patch};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use store::tenants::TenantRow;
use utoipa::ToSchema;

use super::create_tenant::TenantView;
use crate::call::Call;
use crate::names::{look_alike_problem, refuse_tenant_look_alike};
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};

/// What can change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateTenantRequest {
    /// The new name; absent keeps the old one.
    #[schema(min_length = 1, max_length = 200)]
    display_name: Option<String>,
}

impl ReadBody for UpdateTenantRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self {
            display_name: members.optional_label("display_name", 200),
        })
    }
}

#[utoipa::path(
    tag = "tenants",
    operation_id = "update_tenant",
    summary = "Rename a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    request_body = UpdateTenantRequest,
    responses(
        (status = 200, description = "The tenant", body = TenantView),
        (status = 409, description = "Another tenant has this name")
    )
)]
#[patch("/v1/workspaces/{workspace_id}/tenants/{tenant_id}")]
pub async fn update_tenant(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: UpdateTenantRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::ConnectionManage)?;
    let Some(display_name) = body.display_name else {
        return Ok(HttpResponse::Ok().json(TenantView::from(access.tenant)));
    };
    let key = call.state.audit_key.clone();
    let before = access.tenant;
    let needs = [Need::Tenant(before.id, Capability::ConnectionManage)];
    let renamed: Result<Result<TenantRow, Problem>, StoreError> = call
        .change(&caller, needs, move |conn, caller| {
            let own = Some(before.id);
            refuse_tenant_look_alike(conn, before.workspace_id, own, &display_name)?;
            let tenant =
                store::tenants::rename_tenant(conn, before.workspace_id, before.id, &display_name)?;
            let detail = json!({"was": before.display_name, "is": display_name});
            let entry = caller.audit_on(before.id, "tenant.renamed", detail);
            store::audit::append(conn, &key, &entry)?;
            Ok(tenant)
        })
        .await;
    if let Err(error) = &renamed
        && let Some(problem) = look_alike_problem(error)
    {
        return Err(problem);
    }
    let tenant = renamed.map_err(|error| match error {
        StoreError::AlreadyExists { .. } => Problem::already_exists("A tenant of this name"),
        other => other.into(),
    })??;
    Ok(HttpResponse::Ok().json(TenantView::from(tenant)))
}
