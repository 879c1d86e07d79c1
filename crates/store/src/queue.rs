//! The queue: the only file that names its crate and its tables. Decides how a job is written and
//! how a worker's backend is built; the run, not the job, is the truth about what is to be done.
//!
//! A job wakes a worker for one run. Its key is `{run_id}:{wake_seq}`: finished jobs stay in the
//! table for a while, so every later wake-up needs a number of its own.

use std::collections::HashSet;
use std::time::Duration;

use apalis_core::backend::poll_strategy::{IntervalStrategy, StrategyBuilder};
use apalis_diesel_postgres::{
    CompactType, JsonCodec, PgNotify, PgPool, PgReleaser, PostgresStorage,
};
use apalis_sql::config::Config;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::{Array, Binary, Double, Integer, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;
use uuid::Uuid;

use crate::db::with_network_limits;
use crate::error::StoreError;
use crate::leases::Abandoned;

/// How often a worker says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// After this silence a worker counts as dead and the queue takes its jobs back.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// How often the queue is polled besides being notified. A poll takes one job.
const POLL: Duration = Duration::from_millis(100);
/// A handler answers Ok for everything the domain decides; this bounds defects only.
const MAX_ATTEMPTS: i32 = 25;

/// The queues. Syncs and checks have their own, so that they never take the last slot from a
/// promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// `promotion.execute` and `policy.restore`.
    Promotion,
    /// `inventory.sync`, `connection.check` and `reference.search`.
    Inventory,
}

impl QueueName {
    /// All queues.
    pub const ALL: [Self; 2] = [Self::Promotion, Self::Inventory];

    /// The name in the queue's tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Inventory => "inventory",
        }
    }

    /// The queue of an operation type.
    pub fn of_operation(operation_type: &str) -> Self {
        match operation_type {
            "inventory.sync" | "connection.check" | "reference.search" => Self::Inventory,
            _ => Self::Promotion,
        }
    }
}

/// What a job says. Everything else stands in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeUp {
    /// The run to look at.
    pub run_id: Uuid,
    /// The number of the wake-up.
    pub wake_seq: i32,
}

impl WakeUp {
    /// Reads a job's payload; `None` for a foreign or damaged one, to be dropped with a log line.
    /// (A payload the codec itself cannot read would stop the whole worker, so the queue's type is
    /// plain JSON.)
    pub fn read(payload: &Value) -> Option<Self> {
        Self::deserialize(payload).ok()
    }
}

/// The place in the queue that is claimed first. Two places make a round: one for a check, which
/// goes before the syncs of its round, and one for everything else.
const FIRST_PLACE: i32 = 2_000_000_000;

/// Where a new job stands: the queue claims the highest priority first, so a priority is a place.
/// The rounds are those of a fair queue: the next one in which the run's workspace has no job
/// waiting yet, and not before the one that is being claimed. A run that was begun before has had
/// its turn and goes on in the round being claimed. Within a workspace, jobs stand in the order in
/// which they came; since a tenant has one of a kind, that is one after the other by tenants, too.
/// `$2` the queue, `$7` the run, `$8` the first place.
const PLACE: &str = "(WITH run AS ( \
     SELECT workspace_id, type = 'connection.check' AS first, fence > 0 AS begun \
     FROM operation_runs WHERE id = $7), \
     front AS ( \
     SELECT coalesce(($8 - max(priority)) / 2, 0) AS round FROM apalis.jobs \
     WHERE job_type = $2 AND status = 'Pending' AND run_at <= statement_timestamp()), \
     own AS ( \
     SELECT ($8 - min(j.priority)) / 2 AS round FROM run \
     JOIN operation_runs o ON o.workspace_id = run.workspace_id \
     AND o.status IN ('queued', 'running') AND (o.type = 'connection.check') = run.first \
     JOIN apalis.jobs j ON j.job_type = $2 AND j.idempotency_key = o.id::text || ':' || o.wake_seq \
     WHERE NOT run.begun AND j.status = 'Pending' AND j.run_at <= statement_timestamp()) \
     SELECT greatest(0, $8 - 2 * greatest(front.round, coalesce(own.round + 1, 0)) \
     - CASE WHEN (SELECT first FROM run) THEN 0 ELSE 1 END) FROM front, own)";

/// Enqueues a wake-up for a run in the caller's transaction: committed together or not at all.
/// With a `delay`, it becomes runnable that much later on database time. `false` when this wake-up
/// was enqueued before.
pub fn enqueue(
    conn: &mut PgConnection,
    queue: QueueName,
    wake_up: WakeUp,
    delay: Duration,
) -> Result<bool, StoreError> {
    let payload = serde_json::to_vec(&wake_up).map_err(|error| StoreError::Queue(error.into()))?;
    let inserted = diesel::sql_query(format!(
        "INSERT INTO apalis.jobs \
         (id, job_type, job, max_attempts, priority, run_at, idempotency_key) \
         VALUES ($1, $2, $3, $4, {PLACE}, statement_timestamp() + make_interval(secs => $5), $6) \
         ON CONFLICT (job_type, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING",
    ))
    .bind::<Text, _>(Ulid::new().to_string())
    .bind::<Text, _>(queue.as_str())
    .bind::<Binary, _>(payload)
    .bind::<Integer, _>(MAX_ATTEMPTS)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Text, _>(format!("{}:{}", wake_up.run_id, wake_up.wake_seq))
    .bind::<SqlUuid, _>(wake_up.run_id)
    .bind::<Integer, _>(FIRST_PLACE)
    .execute(conn)?;
    Ok(inserted == 1)
}

