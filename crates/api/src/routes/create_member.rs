//! Adds a person or a service account to a workspace.

use actix_web::{HttpResponse, post};
use domain::capability::{Capability, Role};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use store::names::LOOKS_ALIKE;
use store::users::NewUser;
use utoipa::ToSchema;
use uuid::Uuid;

use super::put_member_identity::{self as identity, IdentityBody};
use crate::call::Call;
use crate::names::{look_alike_problem, refuse_member_look_alike};
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};
use crate::wire::words::{MemberKindWord, RoleWord};

/// The words of a role.
pub const ROLES: [&str; 4] = ["readonly", "operator", "manager", "owner"];

/// A member to be added. People have an `email`; a service account has `"kind": "service"` and a
/// `display_name`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateMemberRequest {
    /// `person` (default) or `service`.
    #[schema(value_type = Option<MemberKindWord>)]
    kind: Option<String>,
    /// Required for people.
    email: Option<String>,
    /// Required for service accounts.
    display_name: Option<String>,
    /// `readonly`, `operator`, `manager` or `owner`.
    #[schema(value_type = RoleWord)]
    role: Role,
    /// Who signs in as this member.
    identity: Option<IdentityBody>,
}

struct Kind(&'static str);

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "person" => Ok(Self("person")),
            "service" => Ok(Self("service")),
            _ => Err(()),
        }
    }
}

impl ReadBody for CreateMemberRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let kind: Option<Kind> = members.optional_word("kind", &["person", "service"]);
        let service = kind.as_ref().is_some_and(|kind| kind.0 == "service");
        let (email, display_name) = if service {
            if members.has("email") {
                members.refuse("email", "not_allowed", "A service account has no email.");
                let _ = members.optional_label("email", 320);
            }
            (None, members.label("display_name", 200))
        } else {
            let email = members.label("email", 320);
            (email, members.optional_label("display_name", 200))
        };
        if let Some(address) = &email
            && !is_address(address)
        {
            members.refuse("email", "not_an_email", "email must be an email address.");
        }
        let role = members.word::<Role>("role", &ROLES);
        let identity = members.optional_object("identity", identity::read);
        if service && display_name.is_none() {
            return None;
        }
        Some(Self {
            kind: kind.map(|kind| kind.0.to_owned()),
            email,
            display_name,
            role: role?,
            identity,
        })
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
}

/// The new member.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateMemberResponse {
    user_id: Uuid,
    kind: String,
    email: Option<String>,
    display_name: String,
    role: &'static str,
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "create_member",
    summary = "Add a member",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = CreateMemberRequest,
    responses(
        (status = 201, description = "Added", body = CreateMemberResponse),
        (status = 409, description = "Is a member already")
    )
)]
#[post("/v1/workspaces/{workspace_id}/members")]
pub async fn create_member(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: CreateMemberRequest = call.body()?;
    caller.require(Capability::MembersManage)?;
    caller.require_to_grant(body.role, None)?;

    if body.identity.is_some() {
        identity::require_whole(&caller)?;
    }

    let key = call.state.audit_key.clone();
    let role = body.role.as_str();
    let (user, display_name) = call
        .change(
            &caller,
            [Need::Workspace(Capability::MembersManage)],
            move |conn, caller| {
                let workspace_id = caller.workspace_id;
                let (name, email) = (body.display_name.as_deref(), body.email.as_deref());
                refuse_member_look_alike(conn, workspace_id, name, email)?;
                let id = store::users::new_user_id();
                let (user, name) = if let Some(email) = &body.email {
                    let user = store::users::find_or_insert_person(conn, id, email)?;
                    let name = body.display_name.clone();
                    let name = name.unwrap_or_else(|| store::users::name_of_address(email));
                    (user, name)
                } else {
                    let name = body.display_name.clone().unwrap_or_default();
                    let new = NewUser {
                        id,
                        kind: "service".to_owned(),
                        email: None,
                        display_name: name.clone(),
                    };
                    (store::users::insert_user(conn, &new)?, name)
                };
                store::memberships::insert_member(conn, workspace_id, user.id, role, &name)?;
                let detail = json!({"user_id": user.id, "kind": user.kind, "role": role});
                store::audit::append(conn, &key, &caller.audit("member.added", detail))?;
                if let Some(identity) = &body.identity {
                    identity::link(conn, &key, caller, user.id, identity)?;
                }
                Ok((user, name))
            },
        )
        .await
        .map_err(|error| match error {
            error if error.is_unique_violation(LOOKS_ALIKE) => {
                look_alike_problem(&error).unwrap_or_else(|| error.into())
            }
            StoreError::AlreadyExists { constraint } if constraint == identity::TAKEN => {
                Problem::already_exists("A member with this identity")
            }
            StoreError::AlreadyExists { .. } => Problem::already_exists("This member"),
            other => other.into(),
        })??;
    Ok(HttpResponse::Created().json(CreateMemberResponse {
        user_id: user.id,
        kind: user.kind,
        email: user.email,
        display_name,
        role,
    }))
}
