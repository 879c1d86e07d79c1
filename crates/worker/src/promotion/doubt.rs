//! A write that nobody has an answer to: until when it may still show, when to look, and that the
//! run waits for it.
//!
//! Decides when it may be concluded that a write did not land. What a look shows is judged elsewhere.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::steps::WriteStep;
use store::leases;

use super::Promotion;
use super::journal::Intent;
use super::subject::{Exit, Subject};
use crate::config::Waits;
use crate::interrupt::Interrupt;

/// Shown as what the run waits for.
const REASON: &str = "outcome_unknown";
/// The look that concludes begins this much after the window: clocks are not exact.
const AFTER: Duration = Duration::from_millis(20);

/// The time in which a write without an answer is looked for.
#[derive(Debug)]
pub(crate) struct Window {
    conclude_at: DateTime<Utc>,
    looked_at: DateTime<Utc>,
    waits: Waits,
}

impl Window {
    /// A look begins.
    pub(crate) const fn look_begins(&mut self, now: DateTime<Utc>) {
        self.looked_at = now;
    }

    /// Whether the last look began when everything that landed had to show.
    pub(crate) fn is_over(&self) -> bool {
        self.looked_at >= self.conclude_at
    }

    /// The wait before the next look: never past the moment at which it may be concluded.
    fn next_wait(&mut self, now: DateTime<Utc>) -> Duration {
        let wait = self.waits.next();
        match (self.conclude_at - now).to_std() {
            Ok(left) => wait.min(left + AFTER),
            // The look that began before the window's end is followed by the last one at once.
            Err(_) => AFTER,
        }
    }
}

impl Subject<'_> {
    /// The window of a step's intent.
    pub(crate) fn window(&self, step: &WriteStep, intent: &Intent) -> Window {
        Window {
            conclude_at: self.conclude_at(step, intent),
            looked_at: DateTime::<Utc>::MIN_UTC,
            waits: self.run.job.env.config.patience.lost_create_waits(),
        }
    }

    /// When it may be concluded at the earliest that a lost write did not land: the lag window
    /// after its answer was lost, or, when nobody saw an answer, after it cannot be on the wire.
    pub(crate) fn conclude_at(&self, step: &WriteStep, intent: &Intent) -> DateTime<Utc> {
        let config = &self.run.job.env.config;
        let lag = config.patience.lag_window();
        let after = |from: DateTime<Utc>, wait: Duration| {
            from + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::seconds(130))
        };
        match self.journal.lost_at(&step.name, intent.client_request_id) {
            Some(lost_at) => after(lost_at, lag),
            None => after(intent.at, config.graph_timeout + lag),
        }
    }

    /// Waits for the next look, and shows that the run waits.
    pub(crate) async fn wait_in(&mut self, window: &mut Window) -> Result<(), Exit> {
        let key = self.pinned.subject_key.clone();
        self.run.doubt(key, Some(window.conclude_at)).await?;
        let wait = window.next_wait(self.run.job.now());
        self.pause(wait).await
    }

    /// The outcome is known, or nobody looks for it any more.
    pub(crate) async fn doubt_is_over(&self) -> Result<(), Interrupt> {
        let key = self.pinned.subject_key.clone();
        self.run.doubt(key, None).await
    }
}

impl Promotion {
    /// Keeps in mind until when a subject waits for an outcome; what the run shows is the latest of
    /// all.
    async fn doubt(&self, key: String, until: Option<DateTime<Utc>>) -> Result<(), Interrupt> {
        let shown = {
            let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
            let before = latest(&doubts);
            match until {
                Some(until) => doubts.insert(key, until),
                None => doubts.remove(&key),
            };
            let now = latest(&doubts);
            if now == before {
                return Ok(());
            }
            now
        };
        self.job
            .record(move |conn, holder| {
                leases::set_waiting(conn, holder, shown.map(|until| (REASON, until)))
            })
            .await
    }
}

fn latest(doubts: &BTreeMap<String, DateTime<Utc>>) -> Option<DateTime<Utc>> {
    doubts.values().max().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Patience;

    #[test]
    fn the_last_look_comes_at_the_moment_the_conclusion_becomes_possible() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        let at = |seconds: i64| start + chrono::Duration::seconds(seconds);
        let mut window = Window {
            conclude_at: at(50),
            looked_at: DateTime::<Utc>::MIN_UTC,
            waits: Patience::default().lost_create_waits(),
        };
        let (mut now, mut looks) = (start, Vec::new());
        loop {
            window.look_begins(now);
            looks.push((now - start).num_milliseconds());
            if window.is_over() {
                break;
            }
            let wait = window.next_wait(now);
            now += chrono::Duration::from_std(wait).unwrap_or_default();
        }
        assert_eq!(
            looks,
            [0, 1_000, 3_000, 7_000, 15_000, 30_000, 45_000, 50_020]
        );
    }

    #[test]
    fn a_look_after_the_window_concludes_at_once() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        let mut window = Window {
            conclude_at: start,
            looked_at: DateTime::<Utc>::MIN_UTC,
            waits: Patience::default().lost_create_waits(),
        };
        assert!(!window.is_over(), "nobody has looked yet");
        window.look_begins(start + chrono::Duration::seconds(1));
        assert!(window.is_over());
    }
}