/// The keys of a run's last wake-ups: exact ones, so that the unique index finds them.
const RECENT_KEYS: &str = "ARRAY(SELECT r.id::text || ':' || n \
     FROM generate_series(greatest(0, r.wake_seq - 30), r.wake_seq) n)";

#[derive(QueryableByName)]
struct RunId {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Which of these runs a job will wake: one that waits for its time or for a worker, or that a
/// living worker has taken and not begun (begun within the last minute, when nobody holds the run).
pub(crate) fn runs_with_runnable_job(
    conn: &mut PgConnection,
    runs: &[Abandoned],
) -> Result<HashSet<Uuid>, StoreError> {
    if runs.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<Uuid> = runs.iter().map(|run| run.run_id).collect();
    let rows: Vec<RunId> = diesel::sql_query(format!(
        "SELECT r.id FROM operation_runs r WHERE r.id = ANY($1) AND EXISTS ( \
         SELECT 1 FROM apalis.jobs j \
         LEFT JOIN apalis.workers w ON w.id = j.lock_by AND w.worker_type = j.job_type \
         WHERE j.job_type = ANY($2) AND j.idempotency_key = ANY({RECENT_KEYS}) AND ( \
         j.status = 'Pending' \
         OR j.status = 'Failed' AND j.attempts < j.max_attempts \
         OR j.status = 'Queued' AND w.last_seen > clock_timestamp() - make_interval(secs => $3) \
         OR j.status = 'Running' AND w.last_seen > clock_timestamp() - make_interval(secs => $3) \
            AND r.lease_expires_at IS NULL AND j.lock_at > clock_timestamp() - interval '1 minute'))"
    ))
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(queue_names())
    .bind::<Double, _>(DEAD_AFTER.as_secs_f64())
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Whether a job will wake this run; see [`crate::leases::list_rescuable`] for what counts.
pub fn has_runnable_job(conn: &mut PgConnection, run_id: Uuid) -> Result<bool, StoreError> {
    let run = Abandoned {
        run_id,
        workspace_id: Uuid::nil(),
        operation_type: String::new(),
        rescues: 0,
        wake_seq: 0,
        initiator_user_id: Uuid::nil(),
        tenant_id: Uuid::nil(),
    };
    Ok(!runs_with_runnable_job(conn, &[run])?.is_empty())
}

/// Removes the jobs of a run that no worker has taken yet. A job that slips through finds a
/// terminal run and does nothing.
pub fn cancel_jobs(conn: &mut PgConnection, run_id: Uuid) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(format!(
        "DELETE FROM apalis.jobs j USING operation_runs r WHERE r.id = $1 \
         AND j.job_type = ANY($2) AND j.idempotency_key = ANY({RECENT_KEYS}) \
         AND j.status IN ('Pending', 'Failed')"
    ))
    .bind::<SqlUuid, _>(run_id)
    .bind::<Array<Text>, _>(queue_names())
    .execute(conn)?)
}

/// Removes finished jobs older than `age` and registrations of workers that are long gone and own
/// nothing. Returns how many jobs.
pub fn purge_terminal(conn: &mut PgConnection, age: Duration) -> Result<usize, StoreError> {
    let purged = diesel::sql_query(
        "DELETE FROM apalis.jobs WHERE job_type = ANY($1) AND status IN ('Done', 'Killed') \
         AND done_at < clock_timestamp() - make_interval(secs => $2)",
    )
    .bind::<Array<Text>, _>(queue_names())
    .bind::<Double, _>(age.as_secs_f64())
    .execute(conn)?;
    diesel::sql_query(
        "DELETE FROM apalis.workers w WHERE w.worker_type = ANY($1) \
         AND w.last_seen < clock_timestamp() - greatest(make_interval(secs => $2), interval '1 hour') \
         AND NOT EXISTS (SELECT 1 FROM apalis.jobs j \
         WHERE j.lock_by = w.id AND j.job_type = w.worker_type)",
    )
    .bind::<Array<Text>, _>(queue_names())
    .bind::<Double, _>(age.as_secs_f64())
    .execute(conn)?;
    Ok(purged)
}

