//! `promotionctl execute`: one confirmed promotion. What is sent is the plan that was shown (or that
//! `--plan` or `--plan-digest` names) and nothing else; the API refuses it when it is no longer that plan.

use std::io::IsTerminal;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arguments::ExecuteArguments;
use crate::client::http::Http;
use crate::client::plan_file;
use crate::client::selection;
use crate::client::watch;
use crate::client::workspace::{Workspace, number, text};
use crate::commands::sync::{finish_start, start_patience};
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::ask::confirmed;
use crate::show::compare::subjects;

/// Runs the command.
pub(crate) async fn execute(arguments: &ExecuteArguments) -> Result<Ending, Failure> {
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !arguments.yes && !asks {
        return Err(Failure::Usage(
            "execute changes the target tenant; without a terminal to ask on it needs --yes"
                .to_owned(),
        ));
    }
    let plan = if let Some(file) = &arguments.plan {
        Some(plan_file::read(file)?)
    } else {
        selection::check(&arguments.selection)?;
        None
    };
    let http = Http::connect(&arguments.client)?.with_patience(start_patience(&arguments.waiting));
    let workspace = Workspace::open(http, &arguments.client).await?;
    let (body, question) = if let Some(plan) = plan {
        let body = request(&plan.selection, &plan.digest, Some(plan.reviewed));
        (body, plan.statement)
    } else {
        let selection = selection::build(&workspace, &arguments.selection).await?;
        if let Some(digest) = &arguments.plan_digest {
            (
                request(&selection, digest, None),
                format!("Carry out plan {digest}."),
            )
        } else {
            let preflight = review(&workspace, &selection).await?;
            if !arguments.yes && preflight.get("executable") != Some(&Value::Bool(true)) {
                show::note("nothing can be executed as things stand");
                return Ok(Ending::Blocked);
            }
            let digest = text(&preflight, "plan_digest");
            (
                request(&selection, digest, Some(reviewed_subjects(&preflight))),
                question(&preflight, arguments.selection.source.as_deref()),
            )
        }
    };
    if !arguments.yes && !confirmed(&question, "Write this to the target tenant?")? {
        show::note("not confirmed; nothing was started");
        return Ok(Ending::Error);
    }
    let made = Uuid::new_v4().to_string();
    let key = arguments.idempotency_key.as_deref().unwrap_or(&made);
    let started = start(&workspace, &body, key).await?;
    let output = arguments.client.output();
    finish_start(&workspace, &started, &arguments.waiting, output).await
}

/// Shows a preflight on standard error.
async fn review(workspace: &Workspace, selection: &Value) -> Result<Value, Failure> {
    let preflight = workspace
        .post("/cross-tenant-compare/preflight", selection)
        .await?;
    show::note(&show::preflight::render(&preflight));
    Ok(preflight)
}

/// The confirmed request: the selection, the plan, and what was reviewed of it.
pub(crate) fn request(selection: &Value, plan_digest: &str, reviewed: Option<Value>) -> Value {
    let mut body = selection.as_object().cloned().unwrap_or_default();
    body.insert("plan_digest".to_owned(), json!(plan_digest));
    body.insert("confirm".to_owned(), json!(true));
    if let Some(reviewed) = reviewed {
        body.insert("reviewed".to_owned(), reviewed);
    }
    Value::Object(body)
}

/// The revisions of the ready subjects: what exactly would be written, as it was shown.
pub(crate) fn reviewed_subjects(preflight: &Value) -> Value {
    subjects(preflight)
        .filter(|subject| text(subject, "readiness") == "ready")
        .map(|subject| {
            json!({
                "subject_key": text(subject, "subject_key"),
                "revision": text(subject, "revision"),
            })
        })
        .collect()
}

/// Sends the start under its key; the start result.
pub(crate) async fn start(
    workspace: &Workspace,
    body: &Value,
    idempotency_key: &str,
) -> Result<Value, Failure> {
    workspace
        .send(
            Method::POST,
            "/cross-tenant-compare/execute",
            Some(body),
            Some(("idempotency-key", idempotency_key)),
        )
        .await
}

/// What a person confirms: what is written where, from where, and what is left out.
fn question(preflight: &Value, source: Option<&str>) -> String {
    let statement = preflight
        .pointer("/mutation_scope/statement")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let from = source.map_or_else(String::new, |source| format!(" From {source}."));
    let left_out: Vec<String> = [
        ("blocked", "blocked"),
        ("manual_mapping_required", "waiting for a mapping"),
        ("unchanged", "unchanged"),
    ]
    .into_iter()
    .filter_map(|(member, words)| {
        let count = number(preflight, &format!("/summary/{member}"));
        (count > 0).then(|| format!("{count} {words}"))
    })
    .collect();
    if left_out.is_empty() {
        return format!("{statement}{from}");
    }
    format!("{statement}{from} Left out: {}.", left_out.join(", "))
}

/// Waits for a run, known by its id alone: the API may be away just now. Also used by `sync`.
pub(crate) async fn wait_for(
    workspace: &Workspace,
    id: &str,
    limit: std::time::Duration,
) -> Result<Value, Failure> {
    let mut progress = show::progress::Progress::new();
    watch::watch(workspace, id, limit, &mut progress).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_with_everything_that_matters() {
        let preflight = json!({
            "mutation_scope": {"statement": "Create 2 policies in Fabrikam."},
            "summary": {"ready": 2, "blocked": 1, "manual_mapping_required": 3, "unchanged": 0},
        });
        assert_eq!(
            question(&preflight, Some("Contoso")),
            "Create 2 policies in Fabrikam. From Contoso. Left out: 1 blocked, 3 waiting for a mapping."
        );
    }

    #[test]
    fn only_ready_subjects_are_named_as_reviewed() {
        let preflight = json!({"subjects": [
            {"subject_key": "a", "readiness": "ready", "revision": "r1"},
            {"subject_key": "b", "readiness": "blocked", "revision": null},
        ]});
        assert_eq!(
            request(
                &json!({"source_tenant_id": "s"}),
                "sha256:1",
                Some(reviewed_subjects(&preflight))
            ),
            json!({"source_tenant_id": "s", "plan_digest": "sha256:1", "confirm": true,
                "reviewed": [{"subject_key": "a", "revision": "r1"}]})
        );
    }
}
