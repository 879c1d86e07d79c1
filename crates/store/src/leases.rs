//! Who works on a run. Decides, on database time alone, whose lease counts; every record a worker
//! makes passes [`guard`] in its own transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::schema::operation_runs;

/// The right to record on a run, as a claim gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The run.
    pub run_id: Uuid,
    /// The fencing number of the claim.
    pub fence: i64,
    /// The worker's unique name.
    pub name: String,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The run is ours.
    Claimed(Claimed),
    /// Another worker holds it; look again after `until`.
    Held {
        /// When that lease ends unless it is renewed.
        until: DateTime<Utc>,
    },
    /// It is over.
    Terminal,
    /// There is no such run.
    Missing,
}

/// A claimed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What every record must carry.
    pub holder: Holder,
    /// Whether nobody had claimed it before.
    pub first: bool,
    /// The workspace.
    pub workspace_id: Uuid,
    /// The operation type's name.
    pub operation_type: String,
    /// When the lease ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// A renewed lease and what the holder should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// When the lease ends now.
    pub expires_at: DateTime<Utc>,
    /// Whether a cancel was asked for.
    pub cancel_requested: bool,
    /// Runs with a live lease that send to the same Entra tenant as this run's target with the same
    /// application, this one included: they share what Graph allows.
    pub sharers: u32,
}

/// A run whose worker is gone, or that nobody took up.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Abandoned {
    /// The run.
    #[diesel(sql_type = SqlUuid)]
    pub run_id: Uuid,
    /// Its workspace.
    #[diesel(sql_type = SqlUuid)]
    pub workspace_id: Uuid,
    /// Its type.
    #[diesel(sql_type = Text)]
    pub operation_type: String,
    /// How often it was rescued since an item last came to its end.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub rescues: i32,
    /// Number of its last wake-up.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub wake_seq: i32,
    /// Who initiated it.
    #[diesel(sql_type = SqlUuid)]
    pub initiator_user_id: Uuid,
    /// The tenant it acts on.
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = BigInt)]
    fence: i64,
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = Text)]
    operation_type: String,
    #[diesel(sql_type = Timestamptz)]
    lease_expires_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct RenewedRow {
    #[diesel(sql_type = Timestamptz)]
    lease_expires_at: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    cancel_requested: bool,
}

/// Claims a run for `holder` if nobody's lease on it is live: raises the fence, so that whoever
/// held it before is refused from now on. Clears what it waited for.
pub fn claim_run(
    conn: &mut PgConnection,
    run_id: Uuid,
    holder: &str,
    lease: Duration,
) -> Result<Claim, StoreError> {
    let claimed: Option<ClaimedRow> = diesel::sql_query(
        "UPDATE operation_runs SET fence = fence + 1, lease_holder = $2, \
         lease_expires_at = clock_timestamp() + make_interval(secs => $3), status = 'running', \
         started_at = coalesce(started_at, clock_timestamp()), \
         waiting_reason = NULL, waiting_until = NULL, revision = revision + 1 \
         WHERE id = $1 AND status IN ('queued', 'running') \
         AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp()) \
         RETURNING fence, workspace_id, type AS operation_type, lease_expires_at",
    )
    .bind::<SqlUuid, _>(run_id)
    .bind::<Text, _>(holder)
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .optional()?;
    if let Some(row) = claimed {
        return Ok(Claim::Claimed(Claimed {
            holder: Holder {
                run_id,
                fence: row.fence,
                name: holder.to_owned(),
            },
            first: row.fence == 1,
            workspace_id: row.workspace_id,
            operation_type: row.operation_type,
            expires_at: row.lease_expires_at,
        }));
    }
    let seen: Option<(String, Option<DateTime<Utc>>)> = operation_runs::table
        .find(run_id)
        .select((operation_runs::status, operation_runs::lease_expires_at))
        .first(conn)
        .optional()?;
    Ok(match seen {
        None => Claim::Missing,
        Some((status, _)) if status == "completed" => Claim::Terminal,
        // No lease any more: it was released this very moment, look again at once.
        Some((_, until)) => Claim::Held {
            until: until.unwrap_or_else(Utc::now),
        },
    })
}

