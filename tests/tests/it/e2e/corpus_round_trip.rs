//! The round trip over every real export at hand: loaded as a source tenant, captured, promoted into
//! an empty tenant and verified, checked by the simulator against Graph's published description. Every
//! subject lands, or is held back with a reason that names a place and that the runbook answers.
//!
//! Two policies of one name in one tenant are ambiguous by design, and no tenant has an id twice, so
//! that a policy that is present in several export forms goes into as many rounds, and so do policies
//! that an exporter gave one id. Skipped when the exports are not here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::shared;
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

const TEST: &str = "round trip of the real exports";
/// What the issue takes out of the share of held subjects: references that the target lacks, secrets
/// that Graph does not give out, values that belong to the source tenant.
const EXCUSED: [&str; 8] = [
    "exclusion_reference_missing",
    "reference_missing",
    "reference_ambiguous",
    "reference_left_out",
    "reference_unresolved",
    "secret_value_required",
    "tenant_literal",
    "tenant_specific_blob",
];

/// One line of the table.
#[derive(Default)]
struct Line {
    subjects: usize,
    ready: usize,
    verified: usize,
    held: BTreeMap<String, usize>,
}

type Table = BTreeMap<String, Line>;

/// The text of a file in whichever encoding its exporter chose.
fn text_of(bytes: &[u8]) -> String {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .skip(1)
            .map(|pair| order([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Copies every real export into the folder of its round; answers the folders' number of files.
fn rounds(corpus: &Path, into: &Path) -> Result<Vec<(PathBuf, usize)>> {
    let mut taken: BTreeSet<(usize, String, String)> = BTreeSet::new();
    let mut groups = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = Vec::new();
    for line in std::fs::read_to_string(corpus.join("manifest.jsonl"))?.lines() {
        let entry: Value = serde_json::from_str(line)?;
        if entry["origin"] != "real-export" {
            continue;
        }
        let file = entry["file"].as_str().context("file")?;
        let object: Value =
            serde_json::from_str(&text_of(&std::fs::read(corpus.join(file))?)).unwrap_or_default();
        let name = ["name", "displayName"]
            .iter()
            .find_map(|member| object[*member].as_str());
        // What has no name of its own is no second form of anything.
        let name = name.unwrap_or(file).to_owned();
        // The kind tells policies of one name apart; a settings catalogue has one alone, which not
        // every exporter writes down.
        let kind = match entry["policyType"].as_str() {
            Some(only @ "configurationPolicies") => only.to_owned(),
            _ => format!("{}{}", entry["policyType"], entry["odataType"]),
        };
        if entry["policyType"] == "groups" {
            groups.push(file.to_owned());
            continue;
        }
        let policy_type = entry["policyType"].to_string();
        let id = object["id"].as_str().unwrap_or(file).to_lowercase();
        let marks = |round: usize| {
            let by_id = (round, format!("id of {policy_type}"), id.clone());
            [(round, kind.clone(), name.clone()), by_id]
        };
        let mut round = 0;
        while marks(round).iter().any(|mark| taken.contains(mark)) {
            round += 1;
        }
        taken.extend(marks(round));
        while folders.len() <= round {
            folders.push((into.join(folders.len().to_string()), 0));
        }
        let (folder, count) = folders.get_mut(round).context("round")?;
        copy(corpus, file, folder)?;
        *count += 1;
    }
    // Groups stand in every round: they are what assignments and conditions name.
    for (folder, count) in &mut folders {
        for file in &groups {
            copy(corpus, file, folder)?;
            *count += 1;
        }
    }
    Ok(folders)
}

fn copy(corpus: &Path, file: &str, folder: &Path) -> Result<()> {
    let to = folder.join(file);
    std::fs::create_dir_all(to.parent().context("folder")?)?;
    std::fs::copy(corpus.join(file), to)?;
    Ok(())
}

/// The types that are promoted.
async fn promotable(stack: &Stack) -> Result<BTreeSet<String>> {
    let path = "/v1/catalog/policy-types?limit=200";
    let catalog = stack
        .api
        .send(reqwest::Method::GET, path, &[], None)
        .await?
        .expect(200)?;
    let items = catalog["items"].as_array().context("items")?;
    Ok(items
        .iter()
        .filter(|item| item["support"] == "full")
        .filter_map(|item| item["key"].as_str().map(str::to_owned))
        .collect())
}

/// A reason names where it is, and the runbook has a row for its code.
fn assert_explained(subject: &Value, runbook: &str) {
    let reasons = subject["reasons"].as_array().cloned().unwrap_or_default();
    assert!(!reasons.is_empty(), "{subject}");
    for reason in reasons {
        let code = reason["code"].as_str().unwrap_or_default();
        let message = reason["message"].as_str().unwrap_or_default();
        let row = runbook
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&format!("`{code}`")));
        assert!(row, "the runbook does not know {code}: {subject}");
        let names_place = message
            .split([' ', ',', ';'])
            .any(|word| word.len() > 1 && word.starts_with('/'));
        assert!(names_place, "no place is named: {subject}");
    }
}

async fn round_trip(folder: &Path, table: &mut Table) -> Result<()> {
    let simulator = shared::contract()
        .map(|file| vec!["--contract".to_owned(), file.display().to_string()])
        .unwrap_or_default();
    let plan = Plan {
        source: Content::Folder(folder.to_owned()),
        target: Content::Empty,
        simulator,
        worker_env: vec![(
            "PROMOTION_GRAPH_WRITES_PER_20S".to_owned(),
            "100000".to_owned(),
        )],
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    stack
        .sim
        .provision(TARGET, SOURCE, &["groups", "users", "servicePrincipals"])
        .await?;
    stack.sync_both().await?;
    let mut selection = stack.selection();
    selection["options"] = json!({"assignments": "map", "scope_tags": "map"});
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(10))
        .await?;
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    let full = promotable(&stack).await?;
    let runbook = include_str!("../../../../docs/operations.md");
    let subjects = by_key(&preflight);
    let items = stack.api.items(run["id"].as_str().context("run")?).await?;
    let landed: BTreeSet<&str> = items
        .iter()
        .filter(|item| item["outcome"] == "succeeded")
        .filter_map(|item| item["subject_key"].as_str())
        .collect();
    for (key, subject) in &subjects {
        let policy_type = subject["policy_type"].as_str().context("type")?;
        if !full.contains(policy_type) {
            continue;
        }
        let line = table.entry(policy_type.to_owned()).or_default();
        line.subjects += 1;
        line.verified += usize::from(landed.contains(key.as_str()));
        match subject["readiness"].as_str() {
            Some("ready") => line.ready += 1,
            Some("unchanged") => {}
            _ => {
                eprintln!(
                    "held: {policy_type} {}: {}",
                    subject["display_name"], subject["reasons"]
                );
                assert_explained(subject, runbook);
                let mut codes: Vec<&str> = subject["reasons"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|reason| reason["code"].as_str())
                    .collect();
                codes.dedup();
                *line.held.entry(codes.join("+")).or_default() += 1;
            }
        }
    }
    let creates = subjects
        .values()
        .filter(|subject| subject["action"] == "create");
    assert_journal(&stack, creates.count()).await
}

fn print(table: &Table) {
    let mut text = format!(
        "\n{:<40}{:>9}{:>7}{:>10}  held\n",
        "type", "subjects", "ready", "verified"
    );
    for (policy_type, line) in table {
        let held: Vec<String> = line
            .held
            .iter()
            .map(|(code, n)| format!("{code} {n}"))
            .collect();
        let _ = writeln!(
            text,
            "{policy_type:<40}{:>9}{:>7}{:>10}  {}",
            line.subjects,
            line.ready,
            line.verified,
            held.join(", ")
        );
    }
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_real_export_lands_or_is_held_with_a_reason() -> Result<()> {
    let Some(corpus) = shared::corpus() else {
        shared::skipped(TEST);
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let mut table = Table::new();
    let mut files = 0;
    for (round, count) in rounds(&corpus, folder.path())? {
        files += count;
        round_trip(&round, &mut table).await?;
    }
    print(&table);
    let subjects: usize = table.values().map(|line| line.subjects).sum();
    let unexcused: usize = table
        .values()
        .flat_map(|line| &line.held)
        .filter(|(codes, _)| !codes.split('+').all(|code| EXCUSED.contains(&code)))
        .map(|(_, count)| count)
        .sum();
    eprintln!(
        "{TEST}: {files} files, {subjects} subjects of promoted types, {unexcused} held for other reasons"
    );
    for (policy_type, line) in &table {
        assert_eq!(line.ready, line.verified, "{policy_type}");
    }
    assert!(subjects > 370, "{subjects}");
    assert!(unexcused * 20 < subjects, "{unexcused} of {subjects}");
    Ok(())
}
