//! The clock of Graph, as its answers tell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::answer::Answer;

/// The `Date` of the latest answer; shared by the clones of one client.
#[derive(Clone, Debug)]
pub(crate) struct RemoteClock(Arc<AtomicI64>);

/// No answer said a date.
const NEVER: i64 = i64::MIN;

impl Default for RemoteClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NEVER)))
    }
}

impl RemoteClock {
    /// Takes in what an answer says.
    pub(crate) fn learn(&self, answer: &Answer) {
        if let Some(date) = answer.date() {
            self.0.store(date.timestamp(), Ordering::Relaxed);
        }
    }

    /// The latest date that was said.
    pub(crate) fn latest(&self) -> Option<DateTime<Utc>> {
        match self.0.load(Ordering::Relaxed) {
            NEVER => None,
            seconds => DateTime::from_timestamp(seconds, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_date_is_kept_and_an_answer_without_one_changes_nothing() {
        let clock = RemoteClock::default();
        assert_eq!(clock.latest(), None);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        clock.learn(&Answer::from_parts(404, &[("Date", date)], ""));
        clock.clone().learn(&Answer::from_parts(200, &[], "{}"));
        let kept = clock.latest().map(|at| at.to_rfc3339());
        assert_eq!(kept.as_deref(), Some("1994-11-06T08:49:37+00:00"));
    }
}
