//! The caller's notifications: one for each of their runs that ended and that they may still see,
//! newest first.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::notifications::NotificationRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::pagination::{Page, time_cursor};
use crate::problem::Problem;

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationView {
    id: Uuid,
    /// The run that ended.
    operation_run_id: Uuid,
    title: String,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
    links: NotificationLinks,
}

/// Links of a notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationLinks {
    operation_run: String,
}

impl From<NotificationRow> for NotificationView {
    fn from(row: NotificationRow) -> Self {
        let href = format!(
            "/v1/workspaces/{}/operation-runs/{}",
            row.workspace_id, row.operation_run_id
        );
        Self {
            id: row.id,
            operation_run_id: row.operation_run_id,
            title: row.title,
            created_at: row.created_at,
            read_at: row.read_at,
            links: NotificationLinks {
                operation_run: href,
            },
        }
    }
}

#[utoipa::path(
    tag = "runs",
    operation_id = "list_notifications",
    summary = "Notifications of the caller",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<NotificationView>))
)]
#[get("/v1/workspaces/{workspace_id}/notifications")]
pub async fn list_notifications(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let before = parameters.time_cursor("notifications");
    parameters.finish()?;
    let rows = call
        .run(move |conn| {
            // The right to see a run may have gone since it was started.
            let visible = caller.tenants_with(Capability::OperationRunView);
            store::notifications::list_notifications(
                conn,
                caller.workspace_id,
                caller.user_id,
                visible.as_deref(),
                before,
                limit,
            )
        })
        .await?;
    let page = Page::of(
        rows,
        |row| time_cursor("notifications", row.created_at, row.id),
        NotificationView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
