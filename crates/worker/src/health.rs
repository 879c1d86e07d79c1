//! The worker's own health and metrics over HTTP. Decides nothing; needs no authentication and
//! shows nothing of any customer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::environment::Environment;

/// How often the database is asked for a sign of life.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether the database answered last time, and whether its schema was seen to be this build's.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    answers: AtomicBool,
    migrated: AtomicBool,
}

impl Readiness {
    /// `None` when ready.
    fn missing(&self) -> Option<&'static str> {
        if !self.answers.load(Ordering::Relaxed) {
            return Some("database_away");
        }
        (!self.migrated.load(Ordering::Relaxed)).then_some("schema_behind")
    }
}

/// Keeps the readiness up to date until the process ends.
pub(crate) async fn probe(env: Arc<Environment>, readiness: Arc<Readiness>) {
    loop {
        let before = readiness.missing();
        let answers = env.db.ping().await.is_ok();
        if answers && !readiness.migrated.load(Ordering::Relaxed) {
            let current = env.pulse.run(store::migrate::is_current).await;
            let current = matches!(current, Ok(true));
            readiness.migrated.store(current, Ordering::Relaxed);
        }
        readiness.answers.store(answers, Ordering::Relaxed);
        let missing = readiness.missing();
        if missing != before {
            tracing::info!(ready = missing.is_none(), missing, "readiness changed");
        }
        tokio::select! {
            () = env.shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Begins to serve `/healthz`, `/readyz` and `/metrics`; the server runs while it is awaited.
pub(crate) fn listen(
    env: Arc<Environment>,
    readiness: Arc<Readiness>,
    bind: SocketAddr,
) -> std::io::Result<Server> {
    let state = web::Data::new((Arc::clone(&env), readiness));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(bind)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        env.shutdown.cancelled().await;
        handle.stop(true).await;
    });
    tracing::info!(address = %bind, "health and metrics are served");
    Ok(server)
}

type State = web::Data<(Arc<Environment>, Arc<Readiness>)>;

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn readyz(state: State) -> HttpResponse {
    let (env, readiness) = state.get_ref();
    let reason = match readiness.missing() {
        None if env.is_shutting_down() => "shutting_down",
        None => return HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
        Some(missing) => missing,
    };
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", "2"))
        .json(serde_json::json!({"status": "unavailable", "reason": reason}))
}

async fn metrics(state: State) -> HttpResponse {
    let (env, readiness) = state.get_ref();
    let ready = u64::from(readiness.missing().is_none());
    let pool = env.db.pool_state();
    let text = env.metrics.render(&[
        (
            "promotion_worker_runs_active",
            "Runs held now.",
            env.active_runs(),
        ),
        (
            "promotion_worker_ready",
            "Whether the database answers and its schema is current.",
            ready,
        ),
        (
            "promotion_worker_database_connections_in_use",
            "Connections of the work's pool that somebody holds.",
            u64::from(pool.in_use),
        ),
    ]);
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(text)
}
