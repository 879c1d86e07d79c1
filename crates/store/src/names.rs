//! The names that a workspace has given: what a new one is held against. Decides nothing about names;
//! two that are given at the same time wait for each other.

use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;

use crate::error::StoreError;
use crate::memberships::member_name;
use crate::schema::{managed_tenants, users, workspace_memberships};

/// The constraint that [`StoreError::AlreadyExists`] names for a name that only looks like another.
pub const LOOKS_ALIKE: &str = "names_look_alike";

/// One at a time gives names in a workspace, until its transaction ends.
pub fn lock(conn: &mut PgConnection, workspace_id: Uuid) -> Result<(), StoreError> {
    diesel::sql_query(
        "SELECT pg_advisory_xact_lock(hashtextextended('promotion/names/' || $1, 0))",
    )
    .bind::<Text, _>(workspace_id.to_string())
    .execute(conn)?;
    Ok(())
}

/// The tenants of a workspace with their names.
pub fn of_tenants(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<Vec<(Uuid, String)>, StoreError> {
    Ok(managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::removed_at.is_null())
        .select((managed_tenants::id, managed_tenants::display_name))
        .load(conn)?)
}

/// The members of a workspace with their names and addresses.
pub fn of_members(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    Ok(workspace_memberships::table
        .inner_join(users::table.on(users::id.eq(workspace_memberships::user_id)))
        .filter(workspace_memberships::workspace_id.eq(workspace_id))
        .select((member_name(), users::email))
        .load(conn)?)
}
