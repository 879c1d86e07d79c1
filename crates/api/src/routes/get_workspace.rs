//! One workspace.

use actix_web::{HttpResponse, get};

use super::list_workspaces::{WorkspaceView, load_workspace};
use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "workspaces",
    operation_id = "get_workspace",
    summary = "One workspace",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    responses((status = 200, description = "The workspace", body = WorkspaceView))
)]
#[get("/v1/workspaces/{workspace_id}")]
pub async fn get_workspace(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let workspace = load_workspace(&call, caller.workspace_id).await?;
    Ok(HttpResponse::Ok().json(workspace))
}
