//! Who the credential stands for and what it may do: effective rights, narrowing included.

use actix_web::{HttpResponse, get};
use domain::capability::{Capability, Role};
use serde::Serialize;
use store::StoreError;
use store::page::AfterName;
use store::tenants::TenantRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
use crate::problem::Problem;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeResponse {
    /// Who.
    user: MeUser,
    /// Where.
    workspaces: Vec<MeWorkspace>,
}

/// The caller's user.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeUser {
    id: Uuid,
    display_name: String,
}

/// A workspace of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeWorkspace {
    id: Uuid,
    name: String,
    /// Whom the credential stands for there.
    user_id: Uuid,
    /// `readonly`, `operator`, `manager`, `owner`.
    role: &'static str,
    /// Workspace-scoped capabilities.
    capabilities: Vec<&'static str>,
    /// Tenants the caller can see.
    tenants: Vec<MeTenant>,
}

/// A tenant of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeTenant {
    id: Uuid,
    /// The role there: the workspace owner's, or the tenant membership's.
    role: &'static str,
    /// Tenant-scoped capabilities.
    capabilities: Vec<&'static str>,
}

#[utoipa::path(
    tag = "identity",
    operation_id = "get_me",
    summary = "Who the credential stands for and what it may do",
    responses((status = 200, description = "The caller", body = MeResponse))
)]
#[get("/v1/me")]
pub async fn get_me(call: Call) -> Result<HttpResponse, Problem> {
    let callers = call.authenticate().await?;
    call.no_parameters()?;
    // Every workspace calls its member what it likes; the first one's word stands for all.
    let first = callers.first().ok_or_else(Problem::unauthenticated)?;
    let user = MeUser {
        id: first.user_id,
        display_name: first.display_name.clone(),
    };
    let mut workspaces = Vec::with_capacity(callers.len());
    for caller in callers {
        workspaces.push(workspace_of(&call, &caller).await?);
    }
    Ok(HttpResponse::Ok().json(MeResponse { user, workspaces }))
}

/// What a caller sees and may do in one workspace.
async fn workspace_of(call: &Call, caller: &Caller) -> Result<MeWorkspace, Problem> {
    let workspace_id = caller.workspace_id;
    let visible = if caller.role == Role::Owner {
        None
    } else {
        Some(caller.tenant_roles.keys().copied().collect::<Vec<_>>())
    };
    let (workspace, tenants) = call
        .view(move |conn| {
            let workspace = store::workspaces::find_workspace(conn, workspace_id)?
                .ok_or(StoreError::NotFound("workspace"))?;
            let mut tenants: Vec<TenantRow> = Vec::new();
            let mut after: Option<AfterName> = None;
            loop {
                let page = store::tenants::list_tenants(
                    conn,
                    workspace_id,
                    visible.as_deref(),
                    after.as_ref(),
                    1_000,
                )?;
                after = page.items.last().map(|last| AfterName {
                    name: last.display_name.clone(),
                    id: last.id,
                });
                tenants.extend(page.items);
                if !page.has_more {
                    break;
                }
            }
            Ok::<_, StoreError>((workspace, tenants))
        })
        .await?;
    let tenants = tenants
        .iter()
        .filter_map(|tenant| {
            let capabilities = caller.capabilities_on(tenant.id);
            let role = if caller.role == Role::Owner {
                Role::Owner
            } else {
                *caller.tenant_roles.get(&tenant.id)?
            };
            (!capabilities.is_empty()).then(|| MeTenant {
                id: tenant.id,
                role: role.as_str(),
                capabilities: capabilities.iter().map(|c| c.as_str()).collect(),
            })
        })
        .collect();
    let capabilities = caller.workspace_capabilities();
    Ok(MeWorkspace {
        id: workspace.id,
        name: workspace.name,
        user_id: caller.user_id,
        role: caller.role.as_str(),
        capabilities: capabilities.into_iter().map(Capability::as_str).collect(),
        tenants,
    })
}
