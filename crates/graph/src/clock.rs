//! The only place of this crate that reads the wall clock.
//!
//! Waits are measured with tokio's clock (so that tests can pause it); the wall clock serves only
//! what leaves the process: token times and the moments an operator is shown.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// Now, in UTC.
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The wall-clock moment of an instant of tokio's clock.
pub(crate) fn wall(moment: Instant) -> DateTime<Utc> {
    let ahead = moment.saturating_duration_since(Instant::now());
    TimeDelta::from_std(ahead)
        .ok()
        .and_then(|ahead| now().checked_add_signed(ahead))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
