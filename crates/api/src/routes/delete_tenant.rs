//! Removes a tenant with everything it held. What was done on it stays in runs and audit log.

use actix_web::{HttpResponse, delete};
use domain::capability::Capability;
use serde_json::json;
use store::offboarding::{self, Removal};

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;
use crate::start::blocked;
use crate::wire::compare::ReasonView;

#[utoipa::path(
    tag = "tenants",
    operation_id = "delete_tenant",
    summary = "Remove a tenant",
    description = "Erases its credential, inventory with every captured version, references, \
        memberships and controls. Runs and the audit log stay, with the tenant's id and name. Its \
        name and its Entra tenant may be added again, as a new tenant.",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    responses(
        (status = 204, description = "Gone"),
        (status = 409, description = "`blocked` with `active_runs`: runs with it as target or source are queued or running")
    )
)]
#[delete("/v1/workspaces/{workspace_id}/tenants/{tenant_id}")]
pub async fn delete_tenant(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::TenantOffboard)?;
    let tenant_id = access.tenant.id;
    let key = call.state.audit_key.clone();
    let needs = [Need::Tenant(tenant_id, Capability::TenantOffboard)];
    let active = call
        .change(&caller, needs, move |conn, caller| {
            let removal = offboarding::remove_tenant(conn, caller.workspace_id, tenant_id)?;
            let (action, detail, active) = match removal {
                Removal::Removed { tenant, policies } => {
                    let detail = json!({
                        "display_name": tenant.display_name,
                        "entra_tenant_id": tenant.entra_tenant_id,
                        "policies": policies,
                    });
                    ("tenant.removed", detail, 0)
                }
                Removal::ActiveRuns(runs) => {
                    let detail = json!({"active_runs": runs});
                    ("tenant.removal_blocked", detail, runs.len())
                }
            };
            let entry = caller.audit_on(tenant_id, action, detail);
            store::audit::append(conn, &key, &entry)?;
            Ok(active)
        })
        .await??;
    if active == 0 {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(blocked(&[ReasonView {
        code: "active_runs".to_owned(),
        message: format!(
            "Runs that have this tenant as target or source are queued or running ({active}); \
             wait for them, or cancel them."
        ),
    }]))
}
