//! Watches for reasons to stop a run: cancelled, paused, requester's right or the connection gone.
//!
//! Decides only whether a stop stands. What it means for subjects is the operation's business.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::capability::{Capability, Role, tenant_capabilities};
use domain::operation::OperationType;
use domain::run::Stop;
use store::{
    PgConnection, StoreError, connections, controls, identities, memberships, runs, tokens,
};
use tokio::sync::watch;

use crate::environment::Environment;
use crate::job::RunFacts;
use crate::lease::Lease;

/// How often the reasons are looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// How long after a stop was seen a subject that has already written may go on writing.
const GRACE: Duration = Duration::from_millis(300);

/// The stop of one run, once it stands. It never goes away again.
#[derive(Clone, Debug)]
pub(crate) struct StopWatch {
    seen: watch::Receiver<Option<(Stop, Instant)>>,
}

impl StopWatch {
    /// The stop that stands.
    pub(crate) fn current(&self) -> Option<Stop> {
        self.seen.borrow().map(|(stop, _)| stop)
    }

    /// Whether nothing may be written any more.
    pub(crate) fn grace_is_over(&self) -> bool {
        self.seen
            .borrow()
            .is_some_and(|(_, since)| since.elapsed() > GRACE)
    }

    /// Returns when a stop comes up; never when the watch has ended.
    pub(crate) async fn changed(&self) {
        let mut seen = self.seen.clone();
        if seen.wait_for(Option::is_some).await.is_err() {
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
    let (sender, seen) = watch::channel(first.map(|stop| (stop, Instant::now())));
    let (env, run, lease) = (Arc::clone(env), run.clone(), Arc::clone(lease));
    let task = tokio::spawn(async move {
        while sender.borrow().is_none() {
            tokio::select! {
                () = lease.lost() => break,
                () = tokio::time::sleep(PERIOD) => {}
            }
            match look(&env, &run).await {
                Ok(Some(stop)) => {
                    tracing::info!(run.id = %run.id, stop = stop.code(), "the run is stopped");
                    sender.send_replace(Some((stop, Instant::now())));
                }
                Ok(None) => {}
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

async fn look(env: &Environment, run: &RunFacts) -> Result<Option<Stop>, StoreError> {
    let run = run.clone();
    env.pulse.run(move |conn| find_stop(conn, &run)).await
}

fn find_stop(conn: &mut PgConnection, run: &RunFacts) -> Result<Option<Stop>, StoreError> {
    if runs::load_run(conn, run.id)?.cancel_requested_at.is_some() {
        return Ok(Some(Stop::Cancelled));
    }
    let operation = run.operation.as_str();
    if controls::find_pause(conn, operation, run.workspace_id, run.tenant_id)?.is_some() {
        return Ok(Some(Stop::ControlPaused));
    }
    if !requester_may(conn, run)? {
        return Ok(Some(Stop::RequesterRevoked));
    }
    // A token may live on in memory for an hour after its credential was wiped.
    if connections::find_connection(conn, run.workspace_id, run.tenant_id)?.is_none() {
        return Ok(Some(Stop::ConnectionRemoved));
    }
    Ok(None)
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
