//! Watches for reasons to stop a run: cancelled, paused, requester's right or the connection gone.
//!
//! Decides only whether a stop stands. What it means for subjects is the operation's business.
//! Also wakes runs that are put aside, so that none waits for Graph with a stop standing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::capability::{Capability, Role, tenant_capabilities};
use domain::operation::OperationType;
use domain::run::Stop;
use store::queue::{self, QueueName, WakeUp};
use store::{
    PgConnection, StoreError, connections, controls, identities, leases, memberships, runs, tokens,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::environment::Environment;
use crate::job::RunFacts;
use crate::lease::Lease;

/// How often the reasons are looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// A stop that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The first reason seen.
    pub(crate) stop: Stop,
    /// When this process saw it.
    pub(crate) since: Instant,
    /// A lost right or connection, before it or after it: then nothing more is written at all,
    /// while other stops let what was begun come to its end.
    pub(crate) at_once: Option<Stop>,
}

impl Standing {
    /// What ends a subject that has begun.
    pub(crate) fn cause(self) -> Stop {
        self.at_once.unwrap_or(self.stop)
    }
}

/// The stop of one run, once it stands. It never goes away again.
#[derive(Clone, Debug)]
pub(crate) struct StopWatch {
    seen: watch::Receiver<Option<Standing>>,
}

impl StopWatch {
    /// The stop that stands.
    pub(crate) fn current(&self) -> Option<Stop> {
        self.standing().map(|standing| standing.stop)
    }

    /// The same with all that is known of it.
    pub(crate) fn standing(&self) -> Option<Standing> {
        *self.seen.borrow()
    }

    /// Returns when a stop comes up; never when the watch has ended.
    pub(crate) async fn changed(&self) {
        self.differs_from(None).await;
    }

