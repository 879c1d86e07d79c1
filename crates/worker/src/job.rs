//! One claimed run in this process: its facts, its lease, its stop, and the only way to record.
//!
//! Decides what a database outage means for the work (wait while the lease may live) and what a
//! long wait means (park). Knows no operation.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::operation::OperationType;
use serde_json::Value;
use store::leases::Holder;
use store::runs::RunRow;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::lease::Lease;
use crate::stop::StopWatch;

/// Between two tries while the database is away.
const AWAY: Duration = Duration::from_millis(300);

/// What a run is about.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts {
    pub(crate) id: Uuid,
    pub(crate) workspace_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) source_tenant_id: Option<Uuid>,
    pub(crate) operation: OperationType,
    pub(crate) initiator_user_id: Uuid,
    pub(crate) initiator_token_id: Option<Uuid>,
    /// Immutable inputs, subjects included.
    pub(crate) context: Arc<Value>,
}

impl RunFacts {
    /// The facts of a stored run; `None` when this build does not know its operation.
    pub(crate) fn of(row: &RunRow, context: Value) -> Option<Self> {
        Some(Self {
            id: row.id,
            workspace_id: row.workspace_id,
            tenant_id: row.tenant_id,
            source_tenant_id: row.source_tenant_id,
            operation: row.operation_type.parse().ok()?,
            initiator_user_id: row.initiator_user_id,
            initiator_token_id: row.initiator_token_id,
            context: Arc::new(context),
        })
    }
}

/// A claimed run.
pub(crate) struct Job {
    pub(crate) env: Arc<Environment>,
    pub(crate) run: RunFacts,
    pub(crate) lease: Arc<Lease>,
    pub(crate) stop: StopWatch,
}

impl Job {
    /// Now, on database time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.env.clock.now()
    }

    /// Waits; ends early when the run is lost or the process ends.
    pub(crate) async fn pause(&self, wait: Duration) -> Result<(), Interrupt> {
        let halt = self.lease.halt();
        tokio::select! {
            () = halt.token().cancelled() => Err(halt.reason()),
            () = tokio::time::sleep(wait) => halt.check(),
        }
    }

    /// Waits until then, or parks the run when that is too long to hold a slot.
    pub(crate) async fn wait_until(&self, until: DateTime<Utc>) -> Result<(), Interrupt> {
        let wait = (until - Utc::now()).to_std().unwrap_or_default();
        if wait > self.env.config.patience.sit_out {
            return Err(Interrupt::Park {
                reason: "throttled",
                until: self.now() + chrono::Duration::from_std(wait).unwrap_or_default(),
            });
        }
        self.pause(wait).await
    }

    /// Records in one transaction on behalf of the holder. Waits for the database while the lease
    /// may live; a refused holder records nothing more. `work` may run several times.
    pub(crate) async fn record<T, F>(&self, work: F) -> Result<T, Interrupt>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection, &Holder) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        loop {
            self.lease.check()?;
            let (attempt, holder) = (Arc::clone(&work), self.lease.holder.clone());
            let done = self
                .env
                .db
                .transaction(move |conn| {
                    broken_variant!("no_fence", {
                        let holder = crate::broken::whoever_holds(conn, &holder)?;
                        return attempt(conn, &holder);
                    });
                    attempt(conn, &holder)
                })
                .await;
            match done {
                Ok(value) => return Ok(value),
                Err(error) => self.after_refusal(error).await?,
            }
        }
    }

    /// Reads; waits for the database while the lease may live.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, Interrupt>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        loop {
            self.lease.check()?;
            let attempt = Arc::clone(&work);
            match self.env.db.run(move |conn| attempt(conn)).await {
                Ok(value) => return Ok(value),
                Err(error) => self.after_refusal(error).await?,
            }
        }
    }

    async fn after_refusal(&self, error: StoreError) -> Result<(), Interrupt> {
        match error {
            StoreError::StaleHolder => {
                self.lease.lose();
                Err(Interrupt::LeaseLost)
            }
            error if error.is_unavailable() => {
                tracing::warn!(run.id = %self.run.id, error = %error, "waiting for the database");
                tokio::time::sleep(AWAY).await;
                Ok(())
            }
            error => {
                let mut what = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    what.push_str(": ");
                    what.push_str(&cause.to_string());
                    source = cause.source();
                }
                Err(Interrupt::Broken { what })
            }
        }
    }
}
