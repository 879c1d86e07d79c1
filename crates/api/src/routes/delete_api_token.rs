//! Revokes an API token: the next request with it is refused.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "workspaces",
    operation_id = "delete_api_token",
    summary = "Revoke an API token",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("token_id" = Uuid, Path, description = "Token")
    ),
    responses((status = 204, description = "Revoked; repeated calls are harmless"))
)]
#[delete("/v1/workspaces/{workspace_id}/api-tokens/{token_id}")]
pub async fn delete_api_token(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    caller.require(Capability::ApiTokensManage)?;
    let token_id = call.path_id("token_id")?;
    let key = call.state.audit_key.clone();
    call.change(
        &caller,
        [Need::Workspace(Capability::ApiTokensManage)],
        move |conn, caller| {
            if store::tokens::revoke_token(conn, caller.workspace_id, token_id)? {
                let entry = caller.audit("api_token.revoked", json!({"token_id": token_id}));
                store::audit::append(conn, &key, &entry)?;
            }
            Ok(())
        },
    )
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
