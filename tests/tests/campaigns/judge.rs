//! The judge: duplicates, lost subjects, overwrites, stale records and runs without an end, from
//! the simulator's journal and the database. Knows nothing of how the worker works.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use promotion_tests::stack::{SOURCE, Stack};
use serde_json::Value;

use crate::field::{LEASE_SECONDS, Round, database, standing};
use crate::witness;

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

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// The same object twice.
    Duplicate,
    /// A subject without an end, or an end that is not true.
    Lost,
    /// Something written over what nobody reviewed.
    Overwrite,
    /// A record by a process that did not hold the run.
    StaleRecord,
    /// A run that does not end.
    NoEnd,
    /// A write that no committed intent announced.
    NoIntent,
    /// Anything else that the campaign forbids.
    Other,
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
    /// Processes killed.
    pub kills: usize,
    /// Seconds from a death to the next claim.
    pub resumes: Vec<f64>,
    /// Records by workers.
    pub records: usize,
    /// Outcomes with their reasons.
    pub outcomes: BTreeMap<String, usize>,
    /// Everything that must not be, in words.
    pub wrong: Vec<(Wrong, String)>,
    /// Faults that landed, by step of the write path.
    pub landed: BTreeMap<String, usize>,
}

impl Figures {
    /// Counts a fault that landed.
    pub fn land(&mut self, step: impl Into<String>) {
        *self.landed.entry(step.into()).or_default() += 1;
    }

    /// Holds something against the product.
    pub fn blame(&mut self, wrong: Wrong, what: impl Into<String>) {
        self.wrong.push((wrong, what.into()));
    }

    /// How often something was held against it.
    pub fn count(&self, wrong: Wrong) -> usize {
        self.wrong.iter().filter(|(kind, _)| *kind == wrong).count()
    }

    /// Takes in the figures of another lane.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.subjects += other.subjects;
        self.created += other.created;
        self.kills += other.kills;
        self.records += other.records;
        self.resumes.extend(other.resumes);
        self.wrong.extend(other.wrong);
        for (name, count) in other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        for (name, count) in other.landed {
            *self.landed.entry(name).or_default() += count;
        }
    }

    /// Faults that landed at a step.
    pub fn landed_at(&self, step: &str) -> usize {
        let at = self.landed.iter().filter(|(name, _)| name.contains(step));
        at.map(|(_, count)| count).sum()
    }

    /// Prints the line and fails when anything is wrong, a step saw no fault, or a run was resumed
    /// too late.
    pub fn close(&self, campaign: &str, seed: u64, more: &str, steps: &[&str]) -> Result<()> {
        let mut line = format!(
            "campaign {campaign}: seed {seed}, runs {}, subjects {}, created {}, kills {}, resumes {}",
            self.runs,
            self.subjects,
            self.created,
            self.kills,
            self.resumes.len()
        );
        let late = percentile(&self.resumes, 95);
        if let (Some(middle), Some(late)) = (percentile(&self.resumes, 50), late) {
            write!(line, " (p50 {middle:.1} s, p95 {late:.1} s)")?;
        }
        eprintln!(
            "{line}, duplicates {}, lost {}, unreviewed overwrites {}, stale records {} of {}, \
             runs without an end {}, writes without an intent {}, otherwise wrong {}, {more}, \
             landed {:?}, outcomes {:?}",
            self.count(Wrong::Duplicate),
            self.count(Wrong::Lost),
            self.count(Wrong::Overwrite),
            self.count(Wrong::StaleRecord),
            self.records,
            self.count(Wrong::NoEnd),
            self.count(Wrong::NoIntent),
            self.count(Wrong::Other),
            self.landed,
            self.outcomes
        );
        anyhow::ensure!(
            self.wrong.is_empty(),
            "{campaign}, seed {seed}: {:#?}",
            self.wrong
        );
        for step in steps {
            anyhow::ensure!(
                self.landed_at(step) > 0,
                "{campaign}, seed {seed}: no fault landed at {step}"
            );
        }
        if let Some(late) = late {
            let limit = f64::from(LEASE_SECONDS) + 10.0;
            anyhow::ensure!(late <= limit, "{campaign}: resumed after {late:.1} s");
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
        "POST" if template.ends_with("/scheduleActionsForRules") => "schedule actions",
        "POST" if template.contains('{') => "child",
        "POST" => "create",
        "PATCH" | "PUT" => "replace",
        "DELETE" => "delete",
        _ => "read",
    }
}

/// Whether a write took effect.
pub fn took_effect(entry: &Value) -> bool {
    entry["method"] != "GET" && !entry["effect"].is_null() && entry["effect"] != "none"
}

/// Whether a request is about an object.
pub fn touches(entry: &Value, id: &str) -> bool {
    entry["path"].as_str().unwrap_or_default().contains(id)
}

