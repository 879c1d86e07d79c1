//! Wakes runs that nobody works on or that wait with a stop standing, and ends those that workers failed on too often.
//!
//! Decides nothing about a run's work. Every process sweeps; row locks let one of them act.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use domain::run::Stop;
use serde_json::json;
use store::audit::{self, AuditEntry};
use store::leases::{self, Abandoned};
use store::queue::{self, QueueName, WakeUp};
use store::{StoreError, notifications, runs};
use uuid::Uuid;

use crate::environment::Environment;
use crate::promotion::stop_message;
use crate::stop;

/// How often the runs are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a run that nobody holds may be without a job before it is woken.
const GRACE: Duration = Duration::from_secs(4);
/// Rescues a run is worth without an item coming to its end in between.
const RESCUES: i32 = 5;
/// How often finished jobs are removed.
const PURGE_EVERY: u32 = 600;
/// How long finished jobs are kept.
const KEEP_JOBS: Duration = Duration::from_hours(1);

/// Sweeps until the process ends.
pub(crate) async fn sweep(env: Arc<Environment>) {
    let mut round = 0_u32;
    loop {
        tokio::select! {
            () = env.shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        round = round.wrapping_add(1);
        if let Err(error) = sweep_once(&env).await {
            tracing::warn!(error = %error, "runs were not swept");
        }
        if let Err(error) = stop::wake_stopped(&env).await {
            tracing::warn!(error = %error, "stops of waiting runs were not looked for");
        }
        if round.is_multiple_of(PURGE_EVERY) {
            let purged = env
                .pulse
                .transaction(|conn| queue::purge_terminal(conn, KEEP_JOBS))
                .await;
            if let Err(error) = purged {
                let error: StoreError = error;
                tracing::warn!(error = %error, "finished jobs were not removed");
            }
        }
    }
}

async fn sweep_once(env: &Environment) -> Result<(), StoreError> {
    let abandoned = env
        .pulse
        .run(|conn| leases::list_rescuable(conn, GRACE))
        .await?;
    for run in abandoned {
        let (run_id, rescues) = (run.run_id, run.rescues);
        let acted = if rescues >= RESCUES {
            give_up(env, run).await
        } else {
            rescue(env, run).await
        };
        match acted {
            Ok(true) => {
                env.metrics.count("promotion_worker_rescues_total", &[]);
                tracing::warn!(run.id = %run_id, run.rescues = rescues, "a run without a worker was taken care of");
            }
            // Another sweeper was first.
            Ok(false) | Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn rescue(env: &Environment, run: Abandoned) -> Result<bool, StoreError> {
    env.pulse
        .transaction(move |conn| {
            let Some(wake_seq) = leases::mark_rescued(conn, run.run_id)? else {
                return Ok(false);
            };
            // Seen under the run's lock: who was first has enqueued already.
            if queue::has_runnable_job(conn, run.run_id)? {
                return Err(StoreError::Conflict("operation run"));
            }
            let wake_up = WakeUp {
                run_id: run.run_id,
                wake_seq,
            };
            let queue = QueueName::of_operation(&run.operation_type);
            queue::enqueue(conn, queue, wake_up, Duration::ZERO)
        })
        .await
}

async fn give_up(env: &Environment, run: Abandoned) -> Result<bool, StoreError> {
    let key = env.audit_key.clone();
    let notification_id = Uuid::now_v7();
    env.pulse
        .transaction(move |conn| {
            let stop = Stop::WorkerGaveUp;
            if !runs::mark_run_given_up(conn, run.run_id, stop.code(), stop_message(stop))? {
                return Ok(false);
            }
            notifications::insert_notification(
                conn,
                notification_id,
                run.workspace_id,
                run.initiator_user_id,
                run.run_id,
                "An operation failed: its workers ended too often.",
            )?;
            let action = format!("{}.completed", run.operation_type);
            let entry = AuditEntry {
                actor_user_id: Some(run.initiator_user_id),
                tenant_id: Some(run.tenant_id),
                operation_run_id: Some(run.run_id),
                detail: json!({"outcome": "failed", "outcome_reason": stop.code()}),
                ..AuditEntry::new(run.workspace_id, &action, Utc::now())
            };
            audit::append(conn, &key, &entry)?;
            Ok(true)
        })
        .await
}
