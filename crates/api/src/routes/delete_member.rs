//! Removes a member with tenant memberships and tokens. The last owner stays.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "workspaces",
    operation_id = "delete_member",
    summary = "Remove a member",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "The workspace would have no owner")
    )
)]
#[delete("/v1/workspaces/{workspace_id}/members/{user_id}")]
pub async fn delete_member(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    caller.require(Capability::MembersManage)?;
    let user_id = call.path_id("user_id")?;
    let key = call.state.audit_key.clone();
    call.change(
        &caller,
        [Need::Workspace(Capability::MembersManage)],
        move |conn, caller| {
            store::memberships::delete_member(conn, caller.workspace_id, user_id)?;
            let entry = caller.audit("member.removed", json!({"user_id": user_id}));
            store::audit::append(conn, &key, &entry)?;
            Ok(())
        },
    )
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
