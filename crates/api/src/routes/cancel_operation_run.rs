//! Cancels a run: at once when nobody has begun, otherwise before its next subject.

use std::str::FromStr;
use std::time::Duration;

use actix_web::{HttpResponse, post};
use domain::capability::Capability;
use domain::operation::OperationType;
use serde_json::json;
use store::StoreError;
use store::queue::{self, QueueName, WakeUp};
use store::runs::{CancelResult, RunRow};
use uuid::Uuid;

use super::get_operation_run::load_visible_run;
use crate::call::Call;
use crate::problem::{Code, Problem};
use crate::rights::Need;
use crate::wire::run::{OperationRunView, run_view};

#[utoipa::path(
    tag = "runs",
    operation_id = "cancel_operation_run",
    summary = "Cancel a run",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("operation_run_id" = Uuid, Path, description = "Run")
    ),
    responses(
        (status = 202, description = "Noted, or done; repeated calls are harmless", body = OperationRunView),
        (status = 409, description = "`already_completed`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/operation-runs/{operation_run_id}/cancel")]
pub async fn cancel_operation_run(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    call.no_body()?;
    let run_id = call.path_id("operation_run_id")?;
    let run = load_visible_run(&call, &caller, run_id).await?;
    call.about(
        run.tenant_id,
        json!({"operation_run_id": run_id, "type": run.operation_type}),
    );
    if !caller.can_on(run.tenant_id, Capability::OperationRunCancel) {
        return Err(Problem::capability_denied(Capability::OperationRunCancel));
    }
    let Ok(operation) = OperationType::from_str(&run.operation_type) else {
        return Err(Problem::internal("a run of an unknown type"));
    };

    let auditor = call.audited_start(&caller, operation, run.tenant_id);
    let needs = [Need::Tenant(run.tenant_id, Capability::OperationRunCancel)];
    let (run, already) = call
        .change(
            &caller,
            needs,
            move |conn, _| -> Result<(RunRow, bool), StoreError> {
                let workspace_id = auditor.caller.workspace_id;
                let result = store::runs::request_cancel(conn, workspace_id, run_id)?;
                match result {
                    CancelResult::CompletedAtOnce => {
                        queue::cancel_jobs(conn, run_id)?;
                        store::notifications::insert_notification(
                            conn,
                            Uuid::now_v7(),
                            workspace_id,
                            run.initiator_user_id,
                            run_id,
                            &format!("{}: cancelled", operation.label()),
                        )?;
                        auditor.append(conn, "cancel_requested", Some(run_id), json!({}))?;
                        let detail = json!({"outcome": "cancelled"});
                        auditor.append(conn, "completed", Some(run_id), detail)?;
                    }
                    CancelResult::Requested { held, first } => {
                        if !held {
                            // It waits for its time: wake it, so that it stops now.
                            let wake_seq = store::leases::bump_wake(conn, run_id)?;
                            let queue = QueueName::of_operation(operation.as_str());
                            let wake_up = WakeUp { run_id, wake_seq };
                            queue::enqueue(conn, queue, wake_up, Duration::ZERO)?;
                        }
                        if first {
                            auditor.append(conn, "cancel_requested", Some(run_id), json!({}))?;
                        }
                    }
                    CancelResult::AlreadyCompleted => {}
                    CancelResult::Missing => return Err(StoreError::NotFound("operation run")),
                }
                let now = store::runs::find_run(conn, workspace_id, run_id)?
                    .ok_or(StoreError::NotFound("operation run"))?;
                Ok((now, result == CancelResult::AlreadyCompleted))
            },
        )
        .await??;
    // A second cancel of a run that a cancel ended is harmless.
    if already && run.outcome != "cancelled" {
        return Err(Problem::new(
            Code::AlreadyCompleted,
            "The run is over; there is nothing to cancel.",
        ));
    }
    Ok(HttpResponse::Accepted().json(run_view(run, &caller)))
}
