//! Operation runs: start, find, list, cancel, complete. Decides, with the database's own unique
//! indexes, that an identity runs once and a target is written by one run; whether a run may
//! start is the caller's. Who may record on a run is decided in [`crate::leases`].

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::db::database_time;
use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::leases::{self, Holder};
use crate::page::{Before, Page, one_more};
use crate::run_items;
use crate::schema::operation_runs;

/// The types that write to a tenant: one active run of them per tenant.
pub const MUTATING_TYPES: [&str; 2] = ["promotion.execute", "policy.restore"];

/// A run as its readers see it: the context without the heavy list of subjects.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = operation_runs, check_for_backend(diesel::pg::Pg))]
pub struct RunRow {
    /// Our id.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// `promotion.execute`, `inventory.sync`, `connection.check`, `policy.restore` or
    /// `reference.search`.
    #[diesel(column_name = type_)]
    pub operation_type: String,
    /// The tenant it acts on.
    pub tenant_id: Uuid,
    /// The source of a promotion.
    pub source_tenant_id: Option<Uuid>,
    /// `queued`, `running` or `completed`.
    pub status: String,
    /// `pending` until completed.
    pub outcome: String,
    /// Code of the stop or failure.
    pub outcome_reason: Option<String>,
    /// Why it does nothing at the moment.
    pub waiting_reason: Option<String>,
    /// Until when.
    pub waiting_until: Option<DateTime<Utc>>,
    /// Raised by every change that a reader can see.
    pub revision: i64,
    /// Unique in the workspace while active.
    pub identity: String,
    /// Immutable inputs, without the member `subjects`.
    #[diesel(select_expression = light_context(), select_expression_type = SqlLiteral<Jsonb>)]
    pub context: Value,
    /// Where the starter came from.
    pub launch_context: Option<Value>,
    /// The canonical counts.
    pub summary_counts: Value,
    /// Who started it.
    pub initiator_user_id: Uuid,
    /// What the workspace calls that user.
    #[diesel(select_expression = initiator_name(), select_expression_type = SqlLiteral<Text>)]
    pub initiator_name: String,
    /// With which token.
    pub initiator_token_id: Option<Uuid>,
    /// When a cancel was first asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Who works on it.
    pub lease_holder: Option<String>,
    /// Until when, on database time.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// Raised by every claim.
    pub fence: i64,
    /// Number of the last wake-up.
    pub wake_seq: i32,
    /// How often it was woken because its worker was gone.
    pub rescues: i32,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When a worker first claimed it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

fn light_context() -> SqlLiteral<Jsonb> {
    sql("operation_runs.context - 'subjects'")
}

fn initiator_name() -> SqlLiteral<Text> {
    // Of somebody who left the workspace only the address is known here: the name that other
    // workspaces use is theirs.
    sql("(SELECT coalesce(m.display_name, \
         CASE u.kind WHEN 'person' THEN lower(u.email) ELSE u.display_name END, u.display_name) \
         FROM users u LEFT JOIN workspace_memberships m \
         ON m.user_id = u.id AND m.workspace_id = operation_runs.workspace_id \
         WHERE u.id = operation_runs.initiator_user_id)")
}

/// A run to be started.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = operation_runs)]
pub struct NewRun {
    /// UUIDv7 made by the caller.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// The operation type's name.
    #[diesel(column_name = type_)]
    pub operation_type: String,
    /// The tenant it acts on.
    pub tenant_id: Uuid,
    /// The source of a promotion.
    pub source_tenant_id: Option<Uuid>,
    /// Digest of workspace + type + canonical selection + plan digest.
    pub identity: String,
    /// Immutable inputs; `subjects` is what readers do not get.
    pub context: Value,
    /// Where the starter came from.
    pub launch_context: Option<Value>,
    /// The canonical counts at the start.
    pub summary_counts: Value,
    /// Who starts it.
    pub initiator_user_id: Uuid,
    /// With which token.
    pub initiator_token_id: Option<Uuid>,
}

/// What became of a start.
#[derive(Clone, Debug)]
pub enum RunInsert {
    /// The run is queued (its job must follow in the same transaction).
    Inserted(Box<RunRow>),
    /// A run of this identity is queued or running.
    SameIdentity(Uuid),
    /// Another run of a type that excludes this one is active on the tenant.
    ScopeBusy(Uuid),
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// This type only.
    pub operation_type: Option<String>,
    /// This status only.
    pub status: Option<String>,
    /// Runs that act on this tenant only.
    pub tenant_id: Option<Uuid>,
    /// Runs that act on one of these tenants only: those the caller may see; `None` = all.
    pub visible_tenants: Option<Vec<Uuid>>,
    /// Strictly older than this row.
    pub before: Option<Before>,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelResult {
    /// Nobody had begun: the run is completed as cancelled and its scope free. Audit, notification
    /// and the removal of its job follow in the caller's transaction.
    CompletedAtOnce,
    /// Noted; the worker stops before its next subject. When nobody holds the run (it waits), wake
    /// it so that it stops now.
    Requested {
        /// Whether a worker holds it at the moment.
        held: bool,
        /// Whether this call was the first to ask.
        first: bool,
    },
    /// It was over already.
    AlreadyCompleted,
    /// No such run in the workspace.
    Missing,
}

/// Queues a run unless one of its identity, or one that excludes it, is active. The unique indexes
/// decide, so any number of concurrent calls agree on one run.
pub fn insert_run(conn: &mut PgConnection, new: &NewRun) -> Result<RunInsert, StoreError> {
    // The run in the way may end between the refused insert and the look at it: try again.
    for _ in 0..3 {
        let inserted = diesel::insert_into(operation_runs::table)
            .values(new)
            .on_conflict_do_nothing()
            .returning(RunRow::as_returning())
            .get_result(conn)
            .optional()?;
        if let Some(row) = inserted {
            return Ok(RunInsert::Inserted(Box::new(row)));
        }
        if let Some(id) = find_active_by_identity(conn, new.workspace_id, &new.identity)? {
            return Ok(RunInsert::SameIdentity(id));
        }
        if let Some(id) = find_active_in_scope(conn, &new.operation_type, new.tenant_id)? {
            return Ok(RunInsert::ScopeBusy(id));
        }
    }
    Err(StoreError::Conflict("operation run"))
}

/// How many runs of a workspace are queued or running. Starts of one workspace wait here for each
/// other until their transactions end, so that together they keep to a limit.
pub fn count_active_runs_of_workspace(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<i64, StoreError> {
    let (high, low) = workspace_id.as_u64_pair();
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>((high.rotate_left(29) ^ low ^ STARTS).cast_signed())
        .execute(conn)?;
    Ok(operation_runs::table
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .filter(operation_runs::status.eq_any(["queued", "running"]))
        .count()
        .get_result(conn)?)
}

/// Sets the lock of a workspace's starts apart from other advisory locks of the database.
const STARTS: u64 = 0x7374_6172_7473_0001;

/// The queued or running run of this identity.
pub fn find_active_by_identity(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    identity: &str,
) -> Result<Option<Uuid>, StoreError> {
    Ok(operation_runs::table
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .filter(operation_runs::identity.eq(identity))
        .filter(operation_runs::status.ne("completed"))
        .select(operation_runs::id)
        .first(conn)
        .optional()?)
}

/// The active run that keeps a run of this type off this tenant: for mutating types a mutating
/// one, otherwise one of the same type. Searches keep nobody off: each looks for something else.
pub fn find_active_in_scope(
    conn: &mut PgConnection,
    operation_type: &str,
    tenant_id: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    if operation_type == "reference.search" {
        return Ok(None);
    }
    let excluding: Vec<&str> = if MUTATING_TYPES.contains(&operation_type) {
        MUTATING_TYPES.to_vec()
    } else {
        vec![operation_type]
    };
    Ok(operation_runs::table
        .filter(operation_runs::tenant_id.eq(tenant_id))
        .filter(operation_runs::type_.eq_any(excluding))
        .filter(operation_runs::status.eq_any(["queued", "running"]))
        .select(operation_runs::id)
        .first(conn)
        .optional()?)
}

/// The active mutating run on a tenant.
pub fn find_active_mutating_run(
    conn: &mut PgConnection,
    tenant_id: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    find_active_in_scope(conn, "promotion.execute", tenant_id)
}

/// A run of a workspace.
pub fn find_run(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<RunRow>, StoreError> {
    Ok(operation_runs::table
        .find(id)
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .select(RunRow::as_select())
        .first(conn)
        .optional()?)
}

/// A run of a workspace that acts on one of these tenants (`None` = any). What its reader may not
/// see costs the database what an unknown id does.
pub fn find_visible_run(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
    visible_tenants: Option<&[Uuid]>,
) -> Result<Option<RunRow>, StoreError> {
    let mut query = operation_runs::table
        .find(id)
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .select(RunRow::as_select())
        .into_boxed();
    if let Some(visible) = visible_tenants {
        query = query.filter(operation_runs::tenant_id.eq_any(visible));
    }
    Ok(query.first(conn).optional()?)
}

/// A run by its id alone, for the worker.
pub fn load_run(conn: &mut PgConnection, id: Uuid) -> Result<RunRow, StoreError> {
    operation_runs::table
        .find(id)
        .select(RunRow::as_select())
        .first(conn)
        .optional()?
        .ok_or(StoreError::NotFound("operation run"))
}

/// The whole context of a run, its subjects included, for the worker.
pub fn load_run_context(conn: &mut PgConnection, id: Uuid) -> Result<Value, StoreError> {
    operation_runs::table
        .find(id)
        .select(operation_runs::context)
        .first(conn)
        .optional()?
        .ok_or(StoreError::NotFound("operation run"))
}

/// Runs of a workspace, newest first.
pub fn list_runs(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    filter: &RunFilter,
    limit: u32,
) -> Result<Page<RunRow>, StoreError> {
    use operation_runs as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .select(RunRow::as_select())
        .order((table::created_at.desc(), table::id.desc()))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(operation_type) = &filter.operation_type {
        query = query.filter(table::type_.eq(operation_type));
    }
    if let Some(status) = &filter.status {
        query = query.filter(table::status.eq(status));
    }
    if let Some(tenant_id) = filter.tenant_id {
        query = query.filter(table::tenant_id.eq(tenant_id));
    }
    if let Some(visible) = &filter.visible_tenants {
        query = query.filter(table::tenant_id.eq_any(visible));
    }
    if let Some(before) = filter.before {
        query = query.filter(
            table::created_at
                .lt(before.at)
                .or(table::created_at.eq(before.at).and(table::id.lt(before.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// How many runs are queued and running, per type and status: for metrics.
pub fn count_active_runs(
    conn: &mut PgConnection,
) -> Result<Vec<(String, String, i64)>, StoreError> {
    Ok(operation_runs::table
        .filter(operation_runs::status.eq_any(["queued", "running"]))
        .group_by((operation_runs::type_, operation_runs::status))
        .select((
            operation_runs::type_,
            operation_runs::status,
            diesel::dsl::count_star(),
        ))
        .load(conn)?)
}

/// Asks for a cancel. A run nobody ever claimed is completed at once; repeated calls are harmless.
pub fn request_cancel(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<CancelResult, StoreError> {
    use operation_runs as table;
    type Seen = (String, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    let seen: Option<Seen> = table::table
        .find(id)
        .filter(table::workspace_id.eq(workspace_id))
        .select((
            table::status,
            table::lease_expires_at,
            table::cancel_requested_at,
        ))
        .for_no_key_update()
        .first(conn)
        .optional()?;
    let Some((status, lease_expires_at, requested)) = seen else {
        return Ok(CancelResult::Missing);
    };
    if status == "completed" {
        return Ok(CancelResult::AlreadyCompleted);
    }
    if status == "queued" {
        run_items::skip_pending(conn, id, "cancelled", "The run was cancelled.")?;
        diesel::update(table::table.find(id))
            .set(table::cancel_requested_at.eq(clock_timestamp().nullable()))
            .execute(conn)?;
        close(conn, id, "cancelled", Some("cancelled"), None)?;
        return Ok(CancelResult::CompletedAtOnce);
    }
    if requested.is_none() {
        diesel::update(table::table.find(id))
            .set((
                table::cancel_requested_at.eq(clock_timestamp().nullable()),
                table::revision.eq(table::revision + 1),
            ))
            .execute(conn)?;
    }
    let now = database_time(conn)?;
    Ok(CancelResult::Requested {
        held: lease_expires_at.is_some_and(|until| until > now),
        first: requested.is_none(),
    })
}

/// Completes a held run: terminal state, lease released, revision raised. With `counts` those are
/// stored, otherwise they are counted from the items. The caller writes audit entry and
/// notification in the same transaction.
pub fn complete_run(
    conn: &mut PgConnection,
    holder: &Holder,
    outcome: &str,
    reason: Option<&str>,
    counts: Option<&Value>,
) -> Result<(), StoreError> {
    leases::guard(conn, holder)?;
    close(conn, holder.run_id, outcome, reason, counts)
}

/// Ends a run that too many workers died on: pending items are skipped, writing ones unknown.
/// `false` when it is held again or over. The caller writes audit entry and notification.
pub fn mark_run_given_up(
    conn: &mut PgConnection,
    id: Uuid,
    reason: &str,
    message: &str,
) -> Result<bool, StoreError> {
    if !leases::lock_abandoned(conn, id)? {
        return Ok(false);
    }
    run_items::skip_pending(conn, id, reason, message)?;
    run_items::give_up_writing(conn, id, reason, message)?;
    close(conn, id, "failed", Some(reason), None)?;
    Ok(true)
}

/// The one place that makes a run terminal. The fence is raised so that whoever still believes to
/// hold it is refused.
fn close(
    conn: &mut PgConnection,
    id: Uuid,
    outcome: &str,
    reason: Option<&str>,
    counts: Option<&Value>,
) -> Result<(), StoreError> {
    use operation_runs as table;
    let counts = match counts {
        Some(counts) => counts.clone(),
        None => run_items::count_items(conn, id)?,
    };
    let closed = diesel::update(table::table.find(id).filter(table::status.ne("completed")))
        .set((
            table::status.eq("completed"),
            table::outcome.eq(outcome),
            table::outcome_reason.eq(reason),
            table::summary_counts.eq(counts),
            table::waiting_reason.eq(None::<String>),
            table::waiting_until.eq(None::<DateTime<Utc>>),
            table::lease_holder.eq(None::<String>),
            table::lease_expires_at.eq(None::<DateTime<Utc>>),
            table::fence.eq(table::fence + 1),
            table::revision.eq(table::revision + 1),
            table::completed_at.eq(clock_timestamp().nullable()),
        ))
        .execute(conn)?;
    if closed == 0 {
        return Err(StoreError::Conflict("operation run"));
    }
    Ok(())
}

/// The canonical counts of a run with `total` subjects and none processed.
pub fn initial_counts(total: usize) -> Value {
    json!({
        "total": total, "processed": 0, "succeeded": 0, "failed": 0, "skipped": 0,
        "created": 0, "updated": 0, "unchanged": 0,
    })
}
