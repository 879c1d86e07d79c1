//! Makes an API token. Its text is in this one answer and nowhere else.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use actix_web::{HttpResponse, post};
use chrono::{DateTime, TimeDelta, Utc};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use store::tokens::NewToken;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
use crate::problem::{FieldError, Problem};
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};

/// A token to be made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateApiTokenRequest {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// A member of this workspace; default: the caller.
    user_id: Option<Uuid>,
    /// Narrows the token; default: everything the member's roles grant.
    #[schema(value_type = Option<Vec<String>>)]
    capabilities: Option<BTreeSet<Capability>>,
    /// Default: never, or with the token that makes it.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i64>,
}

impl ReadBody for CreateApiTokenRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let name = members.label("name", 200);
        let user_id = members.optional_uuid("user_id");
        let names = members.optional_texts("capabilities", 100, 100);
        let capabilities = names.map(|names| {
            let mut found = BTreeSet::new();
            for (index, name) in names.iter().enumerate() {
                match Capability::from_str(name) {
                    Ok(capability) => {
                        found.insert(capability);
                    }
                    Err(_) => members.refuse_at(
                        &format!("capabilities/{index}"),
                        "unknown_capability",
                        "No capability has this name.",
                    ),
                }
            }
            found
        });
        let expires_in_days = members.optional_integer("expires_in_days", 1, 3_650);
        Some(Self {
            name: name?,
            user_id,
            capabilities,
            expires_in_days,
        })
    }
}

/// The new token.
#[derive(Serialize, ToSchema)]
pub struct CreateApiTokenResponse {
    /// Its id.
    token_id: Uuid,
    /// Its text: shown once.
    token: String,
    /// For people.
    name: String,
    /// Whom it acts for.
    user_id: Uuid,
    /// When it ends.
    expires_at: Option<DateTime<Utc>>,
}

/// A narrowed token never makes one that can do more than itself.
fn narrow(
    caller: &Caller,
    asked: Option<BTreeSet<Capability>>,
) -> Result<Option<BTreeSet<Capability>>, Problem> {
    let Some(own) = &caller.narrowed else {
        return Ok(asked);
    };
    match asked {
        None => Ok(Some(own.clone())),
        Some(asked) => match asked.difference(own).next() {
            None => Ok(Some(asked)),
            Some(beyond) => Err(Problem::capability_denied(*beyond)),
        },
    }
}

/// A token never makes one that outlives it.
fn lifetime(caller: &Caller, days: Option<i64>) -> Option<DateTime<Utc>> {
    let asked = days
        .and_then(TimeDelta::try_days)
        .map(|days| Utc::now() + days);
    match (asked, caller.expires_at) {
        (Some(asked), Some(own)) => Some(asked.min(own)),
        (asked, own) => asked.or(own),
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "create_api_token",
    summary = "Make an API token",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = CreateApiTokenRequest,
    responses((status = 201, description = "Made; its text is shown once", body = CreateApiTokenResponse))
)]
#[post("/v1/workspaces/{workspace_id}/api-tokens")]
pub async fn create_api_token(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: CreateApiTokenRequest = call.body()?;
    caller.require(Capability::ApiTokensManage)?;
    let capabilities = narrow(&caller, body.capabilities)?;

    let user_id = body.user_id.unwrap_or(caller.user_id);
    let capability_names: Option<Vec<String>> =
        capabilities.map(|set| set.iter().map(|c| c.as_str().to_owned()).collect());
    let new = NewToken {
        id: Uuid::now_v7(),
        workspace_id: caller.workspace_id,
        user_id,
        name: body.name,
        capabilities: capability_names,
        expires_at: lifetime(&caller, body.expires_in_days),
    };
    let key = call.state.audit_key.clone();
    let known = Arc::clone(&call.state.known_tokens);
    let made = call
        .change(
            &caller,
            [Need::Workspace(Capability::ApiTokensManage)],
            move |conn, caller| {
                let member = store::memberships::find_member(conn, new.workspace_id, user_id)?;
                if member.is_none() {
                    return Ok(None);
                }
                let made = store::tokens::insert_token(conn, &new)?;
                let detail = json!({
                    "token_id": new.id,
                    "user_id": user_id,
                    "name": new.name,
                    "capabilities": new.capabilities,
                    "expires_at": new.expires_at,
                });
                let entry = caller.audit("api_token.created", detail);
                store::audit::append(conn, &key, &entry)?;
                Ok::<_, StoreError>(Some(made))
            },
        )
        .await??;
    let Some((row, text)) = made else {
        return Err(Problem::invalid(vec![FieldError::at(
            "/user_id",
            "not_a_member",
            "user_id must name a member of this workspace.",
        )]));
    };
    // Its first use may come before the database's announcement does.
    known.add(store::tokens::mark_of(text.reveal()), row.workspace_id);
    Ok(HttpResponse::Created().json(CreateApiTokenResponse {
        token_id: row.id,
        token: text.reveal().to_owned(),
        name: row.name,
        user_id: row.user_id,
        expires_at: row.expires_at,
    }))
}