/// How one queue stands: for metrics.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct QueueState {
    /// The queue's name.
    #[diesel(sql_type = Text)]
    pub queue: String,
    /// Workers heard of within the last 30 seconds.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub live_workers: i64,
    /// Jobs that could run now and do not.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub waiting_jobs: i64,
    /// Jobs in workers' hands.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub taken_jobs: i64,
}

/// How the queues stand now.
pub fn list_queue_states(conn: &mut PgConnection) -> Result<Vec<QueueState>, StoreError> {
    Ok(diesel::sql_query(
        "SELECT q.queue, \
         (SELECT count(*) FROM apalis.workers w WHERE w.worker_type = q.queue \
          AND w.last_seen > clock_timestamp() - make_interval(secs => $2)) AS live_workers, \
         (SELECT count(*) FROM apalis.jobs j WHERE j.job_type = q.queue \
          AND j.status IN ('Pending', 'Failed') AND j.run_at <= clock_timestamp()) AS waiting_jobs, \
         (SELECT count(*) FROM apalis.jobs j WHERE j.job_type = q.queue \
          AND j.status IN ('Queued', 'Running')) AS taken_jobs \
         FROM unnest($1) AS q(queue)",
    )
    .bind::<Array<Text>, _>(queue_names())
    .bind::<Double, _>(DEAD_AFTER.as_secs_f64())
    .load(conn)?)
}

fn queue_names() -> Vec<&'static str> {
    QueueName::ALL.map(QueueName::as_str).to_vec()
}

/// What `apalis::prelude::WorkerBuilder::backend` takes. Its jobs arrive as JSON; see
/// [`WakeUp::read`].
pub type Backend = PostgresStorage<Value, JsonCodec<CompactType>, PgNotify>;

/// Gives a stopped worker's jobs and name back at once: `run_released` awaits the worker.
pub type Releaser = PgReleaser;

/// The queue's own pool. Never shared with other work: a starved pool would look like a dead
/// worker.
#[derive(Clone)]
pub struct QueuePool(PgPool);

impl std::fmt::Debug for QueuePool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("QueuePool(..)")
    }
}

impl QueuePool {
    /// A pool for workers that run `concurrency` jobs together in both queues. Connects lazily.
    pub fn connect(url: &str, concurrency: u32) -> Self {
        let manager = ConnectionManager::new(with_network_limits(url));
        let pool = Pool::builder()
            // One listener per queue stays connected; fetch, heartbeat and acknowledgements borrow.
            .max_size(concurrency.saturating_add(6))
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(3))
            .build_unchecked(manager);
        Self(pool)
    }

    /// A fresh backend for one queue. A backend serves one life of a worker: after the worker
    /// ended (it does when its connections drop), build another. Take its `releaser()` before it
    /// moves into the builder; worker names must be unique per process and life.
    pub fn backend(&self, queue: QueueName) -> Backend {
        let poll = StrategyBuilder::new()
            .apply(IntervalStrategy::new(POLL))
            .build();
        let config = Config::new(queue.as_str())
            .set_keep_alive(KEEP_ALIVE)
            .set_reenqueue_orphaned_after(DEAD_AFTER)
            // One by one, when a slot is free: what a worker has fetched goes before whatever is
            // queued afterwards, however fair its place.
            .set_buffer_size(1)
            .with_poll_interval(poll);
        PostgresStorage::new_with_notify(&self.0, &config)
    }
}

/// Creates the queue's tables. Blocks; runs on a thread of its own, so that it works inside and
/// outside an async runtime.
pub(crate) fn set_up(url: &str) -> Result<(), StoreError> {
    on_own_thread(url, |pool| async move {
        apalis_diesel_postgres::setup(&pool).await
    })?
    .map_err(|error| StoreError::Queue(error.into()))
}

/// Whether the queue's tables are those that this build needs. Only reads. Blocks.
pub(crate) fn is_set_up(url: &str) -> Result<bool, StoreError> {
    let checked = on_own_thread(url, |pool| async move {
        apalis_diesel_postgres::verify_schema(&pool).await
    })?;
    match checked {
        Ok(()) => Ok(true),
        Err(apalis_diesel_postgres::Error::Migration(error)) if !is_from_database(&*error) => {
            Ok(false)
        }
        Err(error) => Err(StoreError::Queue(error.into())),
    }
}

/// Whether the database refused or broke the look itself (a missing right, say): that tells nothing
/// about the tables.
fn is_from_database(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<diesel::result::Error>() || error.source().is_some_and(is_from_database)
}

fn on_own_thread<T, F>(
    url: &str,
    work: impl FnOnce(PgPool) -> F + Send + 'static,
) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let url = url.to_owned();
    let work = move || -> Result<T, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Queue(error.into()))?;
        let pool = Pool::builder()
            .max_size(1)
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(10))
            .build_unchecked(ConnectionManager::new(url));
        Ok(runtime.block_on(work(pool)))
    };
    std::thread::spawn(work)
        .join()
        .map_err(|_| StoreError::Queue("a look at the queue's tables panicked".into()))?
}
