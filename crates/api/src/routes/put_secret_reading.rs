//! Allows workers to ask a tenant for the plain text of encrypted values, or forbids it. A permission
//! of its own beside the credential: it needs a writing role in a tenant that is otherwise only read.

use actix_web::{HttpResponse, put};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::put_connection::ConnectionView;
use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};

/// The permission to set.
#[derive(Debug, Serialize, ToSchema)]
pub struct PutSecretReadingRequest {
    /// Whether plain secrets may be asked for.
    allowed: bool,
    /// Why; required, and kept in the audit log.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl ReadBody for PutSecretReadingRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let allowed = members.required_boolean("allowed");
        let reason = members.label("reason", 1_000);
        Some(Self {
            allowed: allowed?,
            reason: reason?,
        })
    }
}

#[utoipa::path(
    tag = "tenants",
    operation_id = "put_secret_reading",
    summary = "Allow or forbid reading encrypted values",
    description = "With it, captures keep a keyed fingerprint of encrypted OMA-URI values, and a \
        promotion reads the plain text from its source while it writes. It is stored and shown \
        nowhere. Graph asks for a writing role (DeviceManagementConfiguration.ReadWrite.All) in the \
        tenant for this.",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    request_body = PutSecretReadingRequest,
    responses((status = 200, description = "The connection", body = ConnectionView))
)]
#[put("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/connection/secret-reading")]
pub async fn put_secret_reading(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: PutSecretReadingRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::ConnectionManage)?;

    let (workspace_id, tenant_id) = (caller.workspace_id, access.tenant.id);
    let key = call.state.audit_key.clone();
    let connection = call
        .change(
            &caller,
            [Need::Tenant(tenant_id, Capability::ConnectionManage)],
            move |conn, caller| {
                let connection = store::connections::put_secret_reading(
                    conn,
                    workspace_id,
                    tenant_id,
                    body.allowed,
                )?;
                if connection.is_some() {
                    let word = if body.allowed { "allowed" } else { "forbidden" };
                    let action = format!("connection.secret_reading.{word}");
                    let detail = json!({"reason": body.reason});
                    let entry = caller.audit_on(tenant_id, &action, detail);
                    store::audit::append(conn, &key, &entry)?;
                }
                Ok(connection)
            },
        )
        .await??
        .ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(ConnectionView::from(connection)))
}