/// Judges a run that should have come to its end.
pub async fn judge(stack: &Stack, round: &Round, figures: &mut Figures) -> Result<Vec<Item>> {
    let items = items(stack, &round.run)?;
    let writes = stack.sim.journal(&round.entra, true).await?;
    let seen = witness::seen(stack, &round.run)?;
    figures.runs += 1;
    figures.subjects += items.len();
    figures.records += usize::try_from(seen.records)?;
    let mut wrong = Vec::new();
    if standing(stack, &round.run)?.status != "completed" {
        wrong.push((Wrong::NoEnd, format!("no end\n{}", stack.logs())));
    }
    for _ in 0..seen.stale {
        wrong.push((Wrong::StaleRecord, "a stale holder recorded".to_owned()));
    }
    let reviewed: BTreeSet<String> = ["create", "update"]
        .iter()
        .flat_map(|action| round.ready(action))
        .filter_map(|s| s["subject_key"].as_str().map(str::to_owned))
        .collect();
    let recorded: BTreeSet<String> = items.iter().map(|i| i.subject_key.clone()).collect();
    if reviewed != recorded {
        let what = "the items are not the reviewed subjects".to_owned();
        wrong.push((Wrong::Lost, what));
    }
    if !stack.sim.journal(SOURCE, true).await?.is_empty() {
        wrong.push((Wrong::Other, "the source was written".to_owned()));
    }
    let made = created_roots(&writes, &mut wrong);
    figures.created += made.len();
    let enrollment = "deviceEnrollmentConfigurations";
    let configurations = stack.sim.objects(&round.entra, enrollment).await?;
    judge_writes(&writes, &items, &made, &configurations, &mut wrong);
    judge_items(&items, &made, figures, &mut wrong);
    let number = figures.runs;
    for (kind, what) in wrong {
        figures.blame(kind, format!("run {number} of {}: {what}", round.entra));
    }
    Ok(items)
}

/// Every write was announced, and is about what the run made or what was reviewed: the object itself,
/// or a message template that an enrolment notification of the plan names.
fn judge_writes(
    writes: &[Value],
    items: &[Item],
    made: &BTreeMap<String, String>,
    configurations: &[Value],
    wrong: &mut Vec<(Wrong, String)>,
) {
    let mut ours: Vec<&str> = items
        .iter()
        .filter_map(|item| item.target_external_id.as_deref())
        .chain(made.keys().map(String::as_str))
        .collect();
    let templates: Vec<&str> = configurations
        .iter()
        .filter(|one| ours.iter().any(|id| one["id"] == **id))
        .filter_map(|one| one["notificationTemplates"].as_array())
        .flatten()
        .filter_map(|name| Some(name.as_str()?.split_once('_')?.1))
        .collect();
    ours.extend(templates);
    for write in writes {
        let what = format!("{} {}", write["method"], write["path"]);
        let id = write["client_request_id"].as_str().unwrap_or_default();
        if id.is_empty() || !items.iter().any(|item| item.journal.contains(id)) {
            wrong.push((
                Wrong::NoIntent,
                format!("a write without an intent: {what}"),
            ));
        }
        let strange = step_of(write) != "create" && !ours.iter().any(|id| touches(write, id));
        if strange && took_effect(write) {
            wrong.push((
                Wrong::Overwrite,
                format!("not an object of the plan: {what}"),
            ));
        }
    }
}

/// Every subject has an end, and what it says is so; every object is known.
fn judge_items(
    items: &[Item],
    made: &BTreeMap<String, String>,
    figures: &mut Figures,
    wrong: &mut Vec<(Wrong, String)>,
) {
    for item in items {
        let reason = item.reason_code.as_deref().unwrap_or("-");
        let ending = format!("{} {reason}", item.outcome);
        *figures.outcomes.entry(ending).or_default() += 1;
        if matches!(item.outcome.as_str(), "pending" | "writing") {
            wrong.push((Wrong::Lost, format!("subject without an end: {item:?}")));
        }
        let id = item.target_external_id.as_deref().unwrap_or_default();
        if item.outcome == "succeeded" && item.action == "create" && !made.contains_key(id) {
            wrong.push((
                Wrong::Lost,
                format!("says created, no such object: {item:?}"),
            ));
        }
    }
    for (id, name) in made {
        let known = items.iter().any(|i| {
            i.target_external_id.as_deref() == Some(id) || i.journal.contains(id.as_str())
        });
        let unsure = items
            .iter()
            .any(|i| i.outcome != "succeeded" && name.contains(&i.display_name));
        if !known && !unsure {
            wrong.push((
                Wrong::Lost,
                format!("an object nobody knows of: {id} {name}"),
            ));
        }
    }
}

/// Objects made at the root of a collection by id; twice the same is wrong.
fn created_roots(writes: &[Value], wrong: &mut Vec<(Wrong, String)>) -> BTreeMap<String, String> {
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
            let what = format!(
                "duplicate {identity}: first seq {} at {} fault {} id {}, then seq {} at {} id {}",
                first["seq"],
                first["at"],
                first["fault"],
                first["object_id"],
                entry["seq"],
                entry["at"],
                entry["object_id"]
            );
            wrong.push((Wrong::Duplicate, what));
        }
        if step_of(entry) == "create"
            && let Some(id) = entry["object_id"].as_str()
        {
            made.insert(id.to_owned(), identity);
        }
    }
    made
}

/// The value that so many percent do not exceed.
fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(at).copied()
}
