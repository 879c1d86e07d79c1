//! Takes one run from wake-up to release: claim, heartbeat, stop watch, the operation, the end.
//!
//! The run row is the truth. A wake-up decides nothing: it only asks to look. What an operation
//! does is in its own module.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::operation::OperationType;
use domain::run::{RunOutcome, Stop, conclude};
use domain::summary::SummaryCounts;
use serde_json::{Value, json};
use store::audit::{self, AuditEntry};
use store::leases::{self, Claim, Claimed};
use store::queue::{self, QueueName, WakeUp};
use store::{PgConnection, StoreError, notifications, run_items, runs};
use uuid::Uuid;

use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::job::{Job, RunFacts};
use crate::lease::{self, Lease};
use crate::slots::Kind;
use crate::{connection_check, inventory_sync, promotion, reference_search, stop};

/// How a run over items ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunEnd {
    /// The stop that ended it, if one did.
    pub(crate) stop: Option<Stop>,
}

/// Looks at a run because a job said so.
pub(crate) async fn wake(env: Arc<Environment>, run_id: Uuid) {
    let _ = insist(&env, run_id, || claim(&env, run_id)).await;
}

/// For which kind of slot and for whom a run has to wait; `None` when nothing is to be done.
pub(crate) async fn look_up(env: &Arc<Environment>, run_id: Uuid) -> Option<(Kind, Uuid)> {
    let row = insist(env, run_id, || {
        env.db.run(move |conn| runs::load_run(conn, run_id))
    })
    .await?;
    // An operation that is not known is reported where the run is claimed.
    let operation = row.operation_type.parse();
    let kind = operation.map_or(Kind::Promotion, Kind::of);
    Some((kind, row.workspace_id))
}

