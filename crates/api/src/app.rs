//! Starts and stops the process: configuration, log, listeners, signals.
//!
//! Decides what the handlers share and in which order the process goes down. It must not hold
//! anything that two processes would have to agree on: that is in the database.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use store::db::Db;
use store::events::RunEvents;
use store::keys::{AuditKey, SealingKey};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;
use utoipa_actix_web::AppExt;

use crate::body::BodyBudget;
use crate::config::Config;
use crate::cors;
use crate::derivation::Caches;
use crate::edge::edge;
use crate::fair::FairPool;
use crate::known_tokens::KnownTokens;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::openapi::{self, Operations};
use crate::routes;
use crate::shared_answer::SharedAnswer;
use crate::streams::Streams;

/// Compares and plans that are made at a time. One workspace makes all but one of them: each takes a
/// core and the memory of two inventories.
const DERIVATIONS: usize = 2;
/// Calls of one workspace that may wait to derive.
const WAITING_DERIVATIONS: usize = 512;
/// Calls of one workspace that may wait for a turn at the database.
const WAITING_STATEMENTS: usize = 2_000;
/// How long a text of the metrics is served again.
const METRICS_GOOD_FOR: Duration = Duration::from_secs(1);

/// What the handlers share.
pub struct AppState {
    /// The database.
    pub db: Db,
    /// Seals credentials for the worker.
    pub sealing_key: SealingKey,
    /// Chains audit entries.
    pub audit_key: AuditKey,
    /// News of runs.
    pub run_events: RunEvents,
    /// Counters.
    pub metrics: Metrics,
    /// Every operation by method and path.
    pub operations: &'static Operations,
    /// Derived values that a generation or version id names exactly.
    pub caches: Caches,
    /// Whether the schema was seen to be current.
    pub migrated: AtomicBool,
    /// Bounds the memory of compares and plans under way; shared by workspaces.
    pub derivations: FairPool,
    /// Turns at the database; shared by workspaces.
    pub statements: FairPool,
    /// The bytes of bodies that are held.
    pub bodies: BodyBudget,
    /// Which tokens are worth a lookup.
    pub known_tokens: Arc<KnownTokens>,
    /// The event streams that are open.
    pub streams: Streams,
    /// The last text of the metrics.
    pub metrics_text: SharedAnswer<String>,
    /// Queued and running runs that a workspace may have.
    pub active_runs: u32,
    /// The identity provider, if there is one.
    pub oidc: Option<Arc<Oidc>>,
    /// Counts what each may ask.
    pub limits: Limits,
    /// Turns true when the process goes down: open streams and waits end.
    pub stopping: watch::Sender<bool>,
}

/// A server that listens.
pub struct Running {
    /// Where.
    pub addresses: Vec<SocketAddr>,
    /// To be awaited until it ends.
    pub server: Server,
    /// The process's pool, for those who watch it.
    pub database: Db,
    handle: ServerHandle,
    stop: watch::Sender<bool>,
}

impl Running {
    /// A stopper that can be called from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper {
            handle: self.handle.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// Ends a server.
#[derive(Clone)]
pub struct Stopper {
    handle: ServerHandle,
    stop: watch::Sender<bool>,
}

impl Stopper {
    /// Accepts nothing more, ends streams and waits, finishes what is in flight.
    pub async fn stop(&self) {
        let _ = self.stop.send(true);
        self.handle.stop(true).await;
    }
}

/// Binds and starts; must be called inside an actix or tokio runtime.
pub fn serve(config: &Config) -> std::io::Result<Running> {
    let db = Db::connect(&config.database_url, config.pool_size).map_err(std::io::Error::other)?;
    let database = db.clone();
    let stop = watch::Sender::new(false);
    let oidc = match &config.oidc {
        None => None,
        Some(settings) => {
            let oidc = Oidc::new(settings.clone()).map_err(std::io::Error::other)?;
            let oidc = Arc::new(oidc);
            tokio::spawn(Arc::clone(&oidc).keep_current(stop.subscribe()));
            Some(oidc)
        }
    };
    let run_events = RunEvents::start(&config.database_url);
    let known_tokens = Arc::<KnownTokens>::default();
    tokio::spawn(Arc::clone(&known_tokens).keep_current(
        db.clone(),
        run_events.clone(),
        stop.subscribe(),
    ));
    let connections = usize::try_from(config.pool_size).unwrap_or(usize::MAX);
    let state = Data::new(AppState {
        db,
        sealing_key: config.sealing_key.clone(),
        audit_key: config.audit_key.clone(),
        run_events,
        metrics: Metrics::default(),
        operations: openapi::operations(),
        caches: Caches::default(),
        migrated: AtomicBool::new(false),
        derivations: FairPool::new(DERIVATIONS, DERIVATIONS - 1, WAITING_DERIVATIONS),
        statements: FairPool::new(
            connections.saturating_sub(DERIVATIONS),
            (connections / 4).max(1),
            WAITING_STATEMENTS,
        ),
        bodies: BodyBudget::default(),
        known_tokens,
        streams: Streams::default(),
        metrics_text: SharedAnswer::new(METRICS_GOOD_FOR),
        active_runs: config.active_runs,
        oidc,
        limits: Limits::new(&config.limits),
        stopping: stop.clone(),
    });
    let document: Arc<str> = openapi::openapi_json().into();
    let origins = config.cors_origins.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(Data::from(Arc::clone(&document)))
            .wrap(Condition::new(!origins.is_empty(), cors::allow(&origins)))
            .wrap(from_fn(edge))
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .configure(routes::configure_undocumented)
            .default_service(actix_web::web::to(routes::answer_unmatched))
    })
    .disable_signals()
    .workers(2.max(std::thread::available_parallelism().map_or(2, usize::from)))
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(2))
    // Who closes its side is gone: what it asked for is not worked on any more.
    .h1_allow_half_closed(false)
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(25)
    .bind(config.bind.as_slice())?;
    let addresses = server.addrs();
    let server = server.run();
    let handle = server.handle();
    Ok(Running {
        addresses,
        server,
        database,
        handle,
        stop,
    })
}

/// The whole life of `promotion-api`.
pub fn run() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "promotion-api: {error}");
            return ExitCode::from(2);
        }
    };
    start_log(&config.log_filter);
    for variable in Config::unknown_variables() {
        tracing::warn!(
            variable,
            "an environment variable that nothing reads; is it misspelt?"
        );
    }
    log_panics_once();
    if config.from_master_key {
        tracing::warn!(
            "PROMOTION_MASTER_KEY is used instead of PROMOTION_SEALING_KEY and PROMOTION_AUDIT_KEY: \
             fit for development only, since this process could open every credential"
        );
    }
    let outcome = actix_web::rt::System::new().block_on(serve_until_signalled(&config));
    match outcome {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the server ended");
            let _ = writeln!(std::io::stderr(), "promotion-api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_until_signalled(config: &Config) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = serve(config)?;
    for address in &running.addresses {
        tracing::info!(%address, "listening");
    }
    let stopper = running.stopper();
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests in flight are finished");
        stopper.stop().await;
    });
    running.server.await
}

fn start_log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call in one process (tests, the demo) keeps the first subscriber.
    let _ = if std::io::stderr().is_terminal() {
        log.try_init()
    } else {
        log.json().flatten_event(true).try_init()
    };
}

/// The message of a panic may quote data: only its place is logged.
fn log_panics_once() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()))
            .unwrap_or_default();
        tracing::error!(panic.at = %place, "a task panicked");
    }));
}
