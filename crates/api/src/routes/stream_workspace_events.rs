//! Runs of a workspace as they are queued and as they end, from now on.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::events::RunChange;

use crate::call::Call;
use crate::event_stream::{Feed, Reason, Source, Step, event, stream};
use crate::problem::Problem;
use crate::streams::Place;
use crate::wire::run::run_view;

#[utoipa::path(
    tag = "runs",
    operation_id = "stream_workspace_events",
    summary = "Live events of a workspace",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    responses((status = 200, description = "Events `run_enqueued` and `run_completed`", body = String, content_type = "text/event-stream"))
)]
#[get("/v1/workspaces/{workspace_id}/events")]
pub async fn stream_workspace_events(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let feed = Feed::of(&call);
    let workspace_id = caller.workspace_id;
    let place = call.place(&caller)?;
    let runs = Runs {
        call,
        place,
        workspace_id,
    };
    Ok(stream(feed, runs))
}

struct Runs {
    call: Call,
    place: Place,
    workspace_id: uuid::Uuid,
}

impl Source for Runs {
    fn concerns(&self, change: &RunChange) -> bool {
        let enqueued = change.status == "queued" && change.revision == 1;
        change.workspace_id == self.workspace_id && (enqueued || change.status == "completed")
    }

    async fn step(&mut self, reason: Reason) -> Step {
        // Every event and every few seconds: may the caller still listen, and see this run?
        let Some(caller) = self.place.caller(&self.call).await else {
            return Step::End(None);
        };
        let Reason::Changed(change) = reason else {
            return Step::Wait;
        };
        if !caller.can_on(change.tenant_id, Capability::OperationRunView) {
            return Step::Wait;
        }
        let (workspace_id, run_id) = (self.workspace_id, change.run_id);
        let found = self
            .call
            .run(move |conn| store::runs::find_run(conn, workspace_id, run_id))
            .await;
        let Ok(Some(run)) = found else {
            return Step::Wait;
        };
        let name = if change.status == "completed" {
            "run_completed"
        } else {
            "run_enqueued"
        };
        Step::Send(event(name, None, &run_view(run, &caller)))
    }
}
