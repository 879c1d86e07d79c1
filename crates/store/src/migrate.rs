//! Applies our migrations and the queue's. Decides that one process at a time does it, however
//! many ask; must not change data by itself.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::db::with_network_limits;
use crate::error::StoreError;

/// Our migrations. The queue brings its own, which live in its own schemas.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// One advisory lock for ours and the queue's together.
const LOCK: &str = "SELECT pg_advisory_lock(hashtext('promotion'), hashtext('migrations'))";
const UNLOCK: &str = "SELECT pg_advisory_unlock(hashtext('promotion'), hashtext('migrations'))";

/// What one call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Versions of ours that this call applied, in order; empty when everything was there.
    pub applied: Vec<String>,
}

/// Brings the database at `url` up to date. Any number of concurrent calls are safe: they queue on
/// a lock of the database, and all but the first find nothing to do. Blocks the thread.
pub fn migrate(url: &str) -> Result<Migrated, StoreError> {
    let url = with_network_limits(url);
    let mut conn = PgConnection::establish(&url)?;
    // No statement time-out here: an index on a large table may take its time.
    conn.batch_execute("SET lock_timeout = '600s'")?;
    conn.batch_execute(LOCK)?;
    let applied = conn
        .run_pending_migrations(MIGRATIONS)
        .map(|versions| versions.iter().map(ToString::to_string).collect())
        .map_err(StoreError::Migration)?;
    let queue = crate::queue::set_up(&url);
    // Closing the session unlocks too; saying so frees the next caller a moment earlier.
    conn.batch_execute(UNLOCK)?;
    queue?;
    Ok(Migrated { applied })
}

/// Whether every migration of ours is applied (an API that runs ahead of its schema is not ready).
pub fn is_current(conn: &mut PgConnection) -> Result<bool, StoreError> {
    conn.has_pending_migration(MIGRATIONS)
        .map(|pending| !pending)
        .map_err(StoreError::Migration)
}

/// Takes every migration of ours back, newest first. The queue's tables stay. Destroys all data;
/// exists so that a test can show that every `down.sql` undoes its `up.sql`.
pub fn revert_all(conn: &mut PgConnection) -> Result<(), StoreError> {
    conn.revert_all_migrations(MIGRATIONS)
        .map(drop)
        .map_err(StoreError::Migration)
}
