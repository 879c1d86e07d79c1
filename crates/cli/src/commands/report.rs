//! `promotionctl report`: a run, or the plan that a preflight left, for a change ticket. A plan is
//! reported from its file alone: what was reviewed, not what a preflight would say now.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::arguments::{ReportArguments, ReportForm};
use crate::client::http::{Http, escape};
use crate::client::selection;
use crate::client::workspace::{Workspace, text};
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::columns::{TenantNames, moment, plain};
use crate::show::compare::subjects;
use crate::show::report::{Report, Section};
use crate::show::run::{counts, ends};

/// Runs the command.
pub(crate) async fn report(arguments: &ReportArguments) -> Result<Ending, Failure> {
    let report = match (&arguments.run, &arguments.preflight) {
        (Some(run), _) => {
            let client = &arguments.client;
            let workspace = Workspace::open(Http::connect(client)?, client).await?;
            let tail = format!("/operation-runs/{}", escape(run));
            let run = workspace.get(&tail).await?;
            let items = workspace
                .list(&format!("{tail}/items"), &[], usize::MAX)
                .await?;
            of_run(&run, &items, &workspace.tenant_names().await?)
        }
        (None, Some(file)) => of_plan(&Value::Object(selection::read(file)?))?,
        (None, None) => {
            return Err(Failure::Usage("give --run or --preflight".to_owned()));
        }
    };
    let written = match arguments.format {
        ReportForm::Markdown => report.markdown(),
        ReportForm::Html => report.html(),
    };
    match &arguments.out {
        None => show::data(&written)?,
        Some(file) => write(file, &written)?,
    }
    Ok(Ending::Done)
}

/// Whole or not at all.
fn write(file: &Path, written: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", file.display()));
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut unfinished = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let settled = show::settled(written);
    unfinished.write_all(settled.as_bytes()).map_err(failed)?;
    unfinished
        .persist(file)
        .map_err(|error| failed(error.error))?;
    show::note(&format!("the report is in {}", file.display()));
    Ok(())
}

fn of_run(run: &Value, items: &[Value], tenants: &TenantNames) -> Report {
    let [source, target] = ends(run, tenants);
    let initiator = run
        .pointer("/initiator/display_name")
        .unwrap_or(&Value::Null);
    let digest = run.pointer("/context/plan_digest").unwrap_or(&Value::Null);
    let rows = items.iter().map(|item| {
        let why = [text(item, "reason_code"), text(item, "message")];
        let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
        let requests = item.get("graph_request_ids").unwrap_or(&Value::Null);
        vec![
            text(item, "policy_type").to_owned(),
            text(item, "display_name").to_owned(),
            text(item, "action").to_owned(),
            text(item, "outcome").to_owned(),
            why.join(": "),
            plain(requests),
        ]
    });
    Report {
        title: format!("{}: {}", text(run, "type_label"), text(run, "outcome")),
        facts: vec![
            ("Run", text(run, "id").to_owned()),
            ("Source", source),
            ("Target", target),
            ("By", plain(initiator)),
            ("Status", text(run, "status").to_owned()),
            ("Outcome", text(run, "outcome").to_owned()),
            ("Reason", text(run, "outcome_reason").to_owned()),
            ("Subjects", counts(run)),
            ("Created", moment(text(run, "created_at"))),
            ("Started", moment(text(run, "started_at"))),
            ("Completed", moment(text(run, "completed_at"))),
            ("Plan", plain(digest)),
        ],
        sections: vec![Section {
            heading: "Subjects",
            columns: vec![
                "type",
                "policy",
                "action",
                "result",
                "why",
                "Graph requests",
            ],
            rows: rows.collect(),
        }],
    }
}

fn of_plan(plan: &Value) -> Result<Report, Failure> {
    let preflight = plan.get("preflight").ok_or_else(|| {
        Failure::Usage("this is no plan of `promotionctl preflight --out FILE`".to_owned())
    })?;
    let listed = |member: &str| -> Vec<Vec<String>> {
        let entries = preflight.get(member).and_then(Value::as_array);
        let entries = entries.into_iter().flatten();
        entries
            .map(|entry| {
                vec![
                    text(entry, "code").to_owned(),
                    text(entry, "message").to_owned(),
                ]
            })
            .collect()
    };
    let rows = subjects(preflight).map(|subject| {
        let reasons = subject.get("reasons").and_then(Value::as_array);
        let reasons: Vec<String> = reasons
            .into_iter()
            .flatten()
            .map(|reason| format!("{}: {}", text(reason, "code"), text(reason, "message")))
            .collect();
        vec![
            text(subject, "policy_type").to_owned(),
            text(subject, "display_name").to_owned(),
            text(subject, "readiness").to_owned(),
            text(subject, "action").to_owned(),
            reasons.join("; "),
        ]
    });
    let summary = preflight.get("summary").and_then(Value::as_object);
    let summary: Vec<String> = summary
        .into_iter()
        .flatten()
        .map(|(name, figure)| format!("{figure} {}", name.replace('_', " ")))
        .collect();
    Ok(Report {
        title: format!("Planned promotion to {}", text(plan, "target")),
        facts: vec![
            ("Source", text(plan, "source").to_owned()),
            ("Target", text(plan, "target").to_owned()),
            ("Would be written", text(plan, "statement").to_owned()),
            ("Subjects", summary.join(", ")),
            ("Plan", text(plan, "plan_digest").to_owned()),
        ],
        sections: vec![
            Section {
                heading: "Gates",
                columns: vec!["code", "message"],
                rows: listed("gates"),
            },
            Section {
                heading: "Warnings",
                columns: vec!["code", "message"],
                rows: listed("warnings"),
            },
            Section {
                heading: "Policies",
                columns: vec!["type", "policy", "readiness", "action", "why"],
                rows: rows.collect(),
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_reported_with_its_subjects_and_request_ids() {
        let run = json!({"id": "r1", "type_label": "Promotion execution", "outcome": "succeeded",
            "tenant_id": "t", "context": {"source_tenant_id": "s", "plan_digest": "sha256:1"},
            "initiator": {"display_name": "Ada"}, "summary_counts": {"total": 1, "created": 1}});
        let items = [
            json!({"policy_type": "p", "display_name": "One", "action": "create",
            "outcome": "succeeded", "graph_request_ids": ["g1", "g2"]}),
        ];
        let tenants = TenantNames::from([("t".to_owned(), "Fabrikam".to_owned())]);
        let text = of_run(&run, &items, &tenants).markdown();
        for part in [
            "# Promotion execution\\: succeeded",
            "Fabrikam",
            "Ada",
            "sha256",
            "| g1, g2 |",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_plan_is_reported_from_its_file_alone() -> Result<(), Failure> {
        let plan = json!({"source": "Contoso", "target": "Fabrikam", "statement": "Create 1.",
            "preflight": {"summary": {"ready": 1}, "warnings": [{"code": "w", "message": "old"}],
                "subjects": [{"policy_type": "p", "display_name": "One", "readiness": "blocked",
                    "reasons": [{"code": "c", "message": "m"}]}]}});
        let text = of_plan(&plan)?.markdown();
        for part in [
            "Contoso",
            "Create 1",
            "1 ready",
            "| w | old |",
            "| blocked |  | c\\: m |",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(of_plan(&json!({})).is_err());
        Ok(())
    }
}
