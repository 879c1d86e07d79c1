//! The API tokens of a workspace, newest first, without their texts.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::tokens::TokenRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, time_cursor};
use crate::problem::Problem;

/// A token without its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiTokenView {
    token_id: Uuid,
    name: String,
    user_id: Uuid,
    /// null = everything the member's roles grant.
    capabilities: Option<Vec<String>>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<TokenRow> for ApiTokenView {
    fn from(row: TokenRow) -> Self {
        Self {
            token_id: row.id,
            name: row.name,
            user_id: row.user_id,
            capabilities: row.capabilities,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "list_api_tokens",
    summary = "API tokens of a workspace",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<ApiTokenView>))
)]
#[get("/v1/workspaces/{workspace_id}/api-tokens")]
pub async fn list_api_tokens(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let before = parameters.time_cursor("api-tokens");
    parameters.finish()?;
    caller.require(Capability::ApiTokensManage)?;
    let workspace_id = caller.workspace_id;
    let rows = call
        .run(move |conn| store::tokens::list_tokens(conn, workspace_id, None, before, limit))
        .await?;
    let page = Page::of(
        rows,
        |row| time_cursor("api-tokens", row.created_at, row.id),
        ApiTokenView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
