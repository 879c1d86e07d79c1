//! What gives this process the right to work on a run, and what takes it away.
//!
//! The database's clock decides who holds a run; here only the safe side of that is known: the hold
//! ends, at the latest, one lease after the last renewal was *asked for*. The heartbeat runs on its
//! own task and its own connections, so that busy work never looks like death.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{StoreError, leases};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::environment::Environment;
use crate::interrupt::Interrupt;

/// Ends waits and refuses requests once the run is lost or the process ends. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Halt {
    lost: CancellationToken,
    halted: CancellationToken,
    deadline: Arc<Mutex<Instant>>,
}

impl Halt {
    /// Cancelled when the run is lost or the process ends.
    pub(crate) const fn token(&self) -> &CancellationToken {
        &self.halted
    }

    /// Why the token was cancelled.
    pub(crate) fn reason(&self) -> Interrupt {
        if self.lost.is_cancelled() {
            Interrupt::LeaseLost
        } else {
            Interrupt::ShuttingDown
        }
    }

    /// Refuses to go on.
    pub(crate) fn check(&self) -> Result<(), Interrupt> {
        self.check_held()?;
        if self.halted.is_cancelled() {
            return Err(self.reason());
        }
        Ok(())
    }

    fn check_held(&self) -> Result<(), Interrupt> {
        broken_variant!("no_fence", {
            return Ok(());
        });
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lost.is_cancelled() || Instant::now() >= deadline {
            self.lose();
            return Err(Interrupt::LeaseLost);
        }
        Ok(())
    }

    fn lose(&self) {
        self.lost.cancel();
        self.halted.cancel();
    }
}

/// A held run.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) holder: leases::Holder,
    halt: Halt,
}

impl Lease {
    /// A hold that was asked for at `asked_at`.
    pub(crate) fn new(env: &Environment, holder: leases::Holder, asked_at: Instant) -> Self {
        let deadline = asked_at + env.lease_period();
        Self {
            holder,
            halt: Halt {
                lost: CancellationToken::new(),
                halted: env.shutdown.child_token(),
                deadline: Arc::new(Mutex::new(deadline)),
            },
        }
    }

    /// For clients and waits.
    pub(crate) fn halt(&self) -> Halt {
        self.halt.clone()
    }

    /// Refuses once the run may belong to somebody else. A process that ends still records.
    pub(crate) fn check(&self) -> Result<(), Interrupt> {
        self.halt.check_held()
    }

    /// Returns when the run is lost.
    pub(crate) async fn lost(&self) {
        self.halt.lost.cancelled().await;
    }

    /// A transaction was refused: somebody else holds the run.
    pub(crate) fn lose(&self) {
        self.halt.lose();
    }

    fn extend(&self, env: &Environment, asked_at: Instant) {
        let until = asked_at + env.lease_period();
        *self
            .halt
            .deadline
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Renews the lease until the run is lost. Also counts the runs that share the tenant's budget and
/// sets the clock.
pub(crate) async fn beat(env: Arc<Environment>, lease: Arc<Lease>, tenant_id: Uuid) {
    let period = env.lease_period() / 4;
    loop {
        tokio::select! {
            () = lease.lost() => return,
            () = tokio::time::sleep(period.min(Duration::from_secs(5))) => {}
        }
        if !renew(&env, &lease, tenant_id).await {
            return;
        }
    }
}

/// One renewal, tried until it succeeds or the lease is over. `false` when the run is lost.
async fn renew(env: &Environment, lease: &Lease, tenant_id: Uuid) -> bool {
    loop {
        let asked_at = Instant::now();
        let holder = lease.holder.clone();
        let period = env.lease_period();
        let renewed = env
            .pulse
            .transaction(move |conn| leases::renew_lease(conn, &holder, period))
            .await;
        match renewed {
            Ok(renewed) => {
                lease.extend(env, asked_at);
                env.clock
                    .set_from_lease(renewed.expires_at, period, asked_at);
                env.gateway
                    .set_share(tenant_id, env.change_active(tenant_id, 0), renewed.sharers);
                return true;
            }
            Err(StoreError::StaleHolder) => {
                broken_variant!("no_fence", {
                    return true;
                });
                lease.lose();
                return false;
            }
            Err(error) => {
                tracing::warn!(run.id = %lease.holder.run_id, error = %error, "lease not renewed yet");
            }
        }
        if lease.check().is_err() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
