//! Tells a token that may be somebody's from one that is made up, before the database is asked.
//!
//! Decides only whether a lookup is worth its price; who a token is, and whether it works, the
//! database says every time. What is held are marks of all tokens that work, as last read, and of
//! those announced since. A token without a mark is looked up, too, but only so many of them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use store::Db;
use store::events::{RunEvent, RunEvents};
use store::tokens;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// How often the marks are read anew: tokens that ended are forgotten.
const REFRESH: Duration = Duration::from_mins(1);
/// How long a token without a mark waits for its announcement.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(200);
/// Lookups of tokens without a mark: per second, and at once.
const LOOKUPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// See [`LOOKUPS`].
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

/// The marks of this process.
pub struct KnownTokens {
    /// Each with the workspace of its token. `None` until they were read: every token is looked up.
    marks: RwLock<Option<HashMap<i64, Uuid>>>,
    lookups: DefaultDirectRateLimiter,
}

impl Default for KnownTokens {
    fn default() -> Self {
        Self {
            marks: RwLock::new(None),
            lookups: RateLimiter::direct(Quota::per_second(LOOKUPS).allow_burst(AT_ONCE)),
        }
    }
}

impl KnownTokens {
    /// Whether a token has a mark; `true` as long as none was read.
    fn may_work(&self, text: &str) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        marks
            .as_ref()
            .is_none_or(|marks| marks.contains_key(&tokens::mark_of(text)))
    }

    /// Whose turn at the database a token's lookup is: its workspace's, and one together for all that
    /// are most likely made up.
    pub fn owner_of(&self, text: &str) -> Uuid {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let known = marks
            .as_ref()
            .and_then(|marks| marks.get(&tokens::mark_of(text)));
        known.copied().unwrap_or(Uuid::max())
    }

    /// Whether a token is worth a lookup. One without a mark waits a moment when many of its kind
    /// come: it may have been made by another process just now.
    pub async fn worth_a_lookup(&self, text: &str) -> bool {
        if self.may_work(text) || self.lookups.check().is_ok() {
            return true;
        }
        tokio::time::sleep(ANNOUNCED_WITHIN).await;
        self.may_work(text)
    }

    /// A token was made.
    pub fn add(&self, mark: i64, workspace_id: Uuid) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(marks) = marks.as_mut() {
            marks.insert(mark, workspace_id);
        }
    }

    /// Keeps the marks current until the process stops.
    pub async fn keep_current(
        self: Arc<Self>,
        db: Db,
        news: RunEvents,
        mut stopping: watch::Receiver<bool>,
    ) {
        let mut news = news.subscribe();
        let mut read_at = None::<tokio::time::Instant>;
        loop {
            if read_at.is_none() {
                // Whatever is announced while they are read is still in `news` afterwards.
                match db.run(tokens::list_marks).await {
                    Ok(marks) => {
                        let marks = marks.into_iter().collect();
                        *self.marks.write().unwrap_or_else(PoisonError::into_inner) = Some(marks);
                        read_at = Some(tokio::time::Instant::now());
                    }
                    Err(error) => tracing::debug!(%error, "the marks of tokens were not read"),
                }
            }
            let pause = if read_at.is_some() {
                REFRESH
            } else {
                Duration::from_secs(1)
            };
            let until = read_at.unwrap_or_else(tokio::time::Instant::now) + pause;
            tokio::select! {
                event = news.recv() => match event {
                    Ok(RunEvent::TokenMade { mark, workspace_id }) => self.add(mark, workspace_id),
                    Ok(RunEvent::Changed(_)) => {}
                    Ok(RunEvent::Resync) | Err(broadcast::error::RecvError::Lagged(_)) => read_at = None,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(until) => read_at = None,
                _ = stopping.changed() => return,
            }
        }
    }
}
