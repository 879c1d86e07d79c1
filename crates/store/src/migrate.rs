//! Applies our migrations and the queue's. Decides that one process at a time does it, however
//! many ask; must not change data by itself.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::db::with_network_limits;
use crate::error::StoreError;
use crate::roles::{self, Passwords};

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
    bring_up_to_date(url, None)
}

/// [`migrate`], then makes or updates the roles of [`crate::roles`] and gives them the schema. Run
/// by a superuser, or by whoever may make roles and owns the schema so far.
pub fn migrate_with_roles(url: &str, passwords: &Passwords) -> Result<Migrated, StoreError> {
    bring_up_to_date(url, Some(passwords))
}

fn bring_up_to_date(url: &str, passwords: Option<&Passwords>) -> Result<Migrated, StoreError> {
    let url = with_network_limits(url);
    let mut conn = PgConnection::establish(&url)?;
    // No statement time-out here: an index on a large table may take its time.
    conn.batch_execute("SET lock_timeout = '600s'")?;
    conn.batch_execute(LOCK)?;
    let applied = conn
        .run_pending_migrations(MIGRATIONS)
        .map(|versions| versions.iter().map(ToString::to_string).collect())
        .map_err(StoreError::Migration)?;
    let ready = crate::queue::set_up(&url).and_then(|()| match passwords {
        Some(passwords) => roles::set_up(&mut conn, passwords),
        None => roles::renew_grants(&mut conn),
    });
    // Closing the session unlocks too; saying so frees the next caller a moment earlier.
    conn.batch_execute(UNLOCK)?;
    ready?;
    Ok(Migrated { applied })
}

/// The migrations of ours that are not applied, in order. Only reads, and needs no more than the
/// right to read the journal: asking whether a schema is there must not make one.
pub fn pending(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Bool)]
        known: bool,
    }
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let journal: Known =
        diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS known")
            .get_result(conn)?;
    let applied: Vec<Applied> = if journal.known {
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(conn)?
    } else {
        Vec::new()
    };
    let ours: Vec<Box<dyn Migration<Pg>>> =
        MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(StoreError::Migration)?;
    let mut missing: Vec<String> = ours
        .iter()
        .map(|migration| migration.name().version().to_string())
        .filter(|version| !applied.iter().any(|row| row.version == *version))
        .collect();
    missing.sort_unstable();
    Ok(missing)
}

/// Whether every migration of ours is applied (an API that runs ahead of its schema is not ready).
/// Only reads.
pub fn is_current(conn: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(pending(conn)?.is_empty())
}

/// What a look at a database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaCheck {
    /// Versions of ours that are not applied.
    pub pending: Vec<String>,
    /// Whether the queue's own tables are those that this build needs.
    pub queue_is_current: bool,
}

/// Looks whether the database at `url` is up to date, ours and the queue's. Only reads. Blocks.
pub fn check(url: &str) -> Result<SchemaCheck, StoreError> {
    let url = with_network_limits(url);
    let mut conn = PgConnection::establish(&url)?;
    Ok(SchemaCheck {
        pending: pending(&mut conn)?,
        queue_is_current: crate::queue::is_set_up(&url)?,
    })
}

/// Takes every migration of ours back, newest first. The queue's tables stay. Destroys all data;
/// exists so that a test can show that every `down.sql` undoes its `up.sql`.
pub fn revert_all(conn: &mut PgConnection) -> Result<(), StoreError> {
    conn.revert_all_migrations(MIGRATIONS)
        .map(drop)
        .map_err(StoreError::Migration)
}
