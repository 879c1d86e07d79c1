//! Live news of runs and of new tokens: what the database announces, handed to whoever listens. Decides nothing;
//! an event says that a run changed, the run itself is read from its table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use serde::Deserialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::db;
use crate::error::StoreError;

const PAUSE: Duration = Duration::from_millis(50);
const RECONNECT: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_secs(3);
const BACKLOG: usize = 4096;
/// Where the database announces runs that changed.
const RUNS: &str = "promotion_runs";
/// Where it announces tokens that were made.
const TOKENS: &str = "promotion_tokens";

/// What the database announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// A run changed.
    Changed(RunChange),
    /// An API token was made.
    TokenMade {
        /// See [`crate::tokens::mark_of`].
        mark: i64,
        /// The only workspace it works in.
        workspace_id: Uuid,
    },
    /// The connection was lost for a while: anything may have changed, read again.
    Resync,
}

/// A run that changed, as of its commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunChange {
    /// Its workspace.
    pub workspace_id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// The tenant it acts on.
    pub tenant_id: Uuid,
    /// Its revision after the change.
    pub revision: i64,
    /// `queued`, `running` or `completed`.
    pub status: String,
}

/// Listens on a connection and a thread of its own for as long as this value or a clone lives.
#[derive(Clone, Debug)]
pub struct RunEvents {
    sender: broadcast::Sender<RunEvent>,
    _alive: Arc<Alive>,
}

impl RunEvents {
    /// Starts listening. A database that is away is tried again every second.
    pub fn start(url: &str) -> Self {
        let (sender, _) = broadcast::channel(BACKLOG);
        let stop = Arc::new(AtomicBool::new(false));
        let url = url.to_owned();
        let (to, stopped) = (sender.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Err(error) = listen(&url, &to, &stopped) {
                    tracing::warn!(error = %error, "no news of runs for a moment");
                }
                std::thread::sleep(RECONNECT);
            }
        });
        Self {
            sender,
            _alive: Arc::new(Alive(stop)),
        }
    }

    /// News from now on. A receiver that lags behind is told so and should read again.
    pub fn subscribe(&self) -> broadcast::Receiver<RunEvent> {
        self.sender.subscribe()
    }
}

#[derive(Debug)]
struct Alive(Arc<AtomicBool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn listen(
    url: &str,
    sender: &broadcast::Sender<RunEvent>,
    stop: &AtomicBool,
) -> Result<(), StoreError> {
    let mut conn = db::establish(url)?;
    for channel in [RUNS, TOKENS] {
        diesel::sql_query(format!("LISTEN {channel}")).execute(&mut conn)?;
    }
    // Whatever happened before the LISTEN is unknown to those who already subscribed.
    let _ = sender.send(RunEvent::Resync);
    let mut probed = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for notification in conn.notifications_iter() {
            let news = notification?;
            let event = match news.channel.as_str() {
                TOKENS => token_made(&news.payload),
                _ => serde_json::from_str(&news.payload)
                    .ok()
                    .map(RunEvent::Changed),
            };
            if let Some(event) = event {
                // An error only says that nobody listens.
                let _ = sender.send(event);
            } else {
                tracing::warn!(channel = news.channel, "unreadable news");
            }
        }
        if probed.elapsed() > PROBE {
            diesel::sql_query("SELECT 1").execute(&mut conn)?;
            probed = Instant::now();
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn token_made(payload: &str) -> Option<RunEvent> {
    let (mark, workspace_id) = payload.split_once(' ')?;
    Some(RunEvent::TokenMade {
        mark: mark.parse().ok()?,
        workspace_id: workspace_id.parse().ok()?,
    })
}
