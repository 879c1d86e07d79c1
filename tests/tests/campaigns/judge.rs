//! The judge: duplicates, lost subjects and runs without an end, from the simulator's journal and
//! the item rows. Knows nothing of how the worker works.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use promotion_tests::stack::{SOURCE, Stack};
use serde_json::Value;

use crate::field::{Round, database};

/// An item row.
#[derive(Clone, Debug, QueryableByName)]
pub struct Item {
    /// Subject.
    #[diesel(sql_type = Text)]
    pub subject_key: String,
    /// Name of the policy.
    #[diesel(sql_type = Text)]
    pub display_name: String,
    /// create or update.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// Outcome.
    #[diesel(sql_type = Text)]
    pub outcome: String,
    /// Why not.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason_code: Option<String>,
    /// The object.
    #[diesel(sql_type = Nullable<Text>)]
    pub target_external_id: Option<String>,
    /// The journal's text.
    #[diesel(sql_type = Text)]
    pub journal: String,
}

/// Figures of a campaign, summed over its rounds.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Runs judged.
    pub runs: usize,
    /// Subjects judged.
    pub subjects: usize,
    /// Objects the simulator made.
    pub created: usize,
    /// Outcomes with their reasons.
    pub outcomes: BTreeMap<String, usize>,
    /// Everything that must not be, in words.
    pub wrong: Vec<String>,
    /// Faults that landed, by step of the write path.
    pub landed: BTreeMap<String, usize>,
}

impl Figures {
    /// Counts a fault that landed.
    pub fn land(&mut self, step: impl Into<String>) {
        *self.landed.entry(step.into()).or_default() += 1;
    }

    /// Prints the line and fails when anything is wrong or a step saw no fault.
    pub fn close(&self, campaign: &str, seed: u64, more: &str, steps: &[&str]) -> Result<()> {
        eprintln!(
            "campaign {campaign}: seed {seed}, runs {}, subjects {}, created {}, wrong {}, {more}, \
             landed {:?}, outcomes {:?}",
            self.runs,
            self.subjects,
            self.created,
            self.wrong.len(),
            self.landed,
            self.outcomes
        );
        anyhow::ensure!(
            self.wrong.is_empty(),
            "{campaign}, seed {seed}: {:#?}",
            self.wrong
        );
        for step in steps {
            let hits: usize = self
                .landed
                .iter()
                .filter(|(name, _)| name.contains(step))
                .map(|(_, n)| n)
                .sum();
            anyhow::ensure!(
                hits > 0,
                "{campaign}, seed {seed}: no fault landed at {step}"
            );
        }
        Ok(())
    }
}

/// Item rows of a run.
pub fn items(stack: &Stack, run: &str) -> Result<Vec<Item>> {
    let query = "SELECT subject_key, display_name, action, outcome, reason_code, \
         target_external_id, journal::text AS journal FROM operation_run_items \
         WHERE operation_run_id = $1::uuid ORDER BY position";
    Ok(diesel::sql_query(query)
        .bind::<Text, _>(run)
        .load(&mut database(stack)?)?)
}

/// What a request writes, as a step of the write path.
pub fn step_of(entry: &Value) -> &'static str {
    let template = entry["path_template"].as_str().unwrap_or_default();
    match entry["method"].as_str().unwrap_or_default() {
        "POST" if template.ends_with("/assign") => "assign",
        "POST" if template.contains('{') => "child",
        "POST" => "create",
        "PATCH" | "PUT" => "replace",
        "DELETE" => "delete",
        _ => "read",
    }
}

/// Judges a run that has come to its end.
pub async fn judge(stack: &Stack, round: &Round, figures: &mut Figures) -> Result<Vec<Item>> {
    let run = stack.api.run(&round.run).await?;
    let items = items(stack, &round.run)?;
    let writes = stack.sim.journal(&round.entra, true).await?;
    figures.runs += 1;
    figures.subjects += items.len();
    let mut wrong = Vec::new();
    if run["status"] != "completed" {
        wrong.push(format!("no end: {run}"));
    }
    let reviewed: BTreeSet<String> = ["create", "update"]
        .iter()
        .flat_map(|action| round.ready(action))
        .filter_map(|s| s["subject_key"].as_str().map(str::to_owned))
        .collect();
    let recorded: BTreeSet<String> = items.iter().map(|i| i.subject_key.clone()).collect();
    if reviewed != recorded {
        wrong.push("the items are not the reviewed subjects".to_owned());
    }
    if !stack.sim.journal(SOURCE, true).await?.is_empty() {
        wrong.push("the source was written".to_owned());
    }
    for write in &writes {
        let id = write["client_request_id"].as_str().unwrap_or_default();
        if id.is_empty() || !items.iter().any(|item| item.journal.contains(id)) {
            wrong.push(format!(
                "a write without an intent: {} {}",
                write["method"], write["path"]
            ));
        }
    }
    let made = created_roots(&writes, &mut wrong);
    figures.created += made.len();
    for item in &items {
        let reason = item.reason_code.as_deref().unwrap_or("-");
        *figures
            .outcomes
            .entry(format!("{} {reason}", item.outcome))
            .or_default() += 1;
        if matches!(item.outcome.as_str(), "pending" | "writing") {
            wrong.push(format!("lost subject without an end: {item:?}"));
        }
        let id = item.target_external_id.as_deref().unwrap_or_default();
        if item.outcome == "succeeded" && item.action == "create" && !made.contains_key(id) {
            wrong.push(format!("says created, no such object: {item:?}"));
        }
    }
    for (id, name) in &made {
        let known = items.iter().any(|i| {
            i.target_external_id.as_deref() == Some(id) || i.journal.contains(id.as_str())
        });
        let unsure = items
            .iter()
            .any(|i| i.outcome != "succeeded" && name.contains(&i.display_name));
        if !known && !unsure {
            wrong.push(format!("an object nobody knows of: {id} {name}"));
        }
    }
    for what in wrong {
        figures
            .wrong
            .push(format!("run {} of {}: {what}", figures.runs, round.entra));
    }
    Ok(items)
}

/// Objects made at the root of a collection by id; twice the same is wrong.
fn created_roots(writes: &[Value], wrong: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut seen: BTreeMap<String, &Value> = BTreeMap::new();
    let mut made = BTreeMap::new();
    for entry in writes.iter().filter(|e| e["effect"] == "created") {
        let body = &entry["body"];
        let mut identity = entry["path"].to_string();
        for member in [
            "displayName",
            "name",
            "@odata.type",
            "platforms",
            "platform",
            "locale",
        ] {
            identity.push_str(&body[member].to_string());
        }
        identity.push_str(&body["templateReference"]["templateId"].to_string());
        if let Some(first) = seen.insert(identity.clone(), entry) {
            wrong.push(format!(
                "duplicate {identity}: first seq {} at {} fault {} id {}, then seq {} at {} id {}",
                first["seq"],
                first["at"],
                first["fault"],
                first["object_id"],
                entry["seq"],
                entry["at"],
                entry["object_id"]
            ));
        }
        if step_of(entry) == "create"
            && let Some(id) = entry["object_id"].as_str()
        {
            made.insert(id.to_owned(), identity);
        }
    }
    made
}

/// The 95th percentile.
pub fn p95(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * 95).div_ceil(100).saturating_sub(1);
    values.get(at).copied().context("no values")
}
