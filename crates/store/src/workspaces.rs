//! Workspaces: the isolation boundary. Decides nothing about rights.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::lower;
use crate::schema::{workspace_memberships, workspaces};

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = workspaces, check_for_backend(diesel::pg::Pg))]
pub struct WorkspaceRow {
    /// Our id.
    pub id: Uuid,
    /// Unique without regard to letter case.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Makes a workspace. [`StoreError::AlreadyExists`] (`workspaces_name_key`) for a taken name.
pub fn insert_workspace(
    conn: &mut PgConnection,
    id: Uuid,
    name: &str,
) -> Result<WorkspaceRow, StoreError> {
    Ok(diesel::insert_into(workspaces::table)
        .values((workspaces::id.eq(id), workspaces::name.eq(name)))
        .returning(WorkspaceRow::as_returning())
        .get_result(conn)?)
}

/// The workspace of this id.
pub fn find_workspace(
    conn: &mut PgConnection,
    id: Uuid,
) -> Result<Option<WorkspaceRow>, StoreError> {
    Ok(workspaces::table
        .find(id)
        .select(WorkspaceRow::as_select())
        .first(conn)
        .optional()?)
}

/// The workspace of this name, without regard to letter case.
pub fn find_workspace_by_name(
    conn: &mut PgConnection,
    name: &str,
) -> Result<Option<WorkspaceRow>, StoreError> {
    Ok(workspaces::table
        .filter(lower(workspaces::name).eq(lower(name)))
        .select(WorkspaceRow::as_select())
        .first(conn)
        .optional()?)
}

/// Every workspace, by name: for commands of the installation's operator, never for a request.
pub fn list_workspaces(conn: &mut PgConnection) -> Result<Vec<WorkspaceRow>, StoreError> {
    Ok(workspaces::table
        .order((lower(workspaces::name), workspaces::id))
        .select(WorkspaceRow::as_select())
        .load(conn)?)
}

/// Every workspace a user belongs to, with the user's role, by name.
pub fn list_workspaces_of_user(
    conn: &mut PgConnection,
    user_id: Uuid,
) -> Result<Vec<(WorkspaceRow, String)>, StoreError> {
    Ok(workspaces::table
        .inner_join(
            workspace_memberships::table.on(workspace_memberships::workspace_id.eq(workspaces::id)),
        )
        .filter(workspace_memberships::user_id.eq(user_id))
        .order((lower(workspaces::name), workspaces::id))
        .select((WorkspaceRow::as_select(), workspace_memberships::role))
        .load(conn)?)
}
