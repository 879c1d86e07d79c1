//! What a tenant has for policies to point to: groups, filters, scope tags, ... to choose mappings
//! from.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// A reference.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantReferenceView {
    /// What mappings name it by.
    id: Uuid,
    /// `group`, `assignment_filter`, `scope_tag`, ...
    kind: String,
    name: Option<String>,
    /// For `policy_content.view` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "list_references",
    summary = "What policies of a tenant can point to",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("kind" = Option<String>, Query, description = "Only this kind"),
        ("q" = Option<String>, Query, description = "Names that contain this text"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<TenantReferenceView>))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/references")]
pub async fn list_references(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let kind = parameters.text("kind", 60);
    let q = parameters.text("q", 200);
    let after = parameters.name_cursor("references");
    parameters.finish()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    let with_provider_ids = access.capabilities.contains(&Capability::PolicyContentView);
    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let rows = call
        .run(move |conn| {
            store::references::list_references(
                conn,
                workspace_id,
                tenant_id,
                kind.as_deref(),
                q.as_deref(),
                after.as_ref(),
                limit,
            )
        })
        .await?;
    let page = Page::of(
        rows,
        |row| {
            let name = row.name.as_deref().unwrap_or_default();
            encode_cursor("references", &[name, &row.id.to_string()])
        },
        |row| TenantReferenceView {
            id: row.id,
            kind: row.kind,
            name: row.name,
            external_id: Some(row.external_id).filter(|_| with_provider_ids),
        },
    );
    Ok(HttpResponse::Ok().json(page))
}
