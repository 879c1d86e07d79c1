//! The pool and the only bridge from async code to blocking SQL. Decides isolation, time-outs and
//! retries of lost races; must not know a single table.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use futures::future::{BoxFuture, FutureExt, Shared};

use crate::error::{StoreError, is_lost_race};
use crate::functions::clock_timestamp;

/// How long a caller waits for a connection before the database counts as away.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long [`Db::ping`] waits for an answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How often one transaction is tried when it loses a race inside the database.
const ATTEMPTS: u32 = 5;
/// Session settings of every pooled connection. A statement that takes longer is a defect or an
/// outage; a session that idles inside a transaction (a process stopped in the middle of one) would
/// hold its locks for nobody and keep a successor from taking over.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '4s'; SET timezone = 'UTC'";
/// A read view holds no lock that anybody waits for, and may think between its statements.
const READ_VIEW: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

type Manager = ConnectionManager<PgConnection>;

/// An answer of the database that may be awaited by many.
type Sign = Shared<BoxFuture<'static, Result<(), String>>>;

/// The database as async code sees it. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Manager>,
    /// A connection of its own, so that a pool busy with long work still counts as reachable.
    probe: Pool<Manager>,
    /// The last sign of life that was asked for. Whoever asks while one is awaited shares it.
    signs: Arc<Mutex<Option<Sign>>>,
    statements: Arc<AtomicU64>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Db")
            .field("pool", &self.pool.state())
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Makes a pool of at most `pool_size` connections. Connects lazily: a database that is away
    /// shows in the first call and in [`Db::ping`], not here.
    pub fn connect(url: &str, pool_size: u32) -> Result<Self, StoreError> {
        let url = with_network_limits(url);
        let statements = Arc::new(AtomicU64::new(0));
        let pool = build_pool(&url, pool_size.max(1), &statements);
        let probe = build_pool(&url, 1, &Arc::new(AtomicU64::new(0)));
        Ok(Self {
            pool,
            probe,
            signs: Arc::default(),
            statements,
        })
    }

    /// Runs `work` in one READ COMMITTED transaction on a blocking thread; commits on `Ok`.
    ///
    /// A serialization failure or deadlock runs it again (up to five times), so `work` must be
    /// repeatable: no effect outside the connection.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, E> + Send + 'static,
    {
        self.on_blocking_thread(move |conn| transaction(conn, &work))
            .await
    }

    /// Runs `work` in one REPEATABLE READ, READ ONLY transaction: every statement sees the same
    /// moment. Nothing can be written.
    pub async fn read_view<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    {
        self.on_blocking_thread(move |conn| {
            conn.build_transaction()
                .repeatable_read()
                .read_only()
                .run(|conn| {
                    conn.batch_execute(READ_VIEW)?;
                    work(conn)
                })
        })
        .await
    }

    /// Runs `work` on a connection without a transaction: each statement commits by itself.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    {
        self.on_blocking_thread(work).await
    }

    /// Asks the database for a sign of life; answers within two seconds whatever happens. Those who
    /// ask at the same time get one answer: a probe never stands in another's way, and probes that
    /// hang never pile up.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let sign = {
            let mut signs = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
            match signs.as_ref().filter(|sign| sign.peek().is_none()) {
                Some(awaited) => awaited.clone(),
                None => signs.insert(self.ask()).clone(),
            }
        };
        let away = |why: String| StoreError::Unavailable(why.into());
        match tokio::time::timeout(PING_TIMEOUT, sign).await {
            Ok(answer) => answer.map_err(away),
            Err(_) => Err(away("no answer in time".to_owned())),
        }
    }

    fn ask(&self) -> Sign {
        let probe = self.probe.clone();
        let task = tokio::task::spawn_blocking(move || {
            // Checking a connection out asks it a question and replaces a dead one.
            probe.get_timeout(PING_TIMEOUT).map(drop)
        });
        async move {
            match task.await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(join) => Err(join.to_string()),
            }
        }
        .boxed()
        .shared()
    }

    /// Connections in use and in the pool, for metrics.
    pub fn pool_state(&self) -> PoolState {
        let state = self.pool.state();
        PoolState {
            connections: state.connections,
            in_use: state.connections.saturating_sub(state.idle_connections),
            size: self.pool.max_size(),
        }
    }

    /// Statements sent since the start, by all users of this pool: lets a test show that two
    /// requests ask the same number of questions.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    async fn on_blocking_thread<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    {
        let pool = self.pool.clone();
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let mut pooled = checkout(&pool)?;
            work(&mut pooled)
        })
        .await
        .map_err(|join| StoreError::Cancelled(Box::new(join)))?
    }
}

