//! Database time without asking the database: an offset to the steady clock, set again by every
//! heartbeat. All times that are compared between processes come from here.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// The database's clock as this process knows it.
#[derive(Debug)]
pub(crate) struct DatabaseClock {
    base: Mutex<(DateTime<Utc>, Instant)>,
}

impl DatabaseClock {
    /// Starts from this machine's clock until [`Self::set`] is called.
    pub(crate) fn new() -> Self {
        Self {
            base: Mutex::new((Utc::now(), Instant::now())),
        }
    }

    /// The database said `time` no later than now and no earlier than `asked_at`.
    fn set(&self, time: DateTime<Utc>, asked_at: Instant) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = (time, asked_at);
    }

    /// The database set a lease of this length that ends then, no earlier than `asked_at`.
    pub(crate) fn set_from_lease(
        &self,
        expires_at: DateTime<Utc>,
        lease: Duration,
        asked_at: Instant,
    ) {
        if let Ok(lease) = chrono::Duration::from_std(lease) {
            self.set(expires_at - lease, asked_at);
        }
    }

    /// Now, on database time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let (time, at) = *self.base.lock().unwrap_or_else(PoisonError::into_inner);
        time + chrono::Duration::from_std(at.elapsed()).unwrap_or(chrono::Duration::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_time_it_was_told() {
        let clock = DatabaseClock::new();
        let told = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        clock.set(told, Instant::now());
        let drift = clock.now() - told;
        assert!(drift >= chrono::Duration::zero() && drift < chrono::Duration::seconds(5));
    }
}
