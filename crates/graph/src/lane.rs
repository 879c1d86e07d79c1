//! The Conditional Access lane: who gives out its places.
//!
//! One request per second per tenant is the limit for all applications together, so the worker
//! leases places in PostgreSQL; a single process can do without. It must not wait itself.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::budget::lock;

/// Reserves the next place of a tenant's lane and says how long to wait for it. Arguments: Entra
/// tenant id and the time between two places.
pub type LaneGate = Arc<dyn Fn(Uuid, Duration) -> LaneReply + Send + Sync>;

/// The pending answer of a [`LaneGate`].
pub type LaneReply = Pin<Box<dyn Future<Output = Result<Duration, LaneError>> + Send>>;

/// The lane's keeper could not be asked. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place in the Conditional Access lane: {0}")]
pub struct LaneError(pub String);

/// A lane that lives in this process only.
pub fn in_process_lane() -> LaneGate {
    let next: Mutex<HashMap<Uuid, Instant>> = Mutex::default();
    Arc::new(move |tenant_id, interval| {
        let now = Instant::now();
        let mut next = lock(&next);
        let place = next.get(&tenant_id).map_or(now, |next| (*next).max(now));
        next.insert(tenant_id, place + interval);
        let wait = place.saturating_duration_since(now);
        Box::pin(async move { Ok(wait) })
    })
}
