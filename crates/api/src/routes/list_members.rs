//! The members of a workspace, newest first.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::memberships::MemberRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::put_member_identity::IdentityBody;
use crate::call::Call;
use crate::pagination::{Page, time_cursor};
use crate::problem::Problem;

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    user_id: Uuid,
    /// `person` or `service`.
    kind: String,
    email: Option<String>,
    display_name: String,
    /// `readonly`, `operator`, `manager` or `owner`.
    role: String,
    created_at: DateTime<Utc>,
    /// Who signs in as this member, besides API tokens.
    identity: Option<IdentityBody>,
}

impl From<MemberRow> for MemberView {
    fn from(row: MemberRow) -> Self {
        Self {
            user_id: row.user_id,
            kind: row.kind,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            created_at: row.created_at,
            identity: row
                .issuer
                .zip(row.subject)
                .map(|(issuer, subject)| IdentityBody { issuer, subject }),
        }
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "list_members",
    summary = "Members of a workspace",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<MemberView>))
)]
#[get("/v1/workspaces/{workspace_id}/members")]
pub async fn list_members(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let before = parameters.time_cursor("members");
    parameters.finish()?;
    caller.require(Capability::MembersManage)?;
    let workspace_id = caller.workspace_id;
    let rows = call
        .run(move |conn| store::memberships::list_members(conn, workspace_id, before, limit))
        .await?;
    let page = Page::of(
        rows,
        |row| time_cursor("members", row.created_at, row.user_id),
        MemberView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
