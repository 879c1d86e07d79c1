//! The versions of a policy, newest first. No content.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::versions::VersionHeadRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::get_policy::load_policy;
use crate::call::Call;
use crate::pagination::{Page, time_cursor};
use crate::problem::Problem;

/// A version without its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionView {
    id: Uuid,
    policy_id: Uuid,
    /// Digest of content and assignments.
    content_hash: String,
    /// When it was first read.
    observed_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    /// Whether it is the policy's current one.
    current: bool,
}

fn view(row: VersionHeadRow, current: Option<Uuid>) -> PolicyVersionView {
    PolicyVersionView {
        current: current == Some(row.id),
        id: row.id,
        policy_id: row.policy_id,
        content_hash: row.content_hash,
        observed_at: row.observed_at,
        created_at: row.created_at,
    }
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "list_policy_versions",
    summary = "Versions of a policy",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("policy_id" = Uuid, Path, description = "Policy"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<PolicyVersionView>))
)]
#[get("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/policies/{policy_id}/versions")]
pub async fn list_policy_versions(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let before = parameters.time_cursor("policy-versions");
    parameters.finish()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantView)?;
    let policy = load_policy(&call, &caller, &access).await?;
    let (workspace_id, tenant_id, policy_id) = (caller.workspace_id, access.tenant.id, policy.id);
    let rows = call
        .run(move |conn| {
            store::versions::list_versions(conn, workspace_id, tenant_id, policy_id, before, limit)
        })
        .await?;
    let page = Page::of(
        rows,
        |row| time_cursor("policy-versions", row.created_at, row.id),
        |row| view(row, policy.current_version_id),
    );
    Ok(HttpResponse::Ok().json(page))
}