/// Renews a live lease. [`StoreError::StaleHolder`] once it is over, even if nobody took the run:
/// the worker may have been paused for longer than it believes.
pub fn renew_lease(
    conn: &mut PgConnection,
    holder: &Holder,
    lease: Duration,
) -> Result<Renewed, StoreError> {
    let renewed: Option<RenewedRow> = diesel::sql_query(
        "UPDATE operation_runs SET lease_expires_at = clock_timestamp() + make_interval(secs => $4) \
         WHERE id = $1 AND fence = $2 AND lease_holder = $3 AND status = 'running' \
         AND lease_expires_at > clock_timestamp() \
         RETURNING lease_expires_at, cancel_requested_at IS NOT NULL AS cancel_requested",
    )
    .bind::<SqlUuid, _>(holder.run_id)
    .bind::<BigInt, _>(holder.fence)
    .bind::<Text, _>(&holder.name)
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .optional()?;
    let row = renewed.ok_or(StoreError::StaleHolder)?;
    Ok(Renewed {
        expires_at: row.lease_expires_at,
        cancel_requested: row.cancel_requested,
        sharers: count_sharers(conn, holder.run_id)?,
    })
}

/// Lets go of a run without ending it (it waits, or the worker stops): the next wake-up claims it
/// at once.
pub fn release_lease(conn: &mut PgConnection, holder: &Holder) -> Result<(), StoreError> {
    guard(conn, holder)?;
    diesel::update(operation_runs::table.find(holder.run_id))
        .set((
            operation_runs::lease_holder.eq(None::<String>),
            operation_runs::lease_expires_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Shows readers why a held run does nothing, and until when; `None` = it works again.
pub fn set_waiting(
    conn: &mut PgConnection,
    holder: &Holder,
    waiting: Option<(&str, DateTime<Utc>)>,
) -> Result<(), StoreError> {
    guard(conn, holder)?;
    let (reason, until) = waiting.unzip();
    diesel::update(operation_runs::table.find(holder.run_id))
        .set((
            operation_runs::waiting_reason.eq(reason),
            operation_runs::waiting_until.eq(until),
            operation_runs::revision.eq(operation_runs::revision + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Refuses with [`StoreError::StaleHolder`] unless the holder's claim is the current one and its
/// lease is live; locks the run until the transaction ends, so that no claim comes in between.
/// Every function that records for a worker calls this first.
pub fn guard(conn: &mut PgConnection, holder: &Holder) -> Result<(), StoreError> {
    use operation_runs as table;
    let held: Option<Uuid> = table::table
        .find(holder.run_id)
        .filter(table::fence.eq(holder.fence))
        .filter(table::lease_holder.eq(&holder.name))
        .filter(table::status.eq("running"))
        .filter(table::lease_expires_at.gt(clock_timestamp().nullable()))
        .select(table::id)
        .for_no_key_update()
        .first(conn)
        .optional()?;
    held.map(drop).ok_or(StoreError::StaleHolder)
}

/// Counts the next wake-up of an active run: the number its job's key carries.
pub fn bump_wake(conn: &mut PgConnection, run_id: Uuid) -> Result<i32, StoreError> {
    diesel::update(
        operation_runs::table
            .find(run_id)
            .filter(operation_runs::status.ne("completed")),
    )
    .set(operation_runs::wake_seq.eq(operation_runs::wake_seq + 1))
    .returning(operation_runs::wake_seq)
    .get_result(conn)
    .optional()?
    .ok_or(StoreError::Conflict("operation run"))
}

/// Active runs that need a wake-up: the lease is over, or nobody holds them and neither were they
/// queued nor do they wait within the last `grace`; and no job that could wake them is in the
/// queue. Oldest first.
pub fn list_rescuable(
    conn: &mut PgConnection,
    grace: Duration,
) -> Result<Vec<Abandoned>, StoreError> {
    let abandoned: Vec<Abandoned> = diesel::sql_query(format!(
        "SELECT id AS run_id, workspace_id, type AS operation_type, rescues, wake_seq, \
         initiator_user_id, tenant_id FROM operation_runs \
         WHERE status IN ('queued', 'running') AND {ABANDONED} ORDER BY created_at LIMIT 200"
    ))
    .bind::<Double, _>(grace.as_secs_f64())
    .load(conn)?;
    let awaited = crate::queue::runs_with_runnable_job(conn, &abandoned)?;
    Ok(abandoned
        .into_iter()
        .filter(|run| !awaited.contains(&run.run_id))
        .collect())
}

/// Runs that nobody holds because they wait for their time, which is not yet. Longest first.
pub fn list_parked(conn: &mut PgConnection) -> Result<Vec<Uuid>, StoreError> {
    use operation_runs as table;
    Ok(table::table
        .filter(table::status.eq("running"))
        .filter(table::lease_holder.is_null())
        .filter(table::waiting_until.gt(clock_timestamp().nullable()))
        .order(table::waiting_until.desc())
        .limit(200)
        .select(table::id)
        .load(conn)?)
}

/// Ends the wait of a run that nobody holds, and counts its wake-up; the caller enqueues the job with
/// the number returned. `None` when it does not wait any more.
pub fn end_wait(conn: &mut PgConnection, run_id: Uuid) -> Result<Option<i32>, StoreError> {
    use operation_runs as table;
    Ok(diesel::update(
        table::table
            .find(run_id)
            .filter(table::status.eq("running"))
            .filter(table::lease_holder.is_null())
            .filter(table::waiting_until.gt(clock_timestamp().nullable())),
    )
    .set((
        table::waiting_reason.eq(None::<String>),
        table::waiting_until.eq(None::<DateTime<Utc>>),
        table::wake_seq.eq(table::wake_seq + 1),
        table::revision.eq(table::revision + 1),
    ))
    .returning(table::wake_seq)
    .get_result(conn)
    .optional()?)
}

/// `$1` = seconds of grace for a run that nobody holds.
const ABANDONED: &str = "CASE WHEN lease_expires_at IS NOT NULL \
     THEN lease_expires_at <= clock_timestamp() \
     ELSE greatest(created_at, started_at, waiting_until) \
          < clock_timestamp() - make_interval(secs => $1) END";

/// Counts a rescue and its wake-up; the caller enqueues the job with the number returned. `None`
/// when somebody holds the run again, or it is over.
pub fn mark_rescued(conn: &mut PgConnection, run_id: Uuid) -> Result<Option<i32>, StoreError> {
    if !lock_abandoned(conn, run_id)? {
        return Ok(None);
    }
    Ok(diesel::update(operation_runs::table.find(run_id))
        .set((
            operation_runs::rescues.eq(operation_runs::rescues + 1),
            operation_runs::wake_seq.eq(operation_runs::wake_seq + 1),
        ))
        .returning(operation_runs::wake_seq)
        .get_result(conn)
        .optional()?)
}

/// Locks a run that is active and that nobody holds; `false` when it is held or over.
pub(crate) fn lock_abandoned(conn: &mut PgConnection, run_id: Uuid) -> Result<bool, StoreError> {
    use operation_runs as table;
    let found: Option<Uuid> = table::table
        .find(run_id)
        .filter(table::status.ne("completed"))
        .filter(no_live_lease())
        .select(table::id)
        .for_no_key_update()
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

fn no_live_lease() -> SqlLiteral<Bool> {
    sql("(lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())")
}

/// Runs with a live lease that send to this Entra tenant, as source or as target, in whatever
/// workspace: they share what Graph allows on it.
pub fn count_active_runs_on_tenant(
    conn: &mut PgConnection,
    entra_tenant_id: Uuid,
) -> Result<u32, StoreError> {
    count(conn, "t.entra_tenant_id = $1", entra_tenant_id)
}

fn count_sharers(conn: &mut PgConnection, run_id: Uuid) -> Result<u32, StoreError> {
    // Another registration counts once its own credential has signed in for the same application:
    // one that only names somebody's tenant must not take a part of their allowance.
    count(
        conn,
        "EXISTS (SELECT 1 FROM operation_runs o JOIN managed_tenants m ON m.id = o.tenant_id \
         WHERE o.id = $1 AND (t.id = m.id OR t.entra_tenant_id = m.entra_tenant_id AND EXISTS ( \
         SELECT 1 FROM provider_connections own JOIN provider_connections c \
         ON c.cloud = own.cloud AND c.client_id = own.client_id \
         WHERE own.tenant_id = m.id AND c.tenant_id = t.id AND c.health = 'healthy')))",
        run_id,
    )
}

fn count(conn: &mut PgConnection, condition: &str, id: Uuid) -> Result<u32, StoreError> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = Nullable<BigInt>)]
        runs: Option<i64>,
    }
    let row: Count = diesel::sql_query(format!(
        "SELECT count(DISTINCT r.id) AS runs FROM operation_runs r \
         JOIN managed_tenants t ON t.id IN (r.tenant_id, r.source_tenant_id) \
         WHERE r.status = 'running' AND r.lease_expires_at > clock_timestamp() AND {condition}"
    ))
    .bind::<SqlUuid, _>(id)
    .get_result(conn)?;
    Ok(u32::try_from(row.runs.unwrap_or(0)).unwrap_or(u32::MAX))
}