/// Tries while the database is away. The sweeper wakes the run again, should it stay away for longer.
async fn insist<T, F>(env: &Environment, run_id: Uuid, work: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 0_u32;
    loop {
        match work().await {
            Ok(done) => return Some(done),
            Err(StoreError::NotFound(_)) => return None,
            Err(error) => {
                tries += 1;
                tracing::warn!(run.id = %run_id, error = %error, "the run was not claimed");
                if tries >= 20 || env.is_shutting_down() {
                    return None;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn claim(env: &Arc<Environment>, run_id: Uuid) -> Result<(), StoreError> {
    let holder = format!("{}-{}", env.process, Uuid::now_v7().simple());
    let asked_at = Instant::now();
    let period = env.lease_period();
    let claim = env
        .db
        .transaction(move |conn| {
            let claim = leases::claim_run(conn, run_id, &holder, period)?;
            let Claim::Claimed(claimed) = claim else {
                return Ok::<_, StoreError>((claim, None));
            };
            let row = runs::load_run(conn, run_id)?;
            let context = runs::load_run_context(conn, run_id)?;
            let known = Some((row, context));
            Ok((Claim::Claimed(claimed), known))
        })
        .await?;
    match claim {
        (Claim::Claimed(claimed), Some((row, context))) => {
            let Some(facts) = RunFacts::of(&row, context) else {
                tracing::error!(run.id = %run_id, "the operation type is not known");
                return Ok(());
            };
            env.clock
                .set_from_lease(claimed.expires_at, period, asked_at);
            hold(env, facts, &claimed, asked_at).await;
        }
        (Claim::Held { until }, _) => {
            let wait = (until - env.clock.now()).to_std().unwrap_or_default();
            defer(env, run_id, wait + Duration::from_millis(200)).await?;
        }
        (Claim::Claimed(_) | Claim::Terminal | Claim::Missing, _) => {}
    }
    Ok(())
}

/// Gives a wake-up back to the queue, because this process has no slot for it.
pub(crate) async fn put_back(env: &Environment, run_id: Uuid) {
    if let Err(error) = defer(env, run_id, Duration::from_millis(500)).await {
        tracing::warn!(run.id = %run_id, error = %error, "the wake-up was not put back");
    }
}

/// A wake-up that cannot be followed now (another worker's lease is live, no slot is free) is
/// deferred, not lost.
async fn defer(env: &Environment, run_id: Uuid, wait: Duration) -> Result<(), StoreError> {
    let result = env
        .db
        .transaction(move |conn| {
            let row = runs::load_run(conn, run_id)?;
            wake_later(conn, &row.operation_type, run_id, wait)
        })
        .await;
    match result {
        // It ended in between: nothing is left to wake.
        Err(StoreError::Conflict(_)) => Ok(()),
        other => other,
    }
}

fn wake_later(
    conn: &mut PgConnection,
    operation: &str,
    run_id: Uuid,
    wait: Duration,
) -> Result<(), StoreError> {
    let wake_seq = leases::bump_wake(conn, run_id)?;
    let queue = QueueName::of_operation(operation);
    queue::enqueue(conn, queue, WakeUp { run_id, wake_seq }, wait).map(drop)
}

async fn hold(env: &Arc<Environment>, facts: RunFacts, claimed: &Claimed, asked_at: Instant) {
    let run_id = facts.id;
    let tenant_id = facts.tenant_id;
    let operation = facts.operation;
    env.metrics.count(
        "promotion_worker_claims_total",
        &[("type", operation.as_str())],
    );
    tracing::info!(run.id = %run_id, run.operation = operation.as_str(), run.fence = claimed.holder.fence, "run claimed");
    let lease = Arc::new(Lease::new(env, claimed.holder.clone(), asked_at));
    env.change_active(tenant_id, 1);
    let heartbeat = tokio::spawn(lease::beat(Arc::clone(env), Arc::clone(&lease), tenant_id));
    let (stop, watch) = stop::start(env, &facts, &lease).await;
    let job = Arc::new(Job {
        env: Arc::clone(env),
        run: facts,
        lease,
        stop,
    });
    let first = claimed.first;
    let working = Arc::clone(&job);
    // A task of its own: a panic ends the work, not the worker.
    let ended = tokio::spawn(async move { work(working, first).await }).await;
    let interrupt = match ended {
        Ok(Ok(())) => None,
        Ok(Err(interrupt)) => Some(interrupt),
        Err(error) => Some(Interrupt::Broken {
            what: format!("the work panicked or was aborted: {error}"),
        }),
    };
    if let Some(interrupt) = interrupt {
        let_go(&job, interrupt).await;
    }
    heartbeat.abort();
    watch.abort();
    env.change_active(tenant_id, -1);
}

async fn work(job: Arc<Job>, first: bool) -> Result<(), Interrupt> {
    if first {
        let entry = audit_entry(&job, "started", json!({}));
        let key = job.env.audit_key.clone();
        job.record(move |conn, holder| {
            leases::guard(conn, holder)?;
            audit::append(conn, &key, &entry).map(drop)
        })
        .await?;
    }
    let end = match job.run.operation {
        OperationType::PromotionExecute | OperationType::PolicyRestore => {
            promotion::execute(Arc::clone(&job)).await?
        }
        OperationType::InventorySync => inventory_sync::execute(Arc::clone(&job)).await?,
        OperationType::ConnectionCheck => connection_check::execute(Arc::clone(&job)).await?,
        OperationType::ReferenceSearch => reference_search::execute(Arc::clone(&job)).await?,
    };
    fail_point!("before_completion");
    complete(&job, end).await
}

/// Counts, outcome, notification and audit entry, in one transaction.
async fn complete(job: &Job, end: RunEnd) -> Result<(), Interrupt> {
    let run = job.run.clone();
    let key = job.env.audit_key.clone();
    let now = job.now();
    let notification_id = Uuid::now_v7();
    let (outcome, reason) = job
        .record(move |conn, holder| {
            if let Some(ended) = already_completed(conn, holder, run.id)? {
                return Ok(ended);
            }
            let stored = run_items::count_items(conn, run.id)?;
            let counts: SummaryCounts = serde_json::from_value(stored.clone()).unwrap_or_default();
            let (outcome, reason) = conclude(counts, end.stop);
            let reason = match reason {
                Some(reason) => Some(reason.to_owned()),
                None if outcome == RunOutcome::Failed => common_reason(conn, run.id)?,
                None => None,
            };
            runs::complete_run(
                conn,
                holder,
                outcome.as_str(),
                reason.as_deref(),
                Some(&stored),
            )?;
            notifications::insert_notification(
                conn,
                notification_id,
                run.workspace_id,
                run.initiator_user_id,
                run.id,
                &title(run.operation, outcome, counts),
            )?;
            let detail = json!({
                "outcome": outcome.as_str(),
                "outcome_reason": reason,
                "summary_counts": stored,
            });
            audit::append(conn, &key, &entry_of(&run, "completed", now, detail))?;
            Ok((outcome.as_str().to_owned(), reason))
        })
        .await?;
    job.env.metrics.count(
        "promotion_worker_runs_total",
        &[("type", job.run.operation.as_str()), ("outcome", &outcome)],
    );
    tracing::info!(
        run.id = %job.run.id,
        run.outcome = outcome,
        run.outcome_reason = reason,
        "run completed"
    );
    Ok(())
}

/// A commit whose answer was lost is tried again: then the run is completed already.
fn already_completed(
    conn: &mut PgConnection,
    holder: &leases::Holder,
    run_id: Uuid,
) -> Result<Option<(String, Option<String>)>, StoreError> {
    match leases::guard(conn, holder) {
        Ok(()) => Ok(None),
        Err(StoreError::StaleHolder) => {
            let row = runs::load_run(conn, run_id)?;
            // Completing raises the fence by one; nobody claims a completed run.
            if row.status == "completed" && row.fence == holder.fence + 1 {
                return Ok(Some((row.outcome, row.outcome_reason)));
            }
            Err(StoreError::StaleHolder)
        }
        Err(error) => Err(error),
    }
}

/// The reason all failed items share, if they do.
fn common_reason(conn: &mut PgConnection, run_id: Uuid) -> Result<Option<String>, StoreError> {
    let items = run_items::load_items(conn, run_id)?;
    let mut reasons = items
        .iter()
        .filter(|item| item.outcome == "failed")
        .map(|item| item.reason_code.clone());
    let Some(first) = reasons.next() else {
        return Ok(None);
    };
    Ok(if reasons.all(|reason| reason == first) {
        first
    } else {
        None
    })
}

fn title(operation: OperationType, outcome: RunOutcome, counts: SummaryCounts) -> String {
    let how = match outcome {
        RunOutcome::Pending | RunOutcome::Succeeded => "succeeded",
        RunOutcome::PartiallySucceeded => "partially succeeded",
        RunOutcome::Failed => "failed",
        RunOutcome::Blocked => "was blocked",
        RunOutcome::Cancelled => "was cancelled",
    };
    format!(
        "{} {how}: {} of {} subjects.",
        operation.label(),
        counts.succeeded,
        counts.total
    )
}

fn audit_entry(job: &Job, what: &str, detail: Value) -> AuditEntry {
    entry_of(&job.run, what, job.now(), detail)
}

fn entry_of(run: &RunFacts, what: &str, at: chrono::DateTime<Utc>, detail: Value) -> AuditEntry {
    let action = format!("{}.{what}", run.operation.as_str());
    AuditEntry {
        actor_user_id: Some(run.initiator_user_id),
        actor_token_id: run.initiator_token_id,
        tenant_id: Some(run.tenant_id),
        operation_run_id: Some(run.id),
        detail,
        ..AuditEntry::new(run.workspace_id, &action, at)
    }
}

/// Leaves a run to others, as its interruption demands.
async fn let_go(job: &Job, interrupt: Interrupt) {
    let run_id = job.run.id;
    let operation = job.run.operation.as_str();
    match &interrupt {
        Interrupt::LeaseLost => {
            job.env
                .metrics
                .count("promotion_worker_lease_losses_total", &[]);
            tracing::warn!(run.id = %run_id, "lease lost; another worker carries on");
            return;
        }
        Interrupt::Broken { what } => {
            tracing::error!(run.id = %run_id, error = %what, "the run broke; it will be rescued");
        }
        Interrupt::ShuttingDown => {
            tracing::info!(run.id = %run_id, "the run is released to another worker");
        }
        Interrupt::Park { until, reason } => {
            job.env
                .metrics
                .count("promotion_worker_parked_runs_total", &[("reason", reason)]);
            tracing::info!(run.id = %run_id, wait.until = %until, "the run is put aside");
        }
    }
    let now = job.now();
    let released = job
        .record(move |conn, holder| {
            let wait = match &interrupt {
                Interrupt::Park { reason, until } => {
                    leases::set_waiting(conn, holder, Some((*reason, *until)))?;
                    Some((*until - now).to_std().unwrap_or_default())
                }
                Interrupt::ShuttingDown => Some(Duration::ZERO),
                // The sweeper counts it as a rescue, so that a run that breaks always ends.
                Interrupt::Broken { .. } | Interrupt::LeaseLost => None,
            };
            leases::release_lease(conn, holder)?;
            match wait {
                Some(wait) => wake_later(conn, operation, run_id, wait),
                None => Ok(()),
            }
        })
        .await;
    if let Err(interrupt) = released {
        tracing::warn!(run.id = %run_id, ?interrupt, "the run was not released; its lease runs out");
    }
}
