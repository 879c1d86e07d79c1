//! Which run an Idempotency-Key of an actor answered with. Refusals bind no key.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::idempotency_keys;

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys, check_for_backend(diesel::pg::Pg))]
pub struct IdempotencyRow {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The actor.
    pub user_id: Uuid,
    /// The header's value.
    pub key: String,
    /// Digest of the request it came with.
    pub request_hash: String,
    /// The run it answered with.
    pub operation_run_id: Uuid,
    /// When it was bound.
    pub created_at: DateTime<Utc>,
}

/// What the key of an actor is bound to.
pub fn find_idempotency_key(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    key: &str,
) -> Result<Option<IdempotencyRow>, StoreError> {
    Ok(idempotency_keys::table
        .find((workspace_id, user_id, key))
        .select(IdempotencyRow::as_select())
        .first(conn)
        .optional()?)
}

/// Binds a key. `false` when it is bound already: look again at what to. Waits for a concurrent
/// transaction that is binding the same key.
pub fn insert_idempotency_key(
    conn: &mut PgConnection,
    row: &IdempotencyRow,
) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(idempotency_keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(inserted == 1)
}

/// Forgets keys older than `age`; returns how many.
pub fn purge_idempotency_keys(conn: &mut PgConnection, age: Duration) -> Result<usize, StoreError> {
    let age = chrono::TimeDelta::from_std(age).unwrap_or(chrono::TimeDelta::MAX);
    let Some(limit) = Utc::now().checked_sub_signed(age) else {
        return Ok(0);
    };
    Ok(
        diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(limit)))
            .execute(conn)?,
    )
}
