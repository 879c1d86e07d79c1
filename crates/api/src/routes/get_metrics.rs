//! Prometheus text: requests answered, runs by status, queue depth, runs without a live worker.

use actix_web::{HttpResponse, get};
use store::connections::CredentialEnds;
use store::queue::{QueueName, QueueState};

use crate::call::Call;
use crate::metrics::gauge;
use crate::problem::Problem;

#[utoipa::path(
    tag = "operations",
    operation_id = "get_metrics",
    summary = "Prometheus metrics",
    responses((status = 200, description = "Text exposition", body = String, content_type = "text/plain"))
)]
#[get("/metrics")]
pub async fn get_metrics(call: Call) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    let text = call.state.metrics_text.get(render(&call)).await;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}

/// The whole text, as of now. It asks the database, and everybody may ask for it: once a second.
async fn render(call: &Call) -> String {
    let mut text = call.state.metrics.render();
    let pool = call.state.db.pool_state();
    gauge(
        &mut text,
        "promotion_database_connections",
        "Open connections by use.",
        &[
            ("state=\"in_use\"".to_owned(), i64::from(pool.in_use)),
            (
                "state=\"idle\"".to_owned(),
                i64::from(pool.connections.saturating_sub(pool.in_use)),
            ),
        ],
    );
    // The process's own counters are worth having while the database is away.
    let read = call
        .run(|conn| {
            let runs = store::runs::count_active_runs(conn)?;
            let queues = store::queue::list_queue_states(conn)?;
            let ends = store::connections::count_credential_ends(conn)?;
            Ok((runs, queues, ends))
        })
        .await;
    gauge(
        &mut text,
        "promotion_database_up",
        "Whether the last look at the database succeeded.",
        &[(String::new(), i64::from(read.is_ok()))],
    );
    if let Ok((runs, queues, ends)) = read {
        credentials(&mut text, &ends);
        let deserted = without_worker(&runs, &queues);
        let runs: Vec<(String, i64)> = runs
            .into_iter()
            .map(|(kind, status, count)| (format!("type=\"{kind}\",status=\"{status}\""), count))
            .collect();
        gauge(
            &mut text,
            "promotion_operation_runs_active",
            "Queued and running operation runs.",
            &runs,
        );
        gauge(
            &mut text,
            "promotion_queue_jobs_waiting",
            "Jobs that wait for a worker.",
            &per_queue(&queues, |queue| queue.waiting_jobs),
        );
        gauge(
            &mut text,
            "promotion_queue_workers_live",
            "Workers heard of lately.",
            &per_queue(&queues, |queue| queue.live_workers),
        );
        gauge(
            &mut text,
            "promotion_operation_runs_without_worker",
            "Active runs whose queue no live worker serves.",
            &deserted,
        );
    }
    text
}

/// When tenants' credentials end: how many, never whose.
fn credentials(text: &mut String, ends: &CredentialEnds) {
    let label = |word: &str| format!("ends=\"{word}\"");
    gauge(
        text,
        "promotion_credentials_ending",
        "Credentials of tenants that have ended or end soon, where the end is known.",
        &[
            (label("past"), ends.expired),
            (label("within_7_days"), ends.within_a_week),
            (label("within_30_days"), ends.within_a_month),
        ],
    );
    if let Some(next) = ends.next {
        gauge(
            text,
            "promotion_credential_next_end_timestamp_seconds",
            "When the next credential ends.",
            &[(String::new(), next.timestamp())],
        );
    }
}

fn per_queue(queues: &[QueueState], value: fn(&QueueState) -> i64) -> Vec<(String, i64)> {
    queues
        .iter()
        .map(|queue| (format!("queue=\"{}\"", queue.queue), value(queue)))
        .collect()
}

/// Active runs that wait for a worker that is not there, per queue.
fn without_worker(runs: &[(String, String, i64)], queues: &[QueueState]) -> Vec<(String, i64)> {
    per_queue(queues, |queue| queue.live_workers)
        .into_iter()
        .zip(queues)
        .map(|((labels, live), queue)| {
            let waiting = runs
                .iter()
                .filter(|(kind, _, _)| QueueName::of_operation(kind).as_str() == queue.queue)
                .map(|(_, _, count)| count)
                .sum();
            (labels, if live == 0 { waiting } else { 0 })
        })
        .collect()
}
