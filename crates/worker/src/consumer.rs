//! Takes wake-ups from the queue and hands them to [`crate::run_job`].
//!
//! The queue's worker ends when its connections drop; it is built anew here, with back-off, for as
//! long as the process lives. A handler always answers Ok: what a run needs next stands in its row.

use std::sync::Arc;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{BoxDynError, Data, WorkerBuilder, WorkerError};
use serde_json::Value;
use store::queue::{QueueName, QueuePool, WakeUp};

use crate::environment::Environment;
use crate::run_job;
use crate::slots::Slots;

/// Longest pause between two lives of a queue worker.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A job that finds no slot for so long goes back to the queue, where another process may take it.
const SLOT_PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone)]
struct Handling {
    env: Arc<Environment>,
    slots: Slots,
}

/// Consumes one queue until the process ends.
pub(crate) async fn consume(
    env: Arc<Environment>,
    pool: QueuePool,
    slots: Slots,
    queue: QueueName,
) {
    let mut life = 0_u32;
    let mut pause = Duration::from_millis(200);
    while !env.is_shutting_down() {
        life += 1;
        let name = format!("{}-{}-{life}", queue.as_str(), env.process);
        let begun = tokio::time::Instant::now();
        live_once(&env, &pool, &slots, queue, &name).await;
        if env.is_shutting_down() {
            return;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            pause = Duration::from_millis(200);
        }
        tokio::select! {
            () = env.shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn live_once(
    env: &Arc<Environment>,
    pool: &QueuePool,
    slots: &Slots,
    queue: QueueName,
    name: &str,
) {
    let backend = pool.backend(queue);
    let releaser = backend.releaser();
    let handling = Handling {
        env: Arc::clone(env),
        slots: slots.clone(),
    };
    let worker = WorkerBuilder::new(name)
        .backend(backend)
        .data(handling)
        .concurrency(slots.hands(queue))
        .build(handle);
    let shutdown = env.shutdown.clone();
    let stop = async move {
        shutdown.cancelled().await;
        Ok::<(), WorkerError>(())
    };
    // A task of its own, so that a panic inside the queue ends this life only.
    let named = name.to_owned();
    let lived =
        tokio::spawn(async move { releaser.run_released(&named, worker.run_until(stop)).await })
            .await;
    match lived {
        Ok(run) => {
            let given_back = run.released.unwrap_or(0);
            match run.outcome {
                Ok(()) => tracing::info!(queue.worker = name, given_back, "queue worker ended"),
                Err(error) => {
                    tracing::warn!(queue.worker = name, given_back, error = %error, "queue worker ended; it is built anew");
                }
            }
        }
        Err(error) => tracing::error!(queue.worker = name, error = %error, "queue worker broke"),
    }
}

async fn handle(payload: Value, handling: Data<Handling>) -> Result<(), BoxDynError> {
    let Some(wake_up) = WakeUp::read(&payload) else {
        tracing::error!("a job that is no wake-up was dropped");
        return Ok(());
    };
    let handling = Handling::clone(&handling);
    // Detached: a queue worker that ends must not end the run it woke.
    let woken = tokio::spawn(async move {
        let (env, run_id) = (Arc::clone(&handling.env), wake_up.run_id);
        let Some((kind, workspace_id)) = run_job::look_up(&env, run_id).await else {
            return;
        };
        let slot = handling.slots.take(kind, workspace_id);
        match tokio::time::timeout(SLOT_PATIENCE, slot).await {
            Ok(_slot) => run_job::wake(env, run_id).await,
            Err(_) => run_job::put_back(&env, run_id).await,
        }
    });
    if let Err(error) = woken.await {
        tracing::error!(run.id = %wake_up.run_id, error = %error, "waking a run broke");
    }
    Ok(())
}