    /// Returns when another stop stands than this one; never when the watch has ended.
    pub(crate) async fn differs_from(&self, known: Option<Standing>) {
        let mut seen = self.seen.clone();
        if seen.wait_for(|now| *now != known).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Looks once, then starts watching.
pub(crate) async fn start(
    env: &Arc<Environment>,
    run: &RunFacts,
    lease: &Arc<Lease>,
) -> (StopWatch, tokio::task::JoinHandle<()>) {
    let first = look(env, run).await.unwrap_or_default();
    let (sender, seen) = watch::channel(standing(None, first));
    let (env, run, lease) = (Arc::clone(env), run.clone(), Arc::clone(lease));
    let task = tokio::spawn(async move {
        // A requester may lose the right while what was begun is carried to its end.
        while sender
            .borrow()
            .is_none_or(|stands| stands.at_once.is_none())
        {
            tokio::select! {
                () = lease.lost() => break,
                () = tokio::time::sleep(PERIOD) => {}
            }
            match look(&env, &run).await {
                Ok(found) => {
                    let known = *sender.borrow();
                    let now = standing(known, found);
                    if let Some(stands) = now
                        && now != known
                    {
                        tracing::info!(run.id = %run.id, stop = stands.cause().code(), "the run is stopped");
                        sender.send_replace(now);
                    }
                }
                Err(error) => {
                    tracing::warn!(run.id = %run.id, error = %error, "reasons to stop not read");
                }
            }
        }
        // Keeps the channel open for as long as somebody may listen.
        sender.closed().await;
    });
    (StopWatch { seen }, task)
}

/// What one look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The first reason to stop, a cancel before everything else.
    stop: Option<Stop>,
    /// The right or the connection, where one of them is gone.
    at_once: Option<Stop>,
}

/// What stands after a look: a stop never goes away, a cancel takes the place of any other, and a
/// lost right is added.
fn standing(known: Option<Standing>, found: Found) -> Option<Standing> {
    let stop = match (known, found.stop) {
        (None, found) => found?,
        (Some(_), Some(Stop::Cancelled)) => Stop::Cancelled,
        (Some(known), _) => known.stop,
    };
    Some(Standing {
        stop,
        since: known.map_or_else(Instant::now, |known| known.since),
        at_once: known.and_then(|known| known.at_once).or(found.at_once),
    })
}

async fn look(env: &Environment, run: &RunFacts) -> Result<Found, StoreError> {
    let run = run.clone();
    env.pulse.run(move |conn| find_stop(conn, &run)).await
}

fn find_stop(conn: &mut PgConnection, run: &RunFacts) -> Result<Found, StoreError> {
    let operation = run.operation.as_str();
    // A token may live on in memory for an hour after its credential was wiped.
    let removed = connections::find_connection(conn, run.workspace_id, run.tenant_id)?.is_none();
    let at_once = if requester_may(conn, run)? {
        removed.then_some(Stop::ConnectionRemoved)
    } else {
        Some(Stop::RequesterRevoked)
    };
    let stop = if runs::load_run(conn, run.id)?.cancel_requested_at.is_some() {
        Some(Stop::Cancelled)
    } else if controls::find_pause(conn, operation, run.workspace_id, run.tenant_id)?.is_some() {
        Some(Stop::ControlPaused)
    } else {
        at_once
    };
    Ok(Found { stop, at_once })
}

/// Whether the requester could start this run now, with the token it was started with.
fn requester_may(conn: &mut PgConnection, run: &RunFacts) -> Result<bool, StoreError> {
    let narrowed: Option<BTreeSet<Capability>> = match run.initiator_token_id {
        // Started by somebody who signed in: for as long as that is possible.
        None => {
            if !identities::has_identity(conn, run.workspace_id, run.initiator_user_id)? {
                return Ok(false);
            }
            None
        }
        Some(token_id) => {
            let Some(token) = tokens::find_usable_token(conn, token_id)? else {
                return Ok(false);
            };
            token
                .capabilities
                .map(|names| names.iter().filter_map(|name| name.parse().ok()).collect())
        }
    };
    let mut needed = vec![(run.tenant_id, run.operation.capability())];
    if run.operation == OperationType::PromotionExecute {
        let source = run.source_tenant_id.unwrap_or(run.tenant_id);
        needed.push((source, Capability::CompareView));
    }
    for (tenant_id, capability) in needed {
        let (workspace_role, tenant_role) =
            memberships::find_roles(conn, run.workspace_id, tenant_id, run.initiator_user_id)?;
        let Some(Ok(workspace_role)) = workspace_role.map(|role| role.parse::<Role>()) else {
            return Ok(false);
        };
        let tenant_role = tenant_role.and_then(|role| role.parse().ok());
        if !tenant_capabilities(workspace_role, tenant_role, narrowed.as_ref())
            .contains(&capability)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Wakes every run that waits for its time although a stop stands: it has nothing to wait for, and
/// its target is to be free.
pub(crate) async fn wake_stopped(env: &Environment) -> Result<(), StoreError> {
    let parked = env.pulse.run(leases::list_parked).await?;
    for run_id in parked {
        env.pulse
            .transaction(move |conn| wake(conn, run_id))
            .await?;
    }
    Ok(())
}

fn wake(conn: &mut PgConnection, run_id: Uuid) -> Result<(), StoreError> {
    let row = runs::load_run(conn, run_id)?;
    let operation = row.operation_type.clone();
    let Some(run) = RunFacts::of(&row, serde_json::Value::Null) else {
        return Ok(());
    };
    let Some(stop) = find_stop(conn, &run)?.stop else {
        return Ok(());
    };
    // Another sweeper, or its own time, may have been first.
    let Some(wake_seq) = leases::end_wait(conn, run_id)? else {
        return Ok(());
    };
    tracing::info!(run.id = %run_id, stop = stop.code(), "a run that waits is stopped");
    let queue = QueueName::of_operation(&operation);
    queue::enqueue(conn, queue, WakeUp { run_id, wake_seq }, Duration::ZERO).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_stays_a_cancel_comes_first_and_a_lost_right_is_added() {
        let found = |stop, lost: bool| Found {
            stop,
            at_once: lost.then_some(Stop::RequesterRevoked),
        };
        assert_eq!(standing(None, Found::default()), None);
        let paused = standing(None, found(Some(Stop::ControlPaused), false));
        assert_eq!(paused.map(Standing::cause), Some(Stop::ControlPaused));
        assert_eq!(standing(paused, Found::default()), paused);
        let revoked = standing(paused, found(Some(Stop::ControlPaused), true));
        assert_eq!(revoked.map(Standing::cause), Some(Stop::RequesterRevoked));
        assert_eq!(revoked.map(|one| one.stop), Some(Stop::ControlPaused));
        let cancelled = standing(revoked, found(Some(Stop::Cancelled), false));
        assert_eq!(cancelled.map(|one| one.stop), Some(Stop::Cancelled));
        assert!(cancelled.is_some_and(|one| one.at_once.is_some()));
        assert_eq!(cancelled.map(|one| one.since), paused.map(|one| one.since));
    }
}
