//! The story of one promotion, told through the API: tenants, capture, compare, preflight, execute,
//! compare again, and the proof.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arguments::DemoArguments;
use crate::client::workspace::{Workspace, number, text};
use crate::commands::execute::{request, reviewed_subjects, start, wait_for};
use crate::commands::sync;
use crate::demo::graph::Figures;
use crate::demo::installation::{Installation, SOURCE, TARGET};
use crate::demo::narrator::Narrator;
use crate::demo::report::Report;
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::count;

/// The longest a sync or a promotion may take here.
const LONGEST_RUN: Duration = Duration::from_mins(30);

/// Tells it all; `Done` only when every ready subject was verified.
pub(crate) async fn tell(
    installation: &mut Installation,
    arguments: &DemoArguments,
    narrator: Narrator,
) -> Result<Ending, Failure> {
    let began = Instant::now();
    let real = arguments.source_export.is_some() || arguments.target_export.is_some();
    if real && arguments.target_export.is_none() {
        installation.graph.provision(TARGET, SOURCE).await?;
    }
    let workspace = &installation.workspace;

    narrator.step("Two tenants and their connections");
    let names = if real {
        ["Source", "Target"]
    } else {
        ["Contoso Lab", "Fabrikam"]
    };
    let source = add_tenant(workspace, names[0], SOURCE).await?;
    let target = add_tenant(workspace, names[1], TARGET).await?;
    narrator.line(&format!("   source {} and target {}", names[0], names[1]));

    let tenants = workspace.tenant_names().await?;

    narrator.step("Capture both tenants");
    for (name, tenant) in names.iter().zip([&source, &target]) {
        let run = capture(workspace, tenant).await?;
        narrator.line(&format!(
            "   {name}: {}, {}",
            text(&run, "outcome"),
            count(number(&run, "/summary_counts/total"), "type", "types")
        ));
    }

    // Real exports carry assignments worth moving; the builtin target keeps its own.
    let carried = if real { "map" } else { "keep_target" };
    let selection = json!({
        "source_tenant_id": source,
        "target_tenant_id": target,
        "options": {"assignments": carried, "scope_tags": carried},
    });
    narrator.step("Compare");
    let before = workspace.post("/cross-tenant-compare", &selection).await?;
    narrator.line(&show::compare::counts(&before));

    narrator.step("Preflight: what would be written, what is held back and why");
    let preflight = preflight(workspace, &selection).await?;
    narrator.line(&show::preflight::overview(&preflight));
    narrator.line(&show::preflight::held_back(&preflight));

    narrator.step("Execute: one confirmed plan, one queued run");
    let run = promote(workspace, &selection, &preflight, narrator).await?;
    narrator.line(&show::run::render(&run, &tenants));
    say_unsuccessful(workspace, &run, narrator).await?;

    narrator.step("Compare again, without another sync");
    let after = workspace.post("/cross-tenant-compare", &selection).await?;
    narrator.line(&show::compare::counts(&after));

    narrator.step("A second execute has nothing left to do");
    let second_refusal = execute_again(workspace, &selection).await?;
    narrator.line(&format!("   refused: {second_refusal}"));

    let figures = installation.graph.figures(SOURCE, TARGET).await?;
    let report = Report {
        preflight: &preflight,
        run: &run,
        after: &after,
        second_refusal: &second_refusal,
        figures: &figures,
        urls: &installation.urls,
        seconds: began.elapsed().as_secs_f64(),
    };
    conclude(installation, &report, arguments.keep, narrator);
    if arguments.json {
        show::json(&report.to_json())?;
    }
    if report.faults().is_empty() {
        return Ok(Ending::Done);
    }
    Ok(Ending::NotSucceeded)
}

/// Adds a tenant and its connection; our id.
async fn add_tenant(workspace: &Workspace, name: &str, entra: &str) -> Result<String, Failure> {
    let body = json!({"display_name": name, "entra_tenant_id": entra});
    let tenant = workspace.post("/tenants", &body).await?;
    let id = text(&tenant, "id").to_owned();
    let connection = json!({
        "cloud": "global",
        "client_id": "4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64",
        "credential": {"kind": "client_secret", "client_secret": Uuid::new_v4().to_string()},
    });
    let tail = format!("/tenants/{id}/connection");
    workspace
        .send(Method::PUT, &tail, Some(&connection), None)
        .await?;
    Ok(id)
}

