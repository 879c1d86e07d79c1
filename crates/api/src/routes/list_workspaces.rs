//! The workspaces the credential works in: one for an API token, by id.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::StoreError;
use store::workspaces::WorkspaceRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspaceView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl From<WorkspaceRow> for WorkspaceView {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

/// The workspace of a caller.
pub async fn load_workspace(call: &Call, workspace_id: Uuid) -> Result<WorkspaceView, Problem> {
    let found: Option<WorkspaceRow> = call
        .run(move |conn| -> Result<_, StoreError> {
            store::workspaces::find_workspace(conn, workspace_id)
        })
        .await?;
    found
        .map(WorkspaceView::from)
        .ok_or_else(Problem::not_found)
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "list_workspaces",
    summary = "Workspaces of the caller",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<WorkspaceView>))
)]
#[get("/v1/workspaces")]
pub async fn list_workspaces(call: Call) -> Result<HttpResponse, Problem> {
    let callers = call.authenticate().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.cursor("workspaces", 1);
    parameters.finish()?;
    let after = after.and_then(|parts| parts.into_iter().next());
    let mut ids: Vec<Uuid> = callers
        .iter()
        .map(|caller| caller.workspace_id)
        .filter(|id| after.as_ref().is_none_or(|after| id.to_string() > *after))
        .collect();
    ids.sort_unstable();
    let page = Page::of_all(
        ids,
        limit,
        |id| encode_cursor("workspaces", &[&id.to_string()]),
        |id| id,
    );
    let mut items = Vec::with_capacity(page.items.len());
    for id in page.items {
        items.push(load_workspace(&call, id).await?);
    }
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: page.next_cursor,
    }))
}
