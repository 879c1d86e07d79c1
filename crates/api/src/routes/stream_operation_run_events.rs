//! A run as it changes: server-sent events `run`, the whole run each time, until it is terminal.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::events::RunChange;
use uuid::Uuid;

use super::get_operation_run::load_visible_run;
use crate::call::Call;
use crate::event_stream::{Feed, Reason, Source, Step, event, stream};
use crate::problem::Problem;
use crate::streams::Place;
use crate::wire::run::run_view;

#[utoipa::path(
    tag = "runs",
    operation_id = "stream_operation_run_events",
    summary = "Live events of a run",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("operation_run_id" = Uuid, Path, description = "Run"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last revision seen")
    ),
    responses((status = 200, description = "Events `run`; `id` is the revision", body = String, content_type = "text/event-stream"))
)]
#[get("/v1/workspaces/{workspace_id}/operation-runs/{operation_run_id}/events")]
pub async fn stream_operation_run_events(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let run_id = call.path_id("operation_run_id")?;
    let last: Option<i64> = call
        .header("Last-Event-ID")?
        .and_then(|text| text.trim().parse().ok());
    // Subscribed before the first look: no change can fall between.
    let feed = Feed::of(&call);
    let run = load_visible_run(&call, &caller, run_id).await?;
    let place = call.place(&caller)?;
    let one = OneRun {
        call,
        place,
        run_id,
        tenant_id: run.tenant_id,
        last,
        looked: Instant::now(),
    };
    Ok(stream(feed, one))
}

/// News may get lost without a trace, if only by a defect: the run itself is read this often.
const READ: Duration = Duration::from_secs(30);

struct OneRun {
    call: Call,
    place: Place,
    run_id: Uuid,
    tenant_id: Uuid,
    last: Option<i64>,
    looked: Instant,
}

impl Source for OneRun {
    fn concerns(&self, change: &RunChange) -> bool {
        change.run_id == self.run_id
    }

    /// Looks at the run and at the caller's access; whatever ends it ends the stream.
    async fn step(&mut self, reason: Reason) -> Step {
        let Some(caller) = self.place.caller(&self.call).await else {
            return Step::End(None);
        };
        if !caller.can_on(self.tenant_id, Capability::OperationRunView) {
            return Step::End(None);
        }
        if matches!(reason, Reason::Time) && self.looked.elapsed() < READ {
            return Step::Wait;
        }
        let Ok(run) = load_visible_run(&self.call, &caller, self.run_id).await else {
            return Step::End(None);
        };
        self.looked = Instant::now();
        let over = run.status == "completed";
        let revision = run.revision;
        if self.last.is_some_and(|last| last >= revision) {
            return if over { Step::End(None) } else { Step::Wait };
        }
        self.last = Some(revision);
        let text = event("run", Some(revision), &run_view(run, &caller));
        if over {
            Step::End(Some(text))
        } else {
            Step::Send(text)
        }
    }
}
