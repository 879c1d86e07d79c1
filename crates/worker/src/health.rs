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

/// Whether the database answered last time.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    ready: AtomicBool,
}

/// Keeps the readiness up to date until the process ends.
pub(crate) async fn probe(env: Arc<Environment>, readiness: Arc<Readiness>) {
    loop {
        let ready = env.db.ping().await.is_ok();
        if readiness.ready.swap(ready, Ordering::Relaxed) != ready {
            tracing::info!(ready, "readiness changed");
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
    if readiness.ready.load(Ordering::Relaxed) && !env.is_shutting_down() {
        return HttpResponse::Ok().json(serde_json::json!({"status": "ready"}));
    }
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", "2"))
        .json(serde_json::json!({"status": "unavailable"}))
}

async fn metrics(state: State) -> HttpResponse {
    let (env, readiness) = state.get_ref();
    let ready = u64::from(readiness.ready.load(Ordering::Relaxed));
    let pool = env.db.pool_state();
    let text = env.metrics.render(&[
        (
            "promotion_worker_runs_active",
            "Runs held now.",
            env.active_runs(),
        ),
        (
            "promotion_worker_ready",
            "Whether the database answers.",
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
