//! Follows a run to its end over its event stream; when the stream breaks, asks and opens it again.
//! Never concludes anything about a run but from what the API says of it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::client::events::EventReader;
use crate::client::http::escape;
use crate::client::workspace::{Workspace, text};
use crate::ending::{Ending, Failure};
use crate::show::progress::Progress;
use crate::show::{clean, duration, note};

/// A stream that stays silent for this long is opened anew.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest time one look at a run may take, the client's own repetitions included.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks at a run.
const BETWEEN: Duration = Duration::from_secs(1);
/// Between two tries while the API is away.
const LONGEST: Duration = Duration::from_secs(5);

/// Follows the run until it is completed or the time is over; the completed run.
pub(crate) async fn watch(
    workspace: &Workspace,
    run_id: &str,
    limit: Duration,
    progress: &mut Progress,
) -> Result<Value, Failure> {
    let start = Instant::now();
    let deadline = start
        .checked_add(limit)
        .unwrap_or(start + Duration::from_hours(24 * 365));
    let tail = format!("/operation-runs/{}", escape(run_id));
    let mut last_event_id: Option<String> = None;
    let mut outage = Outage::default();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A look that takes this long is an outage that is said, not one that is waited through.
        let look = timeout_at(deadline.min(Instant::now() + LOOK), workspace.get(&tail));
        let asked = look.await;
        let pause = match asked {
            Ok(Ok(run)) => {
                outage.over();
                progress.show(&run);
                if is_completed(&run) {
                    return Ok(run);
                }
                let stream = follow(workspace, &tail, &mut last_event_id, progress);
                match timeout_at(deadline, stream).await {
                    Ok(Ok(Some(run))) => return Ok(run),
                    // The stream ended or broke: the run itself says where it stands.
                    Ok(Ok(None)) => {}
                    Ok(Err(failure)) if passes(&failure) => {}
                    Ok(Err(failure)) => return Err(failure),
                    Err(_) => return Err(timed_out(run_id, start)),
                }
                BETWEEN
            }
            Ok(Err(failure)) if passes(&failure) => outage.goes_on(&failure.to_string(), left),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => outage.goes_on("the API takes its time", left),
        };
        if Instant::now() >= deadline {
            return Err(timed_out(run_id, start));
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
    }
}

fn timed_out(run_id: &str, start: Instant) -> Failure {
    Failure::TimedOut {
        run: run_id.to_owned(),
        waited: start.elapsed(),
    }
}

/// The API does not answer: a restart, a proxy between two of them. The run goes on meanwhile, so
/// that the time given decides and nothing else.
#[derive(Debug, Default)]
struct Outage {
    tries: u32,
}

impl Outage {
    /// Says so, once; the pause before the next try.
    fn goes_on(&mut self, why: &str, left: Duration) -> Duration {
        if self.tries == 0 {
            note(&format!(
                "{}; the run goes on, trying again for {}",
                clean(why),
                duration(left)
            ));
        }
        self.tries = self.tries.saturating_add(1);
        BETWEEN.saturating_mul(self.tries).min(LONGEST)
    }

    fn over(&mut self) {
        if self.tries > 0 {
            note("the API answers again");
        }
        self.tries = 0;
    }
}

/// Reads one stream; the completed run, or nothing when the stream ended before.
async fn follow(
    workspace: &Workspace,
    tail: &str,
    last_event_id: &mut Option<String>,
    progress: &mut Progress,
) -> Result<Option<Value>, Failure> {
    let path = workspace.path(&format!("{tail}/events"));
    let opening = workspace.http.open_events(&path, last_event_id.as_deref());
    let Ok(opened) = tokio::time::timeout(SILENCE, opening).await else {
        return Ok(None);
    };
    let mut answer = opened?;
    let mut reader = EventReader::default();
    loop {
        let Ok(piece) = tokio::time::timeout(SILENCE, answer.chunk()).await else {
            return Ok(None);
        };
        let piece = piece.map_err(|source| Failure::Unreachable {
            url: workspace.http.url(&path),
            source,
        })?;
        let Some(piece) = piece else {
            return Ok(None);
        };
        for event in reader.push(&piece) {
            last_event_id.clone_from(&event.id);
            if event.name != "run" {
                continue;
            }
            let run: Value = serde_json::from_str(&event.data)?;
            progress.show(&run);
            if is_completed(&run) {
                return Ok(Some(run));
            }
        }
    }
}

/// Whether it is worth asking again.
fn passes(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable { .. } | Failure::Unexpected { .. } => true,
        Failure::Refused(problem) => {
            matches!(
                text(problem, "code"),
                "unavailable" | "rate_limited" | "internal_error"
            )
        }
        _ => false,
    }
}

fn is_completed(run: &Value) -> bool {
    text(run, "status") == "completed"
}

/// The exit code of a completed run.
pub(crate) fn ending_of(run: &Value) -> Ending {
    if text(run, "outcome") == "succeeded" {
        Ending::Done
    } else {
        Ending::NotSucceeded
    }
}
