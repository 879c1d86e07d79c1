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

/// A stream that stays silent for this long is opened anew.
const SILENCE: Duration = Duration::from_secs(30);

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
    loop {
        let run = workspace.get(&tail).await?;
        progress.show(&run);
        if is_completed(&run) {
            return Ok(run);
        }
        let followed = timeout_at(
            deadline,
            follow(workspace, &tail, &mut last_event_id, progress),
        );
        match followed.await {
            Ok(Ok(Some(run))) => return Ok(run),
            // The stream ended or broke: the run itself says where it stands.
            Ok(Ok(None)) => {}
            Ok(Err(failure)) if passes(&failure) => {}
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {
                return Err(Failure::TimedOut {
                    run: run_id.to_owned(),
                    waited: start.elapsed(),
                });
            }
        }
        let pause = deadline.min(Instant::now() + Duration::from_secs(1));
        tokio::time::sleep_until(pause).await;
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
    let mut answer = workspace
        .http
        .open_events(&path, last_event_id.as_deref())
        .await?;
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
