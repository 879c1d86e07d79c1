//! Terminal notifications: one per run, for its initiator, written with the terminal state.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::page::{Before, Page, one_more};
use crate::schema::notifications;

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

/// A user's notifications in a workspace, newest first.
pub fn list_notifications(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    before: Option<Before>,
    limit: u32,
) -> Result<Page<NotificationRow>, StoreError> {
    use notifications as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::user_id.eq(user_id))
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

/// Marks a user's own notification read; reading twice keeps the first time.
pub fn mark_notification_read(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    id: Uuid,
) -> Result<NotificationRow, StoreError> {
    use notifications as table;
    let own = table::table
        .find(id)
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::user_id.eq(user_id));
    diesel::update(own.filter(table::read_at.is_null()))
        .set(table::read_at.eq(clock_timestamp().nullable()))
        .execute(conn)?;
    own.select(NotificationRow::as_select())
        .first(conn)
        .optional()?
        .ok_or(StoreError::NotFound("notification"))
}