async fn capture(workspace: &Workspace, tenant: &str) -> Result<Value, Failure> {
    let started = sync::start(workspace, tenant, &[]).await?;
    let run = started
        .get("operation_run")
        .ok_or(Failure::Incomplete("operation_run"))?;
    let run = wait_for(workspace, text(run, "id"), LONGEST_RUN).await?;
    if text(&run, "outcome") != "succeeded" {
        let tail = format!("/operation-runs/{}/items", text(&run, "id"));
        let items = workspace.list(&tail, &[], usize::MAX).await?;
        return Err(Failure::Demo(format!(
            "the capture ended {} {}\n{}",
            text(&run, "outcome"),
            text(&run, "outcome_reason"),
            show::run::items(&items, false)
        )));
    }
    Ok(run)
}

async fn preflight(workspace: &Workspace, selection: &Value) -> Result<Value, Failure> {
    let tail = "/cross-tenant-compare/preflight";
    workspace.post(tail, selection).await
}

fn execute_body(selection: &Value, preflight: &Value) -> Value {
    request(
        selection,
        text(preflight, "plan_digest"),
        Some(reviewed_subjects(preflight)),
    )
}

async fn promote(
    workspace: &Workspace,
    selection: &Value,
    preflight: &Value,
    narrator: Narrator,
) -> Result<Value, Failure> {
    let body = execute_body(selection, preflight);
    let started = start(workspace, &body, &Uuid::new_v4().to_string()).await?;
    let run = started
        .get("operation_run")
        .ok_or(Failure::Incomplete("operation_run"))?;
    narrator.line(&format!(
        "   {}: run {}",
        text(&started, "result"),
        text(run, "id")
    ));
    wait_for(workspace, text(run, "id"), LONGEST_RUN).await
}

async fn say_unsuccessful(
    workspace: &Workspace,
    run: &Value,
    narrator: Narrator,
) -> Result<(), Failure> {
    let tail = format!("/operation-runs/{}/items", text(run, "id"));
    let items = workspace.list(&tail, &[], usize::MAX).await?;
    let unsuccessful = show::run::items(&items, false);
    if !unsuccessful.is_empty() {
        narrator.line(&unsuccessful);
    }
    Ok(())
}

/// Asks for the same again; the code of the refusal, or what was answered instead.
async fn execute_again(workspace: &Workspace, selection: &Value) -> Result<String, Failure> {
    let preflight = preflight(workspace, selection).await?;
    if preflight.get("executable") != Some(&json!(false)) {
        return Ok("the second preflight is executable".to_owned());
    }
    let body = execute_body(selection, &preflight);
    match start(workspace, &body, &Uuid::new_v4().to_string()).await {
        Ok(started) => Ok(text(&started, "result").to_owned()),
        Err(Failure::Refused(problem)) => {
            let reasons = problem.get("reasons").and_then(Value::as_array);
            let codes: Vec<&str> = reasons
                .into_iter()
                .flatten()
                .map(|reason| text(reason, "code"))
                .collect();
            Ok(codes.join(", "))
        }
        Err(failure) => Err(failure),
    }
}

fn conclude(installation: &Installation, report: &Report<'_>, keep: bool, narrator: Narrator) {
    let (ready, verified) = report.ready_and_matching();
    let Figures {
        source_reads,
        source_writes,
        target_writes,
        refused,
        creates,
        duplicates,
        ..
    } = report.figures;
    narrator.step("The proof");
    narrator.line(&format!(
        "   ready {ready}, verified and matching {verified}\n   \
         source tenant: {source_reads} reads, {source_writes} writes\n   \
         target tenant: {target_writes} writes, {refused} refused, {creates} created, {duplicates} duplicates\n   \
         {:.1} s",
        report.seconds
    ));
    let Installation {
        urls,
        token,
        workspace_id,
        ..
    } = installation;
    narrator.line(&format!(
        "\n   API documentation  {}/docs\n   the run            {}/v1/workspaces/{workspace_id}/operation-runs/{}\n   the journal        {}/__sim/journal?writes_only=true",
        urls.api,
        urls.api,
        text(report.run, "id"),
        urls.graph
    ));
    if keep {
        narrator.line(&format!(
            "   try                PROMOTION_API_URL={} PROMOTION_WORKSPACE={workspace_id} PROMOTION_TOKEN={token} promotionctl runs list",
            urls.api
        ));
    } else {
        narrator.line("   (they end with the demo; add --keep to leave everything running)");
    }
    let faults = report.faults();
    if faults.is_empty() {
        narrator.line("\nEvery ready subject landed once, was read back and matches.");
        return;
    }
    narrator.line("\nThe demo did not prove what it should:");
    for fault in faults {
        narrator.line(&format!("   {fault}"));
    }
}
