//! The main job on real exports: a whole tenant and a public baseline, into an empty target and
//! into one that already holds a third of them, changed. Skipped when the exports are not here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::shared;
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

const SUPPORTED: [&str; 8] = [
    "configurationPolicies",
    "deviceCompliancePolicies",
    "deviceConfigurations",
    "conditionalAccessPolicies",
    "namedLocations",
    "assignmentFilters",
    "roleScopeTags",
    "notificationMessageTemplates",
];

/// Copies the exports of the issue into a folder of their own.
fn select_exports(corpus: &Path, into: &Path) -> Result<usize> {
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl"))?;
    let mut copied = 0;
    for line in manifest.lines() {
        let entry: Value = serde_json::from_str(line)?;
        let repository = entry["sourceRepo"].as_str().unwrap_or_default();
        let whole_tenant = repository == "ennnbeee/CES2026-IntuneCD";
        let baseline = repository == "SkipToTheEndpoint/OpenIntuneBaseline"
            && entry["origin"] == "real-export"
            && entry["policyType"].as_str().is_some_and(|t| SUPPORTED.contains(&t))
            // The second form of the same policies would be duplicates within one tenant.
            && !entry["sourcePath"].as_str().unwrap_or_default().contains("NativeImport");
        if !whole_tenant && !baseline {
            continue;
        }
        let file = entry["file"].as_str().context("file")?;
        let to = into.join(file);
        std::fs::create_dir_all(to.parent().context("folder")?)?;
        std::fs::copy(corpus.join(file), to)?;
        copied += 1;
    }
    Ok(copied)
}

async fn promote_real_exports(held_third: bool) -> Result<()> {
    let test = if held_third {
        "real data, a third held and changed"
    } else {
        "real data, empty target"
    };
    let Some(corpus) = shared::corpus() else {
        shared::skipped(test);
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let files = select_exports(&corpus, folder.path())?;
    let source = Content::Folder(folder.path().to_owned());
    let stack = Stack::start(
        PROCESS,
        Plan {
            source,
            target: Content::Empty,
            ..Plan::default()
        },
    )
    .await?;
    stack
        .sim
        .provision(
            TARGET,
            SOURCE,
            &["groups", "assignmentFilters", "roleScopeTags"],
        )
        .await?;
    if held_third {
        let body = json!({"from": SOURCE, "fraction": 0.34, "change": true});
        stack.sim.copy_objects(TARGET, body).await?;
    }
    stack.sync_both().await?;
    let mut selection = stack.selection();
    selection["options"] = json!({"assignments": "map", "scope_tags": "map"});
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(10))
        .await?;
    let summary = &preflight["summary"];
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for subject in by_key(&preflight).values() {
        let readiness = subject["readiness"].as_str().unwrap_or_default();
        if readiness == "blocked" || readiness == "manual_mapping_required" {
            for reason in subject["reasons"].as_array().into_iter().flatten() {
                let code = reason["code"].as_str().unwrap_or_default().to_owned();
                let line = format!(
                    "{} {}: {}",
                    subject["policy_type"], subject["display_name"], reason["message"]
                );
                held.entry(code).or_default().push(line);
            }
        }
    }
    eprintln!("{test}: {files} files, summary {summary}, held back: {held:#?}");
    let bindings = "certificate_binding_not_captured";
    assert!(!held.contains_key(bindings), "{:#?}", held.get(bindings));
    let count = |name: &str| summary[name].as_u64().unwrap_or(0);
    let supported = count("total") - count("unchanged");
    assert!(count("ready") * 100 >= supported * 90, "{summary}");
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    let creates = by_key(&preflight)
        .values()
        .filter(|s| s["action"] == "create")
        .count();
    assert_journal(&stack, creates).await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_exports_land_in_an_empty_target() -> Result<()> {
    promote_real_exports(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_exports_land_in_a_target_that_holds_a_third_of_them_changed() -> Result<()> {
    promote_real_exports(true).await
}
