//! `promotionctl runs list|show|watch|cancel`: the operation runs of a workspace.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::arguments::RunsCommand;
use crate::client::http::{Http, escape};
use crate::client::watch::ending_of;
use crate::client::workspace::Workspace;
use crate::commands::execute::wait_for;
use crate::commands::sync::report;
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn runs(command: &RunsCommand) -> Result<Ending, Failure> {
    let workspace = Workspace::open(Http::from_environment()?, None).await?;
    match command {
        RunsCommand::List {
            operation_type,
            status,
            tenant,
            limit,
            json,
        } => {
            let mut query = Vec::new();
            if let Some(operation_type) = operation_type {
                query.push(("type", operation_type.clone()));
            }
            if let Some(status) = status {
                query.push(("status", status.clone()));
            }
            if let Some(tenant) = tenant {
                query.push(("tenant_id", workspace.tenant_id(tenant).await?));
            }
            list(&workspace, &query, *limit, *json).await
        }
        RunsCommand::Show { run, items, json } => show(&workspace, run, *items, *json).await,
        RunsCommand::Watch { run, timeout, json } => watch(&workspace, run, *timeout, *json).await,
        RunsCommand::Cancel { run, json } => cancel(&workspace, run, *json).await,
    }
}

async fn list(
    workspace: &Workspace,
    query: &[(&str, String)],
    limit: u32,
    json: bool,
) -> Result<Ending, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let runs = workspace.list("/operation-runs", query, limit).await?;
    if json {
        show::json(&json!({"items": runs, "next_cursor": null}))?;
    } else {
        show::data(&show::run::list(&runs))?;
    }
    Ok(Ending::Done)
}

fn path_of(run: &str) -> String {
    format!("/operation-runs/{}", escape(run))
}

async fn show(
    workspace: &Workspace,
    id: &str,
    with_items: bool,
    json: bool,
) -> Result<Ending, Failure> {
    let run = workspace.get(&path_of(id)).await?;
    if json && !with_items {
        show::json(&run)?;
        return Ok(Ending::Done);
    }
    let tail = format!("{}/items", path_of(id));
    let items = workspace.list(&tail, &[], usize::MAX).await?;
    if json {
        show::json(&json!({"items": items, "next_cursor": null}))?;
        return Ok(Ending::Done);
    }
    show::data(&show::run::render(&run))?;
    let shown = show::run::items(&items, with_items);
    if !shown.is_empty() {
        show::data(&shown)?;
    }
    Ok(Ending::Done)
}

async fn watch(
    workspace: &Workspace,
    id: &str,
    limit: Duration,
    json: bool,
) -> Result<Ending, Failure> {
    let run = wait_for(workspace, id, limit).await?;
    report(workspace, &run, json).await?;
    Ok(ending_of(&run))
}

async fn cancel(workspace: &Workspace, id: &str, json: bool) -> Result<Ending, Failure> {
    let tail = format!("{}/cancel", path_of(id));
    let run: Value = workspace.send(Method::POST, &tail, None, None).await?;
    if json {
        show::json(&run)?;
    } else {
        show::data(&show::run::render(&run))?;
    }
    Ok(Ending::Done)
}
