//! How a call waits: visibly, not past its deadline, and not past a stop.
//!
//! Decides when a wait is refused. It must not decide how long to wait.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::model::ResourceFamily;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock;

/// Why a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// Our own budget for the tenant and family is spent.
    Budget,
    /// The Conditional Access lane.
    Lane,
    /// Graph asked for patience.
    Throttled,
    /// A passing failure of a read.
    Transient,
}

impl WaitReason {
    /// For logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Lane => "lane",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
        }
    }
}

/// One wait, as shown to the caller before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Entra tenant id.
    pub tenant_id: Uuid,
    /// Family of the request.
    pub family: ResourceFamily,
    /// Why.
    pub reason: WaitReason,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// Called before every wait; must not block.
pub type OnWait = Arc<dyn Fn(&Wait) + Send + Sync>;

/// Why a wait did not happen or ended early. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The stop signal came.
    Stopped,
    /// The wait would have passed the deadline.
    Deadline(DateTime<Utc>),
    /// The wait would be longer than a worker should be held.
    TooLong(DateTime<Utc>),
}

/// What the calls of one piece of work have in common.
#[derive(Clone, Default)]
pub struct CallContext {
    /// No wait goes past it, and no read attempt begins after it.
    pub deadline: Option<Instant>,
    /// Ends waits and refuses further requests. A request on the wire is not cut.
    pub stop: CancellationToken,
    /// Sees every wait.
    pub on_wait: Option<OnWait>,
}

impl fmt::Debug for CallContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallContext")
            .field("deadline", &self.deadline)
            .field("stopped", &self.stop.is_cancelled())
            .finish_non_exhaustive()
    }
}

impl CallContext {
    /// Refuses to go on after a stop or past the deadline.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.stop.is_cancelled() {
            return Err(Interrupted::Stopped);
        }
        if let Some(deadline) = self.deadline
            && Instant::now() >= deadline
        {
            return Err(Interrupted::Deadline(clock::wall(deadline)));
        }
        Ok(())
    }

    /// Tells the caller about a wait, having checked that it fits.
    pub(crate) fn announce(
        &self,
        tenant_id: Uuid,
        family: ResourceFamily,
        reason: WaitReason,
        until: Instant,
    ) -> Result<(), Interrupted> {
        self.check()?;
        let moment = clock::wall(until);
        if self.deadline.is_some_and(|deadline| until > deadline) {
            return Err(Interrupted::Deadline(moment));
        }
        tracing::debug!(
            tenant.id = %tenant_id,
            wait.reason = reason.as_str(),
            wait.until = %moment,
            "waiting"
        );
        if let Some(on_wait) = &self.on_wait {
            on_wait(&Wait {
                tenant_id,
                family,
                reason,
                until: moment,
            });
        }
        Ok(())
    }

    /// Completes when the deadline passes; never without one.
    pub(crate) async fn deadline_passed(&self) -> Interrupted {
        match self.deadline {
            Some(deadline) => {
                tokio::time::sleep_until(deadline).await;
                Interrupted::Deadline(clock::wall(deadline))
            }
            None => std::future::pending().await,
        }
    }

    /// Waits until then, or until the stop signal.
    pub(crate) async fn sleep_until(&self, until: Instant) -> Result<(), Interrupted> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Interrupted::Stopped),
            () = tokio::time::sleep_until(until) => Ok(()),
        }
    }
}
