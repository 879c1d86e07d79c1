//! Says who signs in as a member: an identity provider's (issuer, subject), in place of the one
//! before.
//!
//! The link holds in this workspace only. What the same person is elsewhere, and what the same
//! identity is elsewhere, neither changes nor shows.

use actix_web::{HttpResponse, put};
use domain::capability::{Capability, Role};
use serde::Serialize;
use serde_json::json;
use store::identities::Identity;
use store::keys::AuditKey;
use store::{PgConnection, StoreError};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list_members::MemberView;
use crate::call::Call;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};

/// The index that keeps an identity to one member of a workspace.
pub const TAKEN: &str = "member_identities_subject_key";

/// A subject at an identity provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IdentityBody {
    /// The provider's issuer, letter by letter as its tokens have it in `iss`.
    #[schema(min_length = 1, max_length = 500)]
    pub issuer: String,
    /// The token's `sub`. Never an address: addresses change hands.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
}

impl ReadBody for IdentityBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        read(members)
    }
}

/// Reads an identity from the members of its object.
pub fn read(members: &mut Members<'_>) -> Option<IdentityBody> {
    let issuer = members.text("issuer", 500);
    if let Some(text) = &issuer
        && !is_issuer(text)
    {
        members.refuse(
            "issuer",
            "not_an_issuer",
            "issuer must be an https address without query and fragment.",
        );
    }
    let subject = members.text("subject", 255);
    Some(IdentityBody {
        issuer: issuer?,
        subject: subject?,
    })
}

/// Shaped like one; whether this installation takes its tokens is the operator's business. Plain
/// http is for development, where the configuration decides on which hosts.
fn is_issuer(text: &str) -> bool {
    text.is_ascii()
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.host_str().is_some()
                && url.query().is_none()
                && url.fragment().is_none()
        })
}

/// An identity does whatever its member may ever do, so whoever lets one in must not be narrowed.
pub fn require_whole(caller: &Caller) -> Result<(), Problem> {
    let Some(held) = &caller.narrowed else {
        return Ok(());
    };
    match Role::Owner.capabilities().difference(held).next() {
        None => Ok(()),
        Some(missing) => Err(Problem::capability_denied(*missing)),
    }
}

/// Links and tells the audit log, unless it was so already.
pub fn link(
    conn: &mut PgConnection,
    key: &AuditKey,
    caller: &Caller,
    user_id: Uuid,
    identity: &IdentityBody,
) -> Result<(), StoreError> {
    let identity = Identity {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
    };
    if store::identities::put_identity(conn, caller.workspace_id, user_id, &identity)? {
        let detail = json!({
            "user_id": user_id,
            "issuer": identity.issuer,
            "subject": identity.subject,
        });
        store::audit::append(conn, key, &caller.audit("member.identity_linked", detail))?;
    }
    Ok(())
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "put_member_identity",
    summary = "Say who signs in as a member",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("user_id" = Uuid, Path, description = "Member")
    ),
    request_body = IdentityBody,
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, description = "Another member of this workspace has this identity")
    )
)]
#[put("/v1/workspaces/{workspace_id}/members/{user_id}/identity")]
pub async fn put_member_identity(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let identity: IdentityBody = call.body()?;
    caller.require(Capability::MembersManage)?;
    require_whole(&caller)?;
    let user_id = call.path_id("user_id")?;

    let key = call.state.audit_key.clone();
    let member = call
        .change(
            &caller,
            [Need::Workspace(Capability::MembersManage)],
            move |conn, caller| {
                let workspace_id = caller.workspace_id;
                let missing = || StoreError::NotFound("member");
                store::memberships::find_member(conn, workspace_id, user_id)?
                    .ok_or_else(missing)?;
                link(conn, &key, caller, user_id, &identity)?;
                store::memberships::find_member(conn, workspace_id, user_id)?.ok_or_else(missing)
            },
        )
        .await
        .map_err(|error| match error {
            StoreError::AlreadyExists { .. } => {
                Problem::already_exists("A member with this identity")
            }
            other => other.into(),
        })??;
    Ok(HttpResponse::Ok().json(MemberView::from(member)))
}
