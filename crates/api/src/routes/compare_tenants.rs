//! Compares two tenants. Read-only and reproducible: nothing is stored.

use actix_web::{HttpResponse, post};
use domain::capability::Capability;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::{Caller, TenantAccess};
use crate::derivation;
use crate::problem::Problem;
use crate::wire::compare::{CompareResponse, response};
use crate::wire::selection::{SelectionBody, SelectionRequest};

/// Both tenants of a selection, if the actor can see both.
pub async fn both_tenants(
    call: &Call,
    caller: &Caller,
    body: &SelectionBody,
) -> Result<(TenantAccess, TenantAccess), Problem> {
    let (workspace_id, visible) = (caller.workspace_id, caller.visible_tenants());
    let ids = [
        body.selection.source_tenant_id,
        body.selection.target_tenant_id,
    ];
    // Both are always asked for: which one is missing shows in nothing.
    let [source, target] = call
        .run(move |conn| {
            let mut find = |id: Uuid| {
                store::tenants::find_visible_tenant(conn, workspace_id, id, visible.as_deref())
            };
            Ok([find(ids[0])?, find(ids[1])?])
        })
        .await?;
    Ok((caller.access(source)?, caller.access(target)?))
}

#[utoipa::path(
    tag = "promotion",
    operation_id = "compare_tenants",
    summary = "Compare two tenants",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = SelectionRequest,
    responses((status = 200, description = "The compare", body = CompareResponse))
)]
#[post("/v1/workspaces/{workspace_id}/cross-tenant-compare")]
pub async fn compare_tenants(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: SelectionBody = call.body()?;
    let (source, target) = both_tenants(&call, &caller, &body).await?;
    source.require(Capability::CompareView)?;
    target.require(Capability::CompareView)?;

    let workspace_id = caller.workspace_id;
    let state = call.state.clone();
    let (answer, _permit) = call
        .derive(move |conn, watch| {
            let compared = match derivation::compare(conn, workspace_id, &body, watch)? {
                Ok(compared) => compared,
                Err(problem) => return Ok(Err(problem)),
            };
            let counts = derivation::change_counts(conn, &compared, &state.caches, watch)?;
            Ok(Ok(response(
                &compared.selection,
                &compared.comparison,
                compared.source.view(&compared.selection, &compared.target),
                compared.target.view(&compared.selection, &compared.source),
                &counts,
            )))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}