/// A look at the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Open connections.
    pub connections: u32,
    /// Those that somebody holds.
    pub in_use: u32,
    /// The most there may be.
    pub size: u32,
}

/// One connection outside any pool, for commands that run once.
pub fn establish(url: &str) -> Result<PgConnection, StoreError> {
    let mut conn = PgConnection::establish(&with_network_limits(url))?;
    conn.batch_execute(SESSION)?;
    conn.set_instrumentation(Watch {
        statements: Arc::new(AtomicU64::new(0)),
    });
    Ok(conn)
}

/// The time on the database's clock: the one that orders what several workers observe.
pub fn database_time(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(diesel::select(clock_timestamp()).get_result(conn)?)
}

/// The blocking form of [`Db::transaction`], for commands that hold a connection of their own
/// (from [`establish`]: other connections do not notice lost races).
pub fn transaction<T, E>(
    conn: &mut PgConnection,
    work: impl Fn(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<diesel::result::Error>,
{
    let mut attempt = 1;
    loop {
        LOST_RACE.set(false);
        let result = conn.build_transaction().read_committed().run(&work);
        if result.is_ok() || !LOST_RACE.get() || attempt == ATTEMPTS {
            return result;
        }
        tracing::debug!(attempt, "transaction lost a race and runs again");
        std::thread::sleep(Duration::from_millis(u64::from(5 * attempt * attempt)));
        attempt += 1;
    }
}

thread_local! {
    /// Whether a statement on this thread lost a race since the flag was cleared. The caller's
    /// error type says nothing about that, so it is noted where the statement fails.
    static LOST_RACE: Cell<bool> = const { Cell::new(false) };
}

/// Counts statements and notes lost races on every connection of this module.
struct Watch {
    statements: Arc<AtomicU64>,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { error, .. } = event {
            self.statements.fetch_add(1, Ordering::Relaxed);
            if error.is_some_and(is_lost_race) {
                LOST_RACE.set(true);
            }
        }
    }
}

#[derive(Debug)]
struct Session {
    statements: Arc<AtomicU64>,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for Session {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(SESSION)
            .map_err(diesel::r2d2::Error::QueryError)?;
        conn.set_instrumentation(Watch {
            statements: Arc::clone(&self.statements),
        });
        Ok(())
    }
}

/// r2d2 would write every failed attempt to the log as an error; the caller reports the outage.
#[derive(Debug)]
struct Quiet;

impl diesel::r2d2::HandleError<diesel::r2d2::Error> for Quiet {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::debug!(error = %error, "no new database connection");
    }
}

fn build_pool(url: &str, size: u32, statements: &Arc<AtomicU64>) -> Pool<Manager> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(CHECKOUT_TIMEOUT)
        .error_handler(Box::new(Quiet))
        .connection_customizer(Box::new(Session {
            statements: Arc::clone(statements),
        }))
        .build_unchecked(Manager::new(url))
}

fn checkout(pool: &Pool<Manager>) -> Result<PooledConnection<Manager>, StoreError> {
    pool.get().map_err(StoreError::from)
}

/// Adds libpq settings that notice a dead peer within seconds, where the URL says nothing itself.
pub(crate) fn with_network_limits(url: &str) -> String {
    const LIMITS: [(&str, &str); 5] = [
        ("connect_timeout", "3"),
        ("tcp_user_timeout", "5000"),
        ("keepalives_idle", "5"),
        ("keepalives_interval", "2"),
        ("keepalives_count", "2"),
    ];
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return url.to_owned();
    }
    let mut url = url.to_owned();
    for (name, value) in LIMITS {
        if url.contains(&format!("{name}=")) {
            continue;
        }
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.push_str(value);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::with_network_limits;

    #[test]
    fn a_setting_of_the_url_wins() {
        let url = with_network_limits("postgres://u@h/d?connect_timeout=9");
        assert!(url.starts_with("postgres://u@h/d?connect_timeout=9&tcp_user_timeout=5000"));
        assert_eq!(url.matches("connect_timeout").count(), 1);
    }

    #[test]
    fn other_forms_stay_as_they_are() {
        assert_eq!(
            with_network_limits("host=/tmp dbname=x"),
            "host=/tmp dbname=x"
        );
    }
}
