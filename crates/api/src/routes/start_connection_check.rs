//! Queues a check of a tenant's connection: does it work, and what may it do.

use actix_web::{HttpResponse, post};
use domain::operation::OperationType;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::start::{IdempotencyClaim, PlainStart, StartResponse};

#[utoipa::path(
    tag = "tenants",
    operation_id = "start_connection_check",
    summary = "Queue a check of a connection",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")
    ),
    responses(
        (status = 202, description = "Queued", body = StartResponse),
        (status = 200, description = "A check is under way", body = StartResponse),
        (status = 409, description = "`blocked`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/connection/checks")]
pub async fn start_connection_check(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let key = call.idempotency_key()?;
    call.no_body()?;
    let access = call.tenant(&caller).await?;
    let operation = OperationType::ConnectionCheck;
    call.require_to_start(&access, operation)?;

    let tenant_id = access.tenant.id;
    let claim = IdempotencyClaim::of(key, &json!([operation.as_str(), tenant_id]));
    let start = PlainStart {
        operation,
        tenant_id,
        context: json!({}),
        launch_context: None,
        claim,
    };
    call.start_plainly(&caller, start, |_, _| true).await
}
