//! Terminal notifications: one per run, for its initiator, written with the terminal state.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::page::{Before, Page, one_more};
use crate::schema::{notifications, operation_runs};

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications, check_for_backend(diesel::pg::Pg))]
pub struct NotificationRow {
    /// Our id.
    pub id: Uuid,
    /// The run's workspace.
    pub workspace_id: Uuid,
    /// The run's initiator.
    pub user_id: Uuid,
    /// The run that ended.
    pub operation_run_id: Uuid,
    /// One line for people.
    pub title: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
}

/// Notifies the initiator of a run that ended; a second one for the same run is not written.
pub fn insert_notification(
    conn: &mut PgConnection,
    id: Uuid,
    workspace_id: Uuid,
    user_id: Uuid,
    operation_run_id: Uuid,
    title: &str,
) -> Result<(), StoreError> {
    diesel::insert_into(notifications::table)
        .values((
            notifications::id.eq(id),
            notifications::workspace_id.eq(workspace_id),
            notifications::user_id.eq(user_id),
            notifications::operation_run_id.eq(operation_run_id),
            notifications::title.eq(title),
        ))
        .on_conflict(notifications::operation_run_id)
        .do_nothing()
        .execute(conn)?;
    Ok(())
}

/// The runs of a workspace that act on one of these tenants (`None` = any).
fn runs_on(
    workspace_id: Uuid,
    visible_tenants: Option<&[Uuid]>,
) -> operation_runs::BoxedQuery<'_, diesel::pg::Pg, diesel::sql_types::Uuid> {
    let mut runs = operation_runs::table
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .select(operation_runs::id)
        .into_boxed();
    if let Some(visible) = visible_tenants {
        runs = runs.filter(operation_runs::tenant_id.eq_any(visible));
    }
    runs
}

/// A user's notifications in a workspace, newest first: those of runs on these tenants (`None` =
/// any), since the right to see a run may have gone since it was started.
pub fn list_notifications(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    visible_tenants: Option<&[Uuid]>,
    before: Option<Before>,
    limit: u32,
) -> Result<Page<NotificationRow>, StoreError> {
    use notifications as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::user_id.eq(user_id))
        .filter(table::operation_run_id.eq_any(runs_on(workspace_id, visible_tenants)))
        .select(NotificationRow::as_select())
        .order((table::created_at.desc(), table::id.desc()))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(
            table::created_at
                .lt(before.at)
                .or(table::created_at.eq(before.at).and(table::id.lt(before.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Marks a user's own notification read; reading twice keeps the first time. One statement, whether
/// it is hidden (its run acts on none of these tenants) or nobody has it.
pub fn mark_notification_read(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    visible_tenants: Option<&[Uuid]>,
    id: Uuid,
) -> Result<NotificationRow, StoreError> {
    use notifications as table;
    let own = table::table
        .find(id)
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::user_id.eq(user_id))
        .filter(table::operation_run_id.eq_any(runs_on(workspace_id, visible_tenants)));
    diesel::update(own)
        .set(table::read_at.eq(sql("coalesce(read_at, clock_timestamp())")))
        .returning(NotificationRow::as_returning())
        .get_result(conn)
        .optional()?
        .ok_or(StoreError::NotFound("notification"))
}
