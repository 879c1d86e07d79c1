//! Live news of runs: what the database announces, handed to whoever listens. Decides nothing;
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

/// What the database announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// A run changed.
    Changed(RunChange),
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
    diesel::sql_query("LISTEN promotion_runs").execute(&mut conn)?;
    // Whatever happened before the LISTEN is unknown to those who already subscribed.
    let _ = sender.send(RunEvent::Resync);
    let mut probed = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for notification in conn.notifications_iter() {
            match serde_json::from_str(&notification?.payload) {
                // An error only says that nobody listens.
                Ok(change) => drop(sender.send(RunEvent::Changed(change))),
                Err(error) => tracing::warn!(error = %error, "unreadable news of a run"),
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
