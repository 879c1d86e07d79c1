//! The policies of a tenant by name. No content.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use domain::policy_type;
use serde::Serialize;
use store::policies::{PolicyFilter, PolicyRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    id: Uuid,
    policy_type: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    current_version_id: Option<Uuid>,
    last_seen_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_at: Option<DateTime<Utc>>,
    /// Why the object could not be captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_reason: Option<String>,
    /// For `policy_content.view` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

/// The policy as an actor with or without `policy_content.view` sees it.
pub fn policy_view(row: PolicyRow, with_provider_ids: bool) -> PolicyView {
    PolicyView {
        id: row.id,
        policy_type: row.policy_type,
        display_name: row.display_name,
        platform: row.platform,
        current_version_id: row.current_version_id,
        last_seen_at: row.last_seen_at,
        removed_at: row.removed_at,
        capture_reason: row.capture_reason,
        external_id: Some(row.external_id).filter(|_| with_provider_ids),
    }
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "list_policies",
    summary = "Policies of a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("policy_type" = Option<String>, Query, description = "Only this type"),
        ("q" = Option<String>, Query, description = "Names that contain this text"),
        ("removed" = Option<String>, Query, description = "`include`: removed ones too"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<PolicyView>))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/policies")]
pub async fn list_policies(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let types: Vec<&str> = policy_type::all().iter().map(|row| row.key).collect();
    let filter = PolicyFilter {
        policy_type: parameters.word("policy_type", &types),
        q: parameters.text("q", 200),
        include_removed: parameters.word("removed", &["include"]).is_some(),
        after: parameters.name_cursor("policies"),
    };
    parameters.finish()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    let with_provider_ids = access.capabilities.contains(&Capability::PolicyContentView);
    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let rows = call
        .run(move |conn| {
            store::policies::list_policies(conn, workspace_id, tenant_id, &filter, limit)
        })
        .await?;
    let page = Page::of(
        rows,
        |row| encode_cursor("policies", &[&row.display_name, &row.id.to_string()]),
        |row| policy_view(row, with_provider_ids),
    );
    Ok(HttpResponse::Ok().json(page))
}
