//! The workspaces the credential works in: one, since a token is bound to one.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::StoreError;
use store::workspaces::WorkspaceRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::Page;
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
        .state
        .db
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
    let caller = call.authenticate().await?;
    let mut parameters = call.parameters();
    let _ = parameters.limit();
    let after = parameters.cursor("workspaces", 1);
    parameters.finish()?;
    let mut items = Vec::new();
    if after.is_none() {
        items.push(load_workspace(&call, caller.workspace_id).await?);
    }
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: None,
    }))
}
