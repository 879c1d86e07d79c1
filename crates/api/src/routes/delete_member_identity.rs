//! Takes a member's identity away: its tokens are nobody's in this workspace from the next request
//! on, and what it started stops.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "workspaces",
    operation_id = "delete_member_identity",
    summary = "Let nobody sign in as a member",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    responses((status = 204, description = "Taken away"))
)]
#[delete("/v1/workspaces/{workspace_id}/members/{user_id}/identity")]
pub async fn delete_member_identity(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    caller.require(Capability::MembersManage)?;
    let user_id = call.path_id("user_id")?;
    let key = call.state.audit_key.clone();
    call.change(
        &caller,
        [Need::Workspace(Capability::MembersManage)],
        move |conn, caller| {
            store::identities::delete_identity(conn, caller.workspace_id, user_id)?;
            let detail = json!({"user_id": user_id});
            let entry = caller.audit("member.identity_unlinked", detail);
            store::audit::append(conn, &key, &entry)?;
            Ok(())
        },
    )
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
