//! What all jobs of the process share. Built once at the start; decides nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::secret::SecretKey;
use graph::{CallRecord, Gateway, GatewaySettings, LaneError, LaneGate, TransportError};
use store::keys::{AuditKey, MasterKey, OpeningKeys};
use store::{Db, StoreError, lanes};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::DatabaseClock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::provider;

/// What all jobs share.
pub(crate) struct Environment {
    pub(crate) config: Config,
    /// For the work.
    pub(crate) db: Db,
    /// For heartbeats, stops and the sweeper: never starved by the work.
    pub(crate) pulse: Db,
    pub(crate) gateway: Gateway,
    settings: GatewaySettings,
    pub(crate) opening_keys: OpeningKeys,
    pub(crate) audit_key: AuditKey,
    pub(crate) secret_key: SecretKey,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: DatabaseClock,
    /// Cancelled by SIGTERM: claim nothing, release what is held.
    pub(crate) shutdown: CancellationToken,
    /// This process, in `lease_holder`.
    pub(crate) process: String,
    /// Runs of this process by registered tenant, for the shares of the budgets.
    active: Mutex<HashMap<Uuid, u32>>,
}

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A key is malformed.
    #[error("a key cannot be used")]
    Key(#[from] store::keys::KeyError),
    /// The pool cannot be made.
    #[error("the database pool cannot be made")]
    Store(#[from] StoreError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Transport(#[from] graph::TransportError),
}

impl Environment {
    pub(crate) fn new(config: Config) -> Result<Self, StartError> {
        let master = MasterKey::from_base64(&config.master_key)?;
        let fingerprint = master.fingerprint_key();
        let concurrency = u32::try_from(config.concurrency).unwrap_or(4);
        let db = Db::connect(&config.database_url, concurrency * 2 + 2)?;
        let pulse = Db::connect(&config.database_url, 3)?;
        let metrics = Arc::new(Metrics::default());
        let counted = Arc::clone(&metrics);
        let on_call: graph::OnCall = Arc::new(move |call: &CallRecord<'_>| {
            let status = call.status.map_or("lost".to_owned(), |s| s.to_string());
            counted.count(
                "promotion_worker_graph_calls_total",
                &[("method", call.method), ("status", &status)],
            );
        });
        let settings = provider::gateway_settings(&config, leased_lane(pulse.clone()), on_call);
        let gateway = Gateway::new(settings.clone())?;
        Ok(Self {
            db,
            pulse,
            gateway,
            settings,
            opening_keys: OpeningKeys::new(vec![master.opening_key()]),
            audit_key: master.audit_key(),
            secret_key: SecretKey {
                key_id: fingerprint.id().to_owned(),
                key: fingerprint.bytes().to_vec(),
            },
            metrics,
            clock: DatabaseClock::new(),
            shutdown: CancellationToken::new(),
            process: format!("{}-{}", std::process::id(), Uuid::new_v4().simple()),
            active: Mutex::default(),
            config,
        })
    }

    /// How long a claim holds without a heartbeat.
    pub(crate) fn lease_period(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.lease_seconds))
    }

    /// A gateway that has no token yet: what a check finds is what the login service says now.
    pub(crate) fn fresh_gateway(&self) -> Result<Gateway, TransportError> {
        Gateway::new(self.settings.clone())
    }

    /// Whether the process has been asked to end.
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// How many runs of this process work on a tenant, after adding `change`.
    pub(crate) fn change_active(&self, tenant_id: Uuid, change: i32) -> u32 {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let count = active.entry(tenant_id).or_default();
        *count = count.saturating_add_signed(change);
        let now = *count;
        if now == 0 {
            active.remove(&tenant_id);
        }
        now
    }

    /// How many runs this process works on.
    pub(crate) fn active_runs(&self) -> u64 {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.values().map(|count| u64::from(*count)).sum()
    }
}

/// The Conditional Access lane as a row in the database: one place at a time over all processes.
fn leased_lane(db: Db) -> LaneGate {
    Arc::new(move |entra_tenant_id, interval: Duration| {
        let db = db.clone();
        Box::pin(async move {
            db.run(move |conn| {
                lanes::take_lane_slot(conn, entra_tenant_id, lanes::CONDITIONAL_ACCESS, interval)
            })
            .await
            .map_err(|error: StoreError| LaneError(error.to_string()))
        })
    })
}
