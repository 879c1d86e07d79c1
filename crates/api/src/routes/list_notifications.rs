//! The caller's notifications: one for each of their runs that ended and that they may still see,
//! newest first.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use store::notifications::NotificationRow;
use store::{PgConnection, StoreError};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
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

/// Whether the caller may see the run now: the right may have gone since it was started.
pub fn sees_run(
    conn: &mut PgConnection,
    caller: &Caller,
    run_id: Uuid,
) -> Result<bool, StoreError> {
    let run = store::runs::find_run(conn, caller.workspace_id, run_id)?;
    Ok(run.is_some_and(|run| caller.can_on(run.tenant_id, Capability::OperationRunView)))
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
    let page = call
        .run(move |conn| {
            let rows = store::notifications::list_notifications(
                conn,
                caller.workspace_id,
                caller.user_id,
                before,
                limit,
            )?;
            let mut hidden = BTreeSet::new();
            for row in &rows.items {
                if !sees_run(conn, &caller, row.operation_run_id)? {
                    hidden.insert(row.id);
                }
            }
            let mut page = Page::of(
                rows,
                |row| time_cursor("notifications", row.created_at, row.id),
                NotificationView::from,
            );
            page.items.retain(|item| !hidden.contains(&item.id));
            Ok(page)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}
