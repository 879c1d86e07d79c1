//! `promotionctl sync`: captures one tenant's inventory. Also holds how every started run is
//! reported, waited for and turned into an exit code.

use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::{Output, SyncArguments, WaitingArguments};
use crate::client::http::{Http, escape};
use crate::client::watch::ending_of;
use crate::client::workspace::{Workspace, text};
use crate::commands::execute::wait_for;
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn sync(arguments: &SyncArguments) -> Result<Ending, Failure> {
    let http = Http::connect(&arguments.client)?.with_patience(start_patience(&arguments.waiting));
    let workspace = Workspace::open(http, &arguments.client).await?;
    let tenant = workspace.tenant_id(&arguments.tenant).await?;
    let started = start(&workspace, &tenant, &arguments.types).await?;
    let output = arguments.client.output();
    finish_start(&workspace, &started, &arguments.waiting, output).await
}

/// Starts a capture; the start result.
pub(crate) async fn start(
    workspace: &Workspace,
    tenant: &str,
    types: &[String],
) -> Result<Value, Failure> {
    let body = if types.is_empty() {
        json!({})
    } else {
        json!({"policy_types": types})
    };
    let tail = format!("/tenants/{}/inventory-syncs", escape(tenant));
    workspace.post(&tail, &body).await
}

/// How long a start may be retried: not longer than the caller waits at all.
pub(crate) fn start_patience(waiting: &WaitingArguments) -> Duration {
    waiting.timeout.min(Duration::from_mins(2))
}

/// Reports a start and, when asked, waits for the end.
pub(crate) async fn finish_start(
    workspace: &Workspace,
    started: &Value,
    waiting: &WaitingArguments,
    output: Output,
) -> Result<Ending, Failure> {
    let run = started
        .get("operation_run")
        .ok_or(Failure::Incomplete("operation_run"))?;
    let id = text(run, "id");
    show::note(&format!(
        "{}: run {id}",
        show::clean(text(started, "result"))
    ));
    if !waiting.wait {
        show::answer(output, started, || id.to_owned())?;
        return Ok(Ending::Done);
    }
    let run = wait_for(workspace, id, waiting.timeout).await?;
    report(workspace, &run, output).await?;
    Ok(ending_of(&run))
}

/// Prints a completed run and the subjects that did not succeed.
pub(crate) async fn report(
    workspace: &Workspace,
    run: &Value,
    output: Output,
) -> Result<(), Failure> {
    if output != Output::Table {
        return show::answer(output, run, String::new);
    }
    let tenants = workspace.tenant_names().await?;
    show::data(&show::run::render(run, &tenants))?;
    let tail = format!("/operation-runs/{}/items", escape(text(run, "id")));
    let items = workspace.list(&tail, &[], usize::MAX).await?;
    let unsuccessful = show::run::items(&items, false);
    if !unsuccessful.is_empty() {
        show::data(&unsuccessful)?;
    }
    Ok(())
}
