//! One version with its content. Secrets were never stored.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::get_policy::load_policy;
use crate::call::Call;
use crate::problem::Problem;

/// A version with its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionContentView {
    id: Uuid,
    policy_id: Uuid,
    /// Digest of content and assignments.
    content_hash: String,
    /// Version of the registry that read it.
    registry_version: String,
    /// When it was first read.
    observed_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    /// Whether it is the policy's current one.
    current: bool,
    /// The captured object.
    #[schema(value_type = Object)]
    content: Value,
    /// Its assignments in normal form.
    #[schema(value_type = Vec<Object>)]
    assignments: Value,
    /// Every place that points to another object.
    #[schema(value_type = Vec<Object>)]
    references: Value,
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "get_policy_version",
    summary = "One version with its content",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("policy_id" = Uuid, Path, description = "Policy"),
        ("policy_version_id" = Uuid, Path, description = "Version")
    ),
    responses((status = 200, description = "The version", body = PolicyVersionContentView))
)]
#[get(
    "/v1/workspaces/{workspace_id}/tenants/{tenant_id}/policies/{policy_id}/versions/{policy_version_id}"
)]
pub async fn get_policy_version(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::PolicyContentView)?;
    let policy = load_policy(&call, &caller, &access).await?;
    let version_id = call.path_id("policy_version_id")?;
    let (workspace_id, tenant_id, policy_id) = (caller.workspace_id, access.tenant.id, policy.id);
    let found = call
        .run(move |conn| {
            store::versions::find_version(conn, workspace_id, tenant_id, policy_id, version_id)
        })
        .await?;
    let row = found.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(PolicyVersionContentView {
        current: policy.current_version_id == Some(row.id),
        id: row.id,
        policy_id: row.policy_id,
        content_hash: row.content_hash,
        registry_version: row.registry_version,
        observed_at: row.observed_at,
        created_at: row.created_at,
        content: row.content,
        assignments: row.assignments,
        references: row.references_used,
    }))
}
