//! Marks one of the caller's notifications read. Reading twice keeps the first time.

use actix_web::{HttpResponse, post};
use domain::capability::Capability;

use super::list_notifications::NotificationView;
use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;

#[utoipa::path(
    tag = "runs",
    operation_id = "mark_notification_read",
    summary = "Mark a notification read",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("notification_id" = Uuid, Path, description = "Notification")
    ),
    responses((status = 200, description = "The notification", body = NotificationView))
)]
#[post("/v1/workspaces/{workspace_id}/notifications/{notification_id}/read")]
pub async fn mark_notification_read(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    call.no_body()?;
    let id = call.path_id("notification_id")?;
    let row = call
        .change(&caller, [Need::Member], move |conn, caller| {
            let visible = caller.tenants_with(Capability::OperationRunView);
            store::notifications::mark_notification_read(
                conn,
                caller.workspace_id,
                caller.user_id,
                visible.as_deref(),
                id,
            )
        })
        .await??;
    Ok(HttpResponse::Ok().json(NotificationView::from(row)))
}
