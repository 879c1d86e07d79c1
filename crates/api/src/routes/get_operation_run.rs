//! One run. `Prefer: wait=N` holds the answer until it is terminal, up to 60 seconds.

use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::runs::RunRow;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
use crate::event_stream::{Feed, Reason};
use crate::problem::Problem;
use crate::wire::run::{OperationRunView, run_view};

/// The longest an answer is held.
const LONGEST: u64 = 60;

/// A run of the workspace if the caller may see it: 404, or 403 when only the capability lacks.
pub async fn load_visible_run(
    call: &Call,
    caller: &Caller,
    run_id: Uuid,
) -> Result<RunRow, Problem> {
    let (workspace_id, visible) = (caller.workspace_id, caller.visible_tenants());
    let found = call
        .run(move |conn| {
            store::runs::find_visible_run(conn, workspace_id, run_id, visible.as_deref())
        })
        .await?;
    let run = found.ok_or_else(Problem::not_found)?;
    if !caller.can_on(run.tenant_id, Capability::OperationRunView) {
        return Err(Problem::capability_denied(Capability::OperationRunView));
    }
    Ok(run)
}

#[utoipa::path(
    tag = "runs",
    operation_id = "get_operation_run",
    summary = "One operation run",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("operation_run_id" = Uuid, Path, description = "Run"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: hold the answer until terminal, up to 60 s")
    ),
    responses((status = 200, description = "The run", body = OperationRunView))
)]
#[get("/v1/workspaces/{workspace_id}/operation-runs/{operation_run_id}")]
pub async fn get_operation_run(call: Call) -> Result<HttpResponse, Problem> {
    let mut caller = call.in_workspace().await?;
    call.no_parameters()?;
    let run_id = call.path_id("operation_run_id")?;
    let wait = preferred_wait(&call)?;
    // Listened to before the first look: no change can fall between.
    let mut feed = Feed::of(&call);
    let mut run = load_visible_run(&call, &caller, run_id).await?;
    if let Some(seconds) = wait
        && run.status != "completed"
    {
        let place = call.place(&caller)?;
        let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
        loop {
            let next = feed.next(|change| change.run_id == run_id);
            let Ok(Some(reason)) = tokio::time::timeout_at(end, next).await else {
                break;
            };
            // Whoever lost the right meanwhile gets the refusal that a new request gets.
            caller = match place.caller(&call).await {
                Some(caller) => caller,
                None => call.in_workspace().await?,
            };
            if matches!(reason, Reason::Time)
                && caller.can_on(run.tenant_id, Capability::OperationRunView)
            {
                continue;
            }
            run = load_visible_run(&call, &caller, run_id).await?;
            if run.status == "completed" {
                break;
            }
        }
    }
    let mut response = HttpResponse::Ok();
    if run.status != "completed" {
        response.insert_header((header::RETRY_AFTER, "2"));
    }
    if let Some(seconds) = wait
        && let Ok(value) = HeaderValue::from_str(&format!("wait={seconds}"))
    {
        response.insert_header((HeaderName::from_static("preference-applied"), value));
    }
    Ok(response.json(run_view(run, &caller)))
}

/// `wait` of the Prefer header (RFC 7240): other preferences and unusable values are ignored.
fn preferred_wait(call: &Call) -> Result<Option<u64>, Problem> {
    let Some(text) = call.header("Prefer")? else {
        return Ok(None);
    };
    Ok(wait_of(text))
}

fn wait_of(text: &str) -> Option<u64> {
    text.split(',')
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("wait") {
                return None;
            }
            value.trim().trim_matches('"').parse::<u64>().ok()
        })
        .map(|seconds| seconds.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::wait_of;

    #[test]
    fn the_wait_preference_is_read_and_bounded() {
        assert_eq!(wait_of("wait=10"), Some(10));
        assert_eq!(wait_of("respond-async, Wait=\"7\""), Some(7));
        assert_eq!(wait_of("wait=600"), Some(60));
        assert_eq!(wait_of("wait=-1"), None);
        assert_eq!(wait_of("respond-async"), None);
    }
}
