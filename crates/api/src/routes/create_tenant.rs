//! Adds a managed tenant to a workspace.

use actix_web::http::header;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::capability::{Capability, Role};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use store::tenants::{NewTenant, TenantRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::names::{look_alike_problem, refuse_tenant_look_alike};
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};

/// A tenant to be added.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateTenantRequest {
    /// Unique in the workspace.
    #[schema(min_length = 1, max_length = 200)]
    display_name: String,
    /// Microsoft's id of the tenant; unique in the workspace.
    entra_tenant_id: Uuid,
}

impl ReadBody for CreateTenantRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let display_name = members.label("display_name", 200);
        let entra_tenant_id = members.uuid("entra_tenant_id");
        Some(Self {
            display_name: display_name?,
            entra_tenant_id: entra_tenant_id?,
        })
    }
}

/// A managed tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantView {
    /// Our id.
    pub id: Uuid,
    /// Its workspace.
    pub workspace_id: Uuid,
    /// Its name.
    pub display_name: String,
    /// Microsoft's id.
    pub entra_tenant_id: Uuid,
    /// Verified domains as last read.
    pub verified_domains: Vec<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Where to go from here.
    pub links: TenantLinks,
}

/// Links of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantLinks {
    /// The tenant.
    #[serde(rename = "self")]
    pub own: String,
    /// Its connection.
    pub connection: String,
    /// Its policies.
    pub policies: String,
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        let own = tenant_href(row.workspace_id, row.id);
        Self {
            links: TenantLinks {
                connection: format!("{own}/connection"),
                policies: format!("{own}/policies"),
                own,
            },
            id: row.id,
            workspace_id: row.workspace_id,
            display_name: row.display_name,
            entra_tenant_id: row.entra_tenant_id,
            verified_domains: row.verified_domains,
            created_at: row.created_at,
        }
    }
}

/// The site-relative link of a tenant.
pub fn tenant_href(workspace_id: Uuid, tenant_id: Uuid) -> String {
    format!("/v1/workspaces/{workspace_id}/tenants/{tenant_id}")
}

#[utoipa::path(
    tag = "tenants",
    operation_id = "create_tenant",
    summary = "Add a tenant",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = CreateTenantRequest,
    responses(
        (status = 201, description = "Added", body = TenantView),
        (status = 409, description = "Its Entra tenant or its name is there already")
    )
)]
#[post("/v1/workspaces/{workspace_id}/tenants")]
pub async fn create_tenant(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: CreateTenantRequest = call.body()?;
    caller.require_by_role(Capability::ConnectionManage)?;

    let id = Uuid::now_v7();
    let key = call.state.audit_key.clone();
    let needs = [Need::Role(Capability::ConnectionManage)];
    let tenant: Result<Result<TenantRow, Problem>, StoreError> = call
        .change(&caller, needs, move |conn, creator| {
            refuse_tenant_look_alike(conn, creator.workspace_id, None, &body.display_name)?;
            let tenant = store::tenants::insert_tenant(
                conn,
                &NewTenant {
                    id,
                    workspace_id: creator.workspace_id,
                    display_name: body.display_name.clone(),
                    entra_tenant_id: body.entra_tenant_id,
                },
            )?;
            if creator.role != Role::Owner {
                // Whoever adds a tenant reaches it.
                store::memberships::put_tenant_member(
                    conn,
                    creator.workspace_id,
                    id,
                    creator.user_id,
                    creator.role.as_str(),
                )?;
            }
            let detail = json!({
                "display_name": body.display_name,
                "entra_tenant_id": body.entra_tenant_id,
            });
            let entry = creator.audit_on(id, "tenant.created", detail);
            store::audit::append(conn, &key, &entry)?;
            Ok(tenant)
        })
        .await;
    if let Err(error) = &tenant
        && let Some(problem) = look_alike_problem(error)
    {
        return Err(problem);
    }
    let tenant = tenant.map_err(|error| match &error {
        StoreError::AlreadyExists { constraint } if constraint == "managed_tenants_name_key" => {
            Problem::already_exists("A tenant of this name")
        }
        StoreError::AlreadyExists { .. } => Problem::already_exists("This Entra tenant"),
        _ => error.into(),
    })??;
    let href = tenant_href(caller.workspace_id, id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, href))
        .json(TenantView::from(tenant)))
}
