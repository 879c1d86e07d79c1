//! `promotionctl runs list|show|watch|cancel`: the operation runs of a workspace.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::arguments::{Group, Output, RunsCommand};
use crate::client::http::{Http, escape};
use crate::client::watch::ending_of;
use crate::client::workspace::Workspace;
use crate::commands::execute::wait_for;
use crate::commands::sync::report;
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::columns::TenantNames;

/// Runs the command.
pub(crate) async fn runs(group: &Group<RunsCommand>) -> Result<Ending, Failure> {
    let client = &group.client;
    let workspace = Workspace::open(Http::connect(client)?, client).await?;
    let output = client.output();
    match &group.command {
        RunsCommand::List {
            operation_type,
            status,
            tenant,
            limit,
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
            list(&workspace, &query, *limit, output).await
        }
        RunsCommand::Show { run, items } => show(&workspace, run, *items, output).await,
        RunsCommand::Watch { run, timeout } => watch(&workspace, run, *timeout, output).await,
        RunsCommand::Cancel { run } => cancel(&workspace, run, output).await,
    }
}

async fn list(
    workspace: &Workspace,
    query: &[(&str, String)],
    limit: u32,
    output: Output,
) -> Result<Ending, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let runs = workspace.list("/operation-runs", query, limit).await?;
    let tenants = named(workspace, output).await?;
    let list = json!({"items": runs, "next_cursor": null});
    show::answer(output, &list, || show::run::list(&runs, &tenants))?;
    Ok(Ending::Done)
}

/// The names of tenants, which only people want.
async fn named(workspace: &Workspace, output: Output) -> Result<TenantNames, Failure> {
    if output == Output::Table {
        return workspace.tenant_names().await;
    }
    Ok(TenantNames::new())
}

fn path_of(run: &str) -> String {
    format!("/operation-runs/{}", escape(run))
}

async fn show(
    workspace: &Workspace,
    id: &str,
    with_items: bool,
    output: Output,
) -> Result<Ending, Failure> {
    let run = workspace.get(&path_of(id)).await?;
    if output != Output::Table && !with_items {
        show::answer(output, &run, String::new)?;
        return Ok(Ending::Done);
    }
    let tail = format!("{}/items", path_of(id));
    let items = workspace.list(&tail, &[], usize::MAX).await?;
    let tenants = named(workspace, output).await?;
    let list = json!({"items": items, "next_cursor": null});
    show::answer(output, &list, || {
        let shown = show::run::items(&items, with_items);
        format!("{}{shown}", show::run::render(&run, &tenants))
    })?;
    Ok(Ending::Done)
}

async fn watch(
    workspace: &Workspace,
    id: &str,
    limit: Duration,
    output: Output,
) -> Result<Ending, Failure> {
    let run = wait_for(workspace, id, limit).await?;
    report(workspace, &run, output).await?;
    Ok(ending_of(&run))
}

async fn cancel(workspace: &Workspace, id: &str, output: Output) -> Result<Ending, Failure> {
    let tail = format!("{}/cancel", path_of(id));
    let run: Value = workspace.send(Method::POST, &tail, None, None).await?;
    let tenants = named(workspace, output).await?;
    show::answer(output, &run, || show::run::render(&run, &tenants))?;
    Ok(Ending::Done)
}
