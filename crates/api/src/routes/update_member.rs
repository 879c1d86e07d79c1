//! Changes a member's role. The last owner stays one.

use std::str::FromStr;

use actix_web::{HttpResponse, patch};
use domain::capability::{Capability, Role};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use utoipa::ToSchema;

use super::create_member::ROLES;
use super::list_members::MemberView;
use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};
use crate::wire::words::RoleWord;

/// What can change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateMemberRequest {
    /// `readonly`, `operator`, `manager` or `owner`.
    #[schema(value_type = RoleWord)]
    role: Role,
}

impl ReadBody for UpdateMemberRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self {
            role: members.word::<Role>("role", &ROLES)?,
        })
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "update_member",
    summary = "Change a member's role",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    request_body = UpdateMemberRequest,
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, description = "The workspace would have no owner")
    )
)]
#[patch("/v1/workspaces/{workspace_id}/members/{user_id}")]
pub async fn update_member(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: UpdateMemberRequest = call.body()?;
    caller.require(Capability::MembersManage)?;
    let user_id = call.path_id("user_id")?;

    let key = call.state.audit_key.clone();
    let member = call
        .change(
            &caller,
            [Need::Workspace(Capability::MembersManage)],
            move |conn, caller| {
                let workspace_id = caller.workspace_id;
                let member = store::memberships::find_member(conn, workspace_id, user_id)?
                    .ok_or(StoreError::NotFound("member"))?;
                let had = Role::from_str(&member.role).ok();
                if let Err(problem) = caller.require_to_grant(body.role, had) {
                    return Ok(Err(problem));
                }
                let had = Role::from_str(&member.role).ok();
                if let Err(problem) = caller.require_to_grant(body.role, had) {
                    return Ok(Err(problem));
                }
                let role = body.role.as_str();
                if member.role != role {
                    store::memberships::change_member_role(conn, workspace_id, user_id, role)?;
                    let detail = json!({"user_id": user_id, "was": member.role, "is": role});
                    let entry = caller.audit("member.role_changed", detail);
                    store::audit::append(conn, &key, &entry)?;
                }
                store::memberships::find_member(conn, workspace_id, user_id)?
                    .map(Ok)
                    .ok_or(StoreError::NotFound("member"))
            },
        )
        .await???;
    Ok(HttpResponse::Ok().json(MemberView::from(member)))
}
