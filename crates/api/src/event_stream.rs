//! Server-sent events: news of runs from the database, turned into what one caller may see.
//!
//! Decides when a stream looks again and when it ends. What it sends is the route's. Access is
//! checked again with every look, at least every three seconds, by rights that all streams of one
//! token look up together (see [`crate::streams`]).

use std::fmt::Write;
use std::future::Future;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures::StreamExt;
use serde::Serialize;
use store::events::{RunChange, RunEvent};
use tokio::sync::{broadcast, watch};

use crate::call::Call;

/// The longest time without a look.
const LOOK: Duration = Duration::from_secs(3);
/// The longest silence: a comment keeps proxies from closing the stream. Not with every look, since
/// thousands of streams look, and each comment is a write to a socket.
const SILENCE: Duration = Duration::from_secs(15);

/// Why to look.
#[derive(Clone, Debug)]
pub enum Reason {
    /// Anything may have changed: the first look, or news were missed.
    Anything,
    /// This changed.
    Changed(RunChange),
    /// It is time; nothing is known to have changed.
    Time,
}

/// What a look says to do.
pub enum Step {
    /// Send this.
    Send(String),
    /// Nothing to send.
    Wait,
    /// Send this, if anything, and close.
    End(Option<String>),
}

/// What a stream is about.
pub trait Source {
    /// Whether a change is worth a look.
    fn concerns(&self, change: &RunChange) -> bool;

    /// Looks.
    fn step(&mut self, reason: Reason) -> impl Future<Output = Step>;
}

/// Where news come from.
pub struct Feed {
    news: broadcast::Receiver<RunEvent>,
    stopping: watch::Receiver<bool>,
}

impl Feed {
    /// News from now on.
    pub fn of(call: &Call) -> Self {
        Self {
            news: call.state.run_events.subscribe(),
            stopping: call.state.stopping.subscribe(),
        }
    }

    /// The next reason to look; `None` when the process goes down.
    pub async fn next(&mut self, concerns: impl Fn(&RunChange) -> bool) -> Option<Reason> {
        let deadline = tokio::time::Instant::now() + LOOK;
        if *self.stopping.borrow() {
            return None;
        }
        loop {
            let news = tokio::select! {
                news = self.news.recv() => news,
                () = tokio::time::sleep_until(deadline) => return Some(Reason::Time),
                _ = self.stopping.changed() => return None,
            };
            match news {
                Ok(RunEvent::Changed(change)) if concerns(&change) => {
                    return Some(Reason::Changed(change));
                }
                Ok(RunEvent::Changed(_) | RunEvent::TokenMade { .. }) => {}
                // Something may have been missed: look.
                Ok(RunEvent::Resync) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    return Some(Reason::Anything);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// One event as text.
pub fn event(name: &str, id: Option<i64>, data: &impl Serialize) -> String {
    let mut text = format!("event: {name}\n");
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    // JSON on one line: a line break inside a string is escaped.
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "data: {data}\n\n");
    text
}

/// The answer: a first look at once, then one for every reason.
pub fn stream<S: Source + 'static>(feed: Feed, source: S) -> HttpResponse {
    let open = Some((feed, source, None));
    let events = futures::stream::unfold(open, |state| async move {
        let (mut feed, mut source, mut said): (_, _, Option<Instant>) = state?;
        loop {
            let reason = match said {
                None => Reason::Anything,
                Some(_) => feed.next(|change| source.concerns(change)).await?,
            };
            let text = match source.step(reason).await {
                Step::Send(text) => text,
                Step::Wait if said.is_some_and(|said| said.elapsed() < SILENCE) => continue,
                Step::Wait => ": waiting\n\n".to_owned(),
                Step::End(Some(text)) => return Some((text, None)),
                Step::End(None) => return None,
            };
            said = Some(Instant::now());
            return Some((text, Some((feed, source, said))));
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events.map(|text| Ok::<_, std::io::Error>(Bytes::from(text))))
}
