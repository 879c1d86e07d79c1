//! What a promotion would write, and what stands in its way. Read-only, audited.

use actix_web::{HttpResponse, post};
use chrono::Utc;
use domain::capability::Capability;
use serde_json::json;

use super::compare_tenants::both_tenants;
use crate::call::Call;
use crate::derivation;
use crate::problem::Problem;
use crate::wire::preflight::{PreflightResponse, response};
use crate::wire::selection::{SelectionBody, SelectionRequest};

#[utoipa::path(
    tag = "promotion",
    operation_id = "preflight_promotion",
    summary = "What a promotion would write",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = SelectionRequest,
    responses((status = 200, description = "The preflight", body = PreflightResponse))
)]
#[post("/v1/workspaces/{workspace_id}/cross-tenant-compare/preflight")]
pub async fn preflight_promotion(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: SelectionBody = call.body()?;
    let (source, target) = both_tenants(&call, &caller, &body).await?;
    call.about(
        target.tenant.id,
        json!({"source_tenant_id": source.tenant.id}),
    );
    source.require(Capability::CompareView)?;
    target.require(Capability::PreflightRun)?;

    let workspace_id = caller.workspace_id;
    let (answer, _permit) = call
        .derive(move |conn, watch| {
            let found = match derivation::preflight(conn, workspace_id, &body, watch)? {
                Ok(found) => found,
                Err(problem) => return Ok(Err(problem)),
            };
            let level = derivation::run_level(conn, &found, Utc::now())?;
            Ok(Ok(response(
                &found.preflight,
                &found.compared.comparison.compare_digest,
                &found.compared.target.tenant.display_name,
                level,
            )))
        })
        .await?;

    let key = call.state.audit_key.clone();
    let detail = json!({
        "source_tenant_id": source.tenant.id,
        "plan_digest": answer.plan_digest,
        "compare_digest": answer.compare_digest,
        "executable": answer.executable,
        "summary": answer.summary,
    });
    let entry = caller.audit_on(target.tenant.id, "promotion.preflight.generated", detail);
    call.transaction(move |conn| store::audit::append(conn, &key, &entry).map(|_| ()))
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}
