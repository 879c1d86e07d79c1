//! The target changes behind the back at every point between preflight and write: what nobody
//! reviewed is not overwritten. Only a change that lands with the write itself, after the last look,
//! can be seen by nobody; it is counted apart.

use anyhow::Result;
use promotion_tests::stack::{SOURCE, Stack};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Round, Setup};
use crate::judge::{Figures, Item, Wrong, judge, took_effect, touches};

const COLLECTIONS: [&str; 4] = [
    "deviceConfigurations",
    "deviceCompliancePolicies",
    "configurationPolicies",
    "conditionalAccessPolicies",
];
/// Requests about one object between the start of a run and its last write: the reads of the looks
/// and the writes themselves.
const POINTS: u64 = 7;

struct Change {
    id: String,
    collection: &'static str,
    /// Made after the preflight and before the start.
    early: bool,
}

/// Lets each object that the plan updates change at some request of the run, or before it.
async fn arm(stack: &Stack, round: &Round, course: &mut Course) -> Result<Vec<Change>> {
    let updates = round.ready("update");
    let mut changes = Vec::new();
    for collection in COLLECTIONS {
        for object in stack.sim.objects(&round.entra, collection).await? {
            let (Some(id), name) = (
                object["id"].as_str(),
                [&object["displayName"], &object["name"]],
            ) else {
                continue;
            };
            if !updates.iter().any(|s| name.contains(&&s["display_name"])) {
                continue;
            }
            let word = format!("changed behind {}", course.number());
            let member = match collection {
                "conditionalAccessPolicies" => "displayName",
                _ => "description",
            };
            let patch = json!({member: word});
            // The points in turn, so that none is left out.
            let point = changes.len() as u64 % (POINTS + 1);
            let early = point == POINTS;
            if early {
                stack
                    .sim
                    .patch_object(&round.entra, collection, id, patch)
                    .await?;
            } else {
                let fault = json!({"kind": "change_behind", "tenant": round.entra,
                    "path_regex": id, "skip": point, "times": 1,
                    "collection": collection, "id": id, "patch": patch});
                stack.sim.fault(fault).await?;
            }
            changes.push(Change {
                id: id.to_owned(),
                collection,
                early,
            });
        }
    }
    Ok(changes)
}

/// Judges one change: where it landed, and whether anything was written after it.
///
/// A look ends with the object itself, so that a change which lands with any of its reads is seen by
/// that read or by the last one: no write may follow it, however late in the look it came.
fn judge_change(journal: &[Value], change: &Change, figures: &mut Figures) {
    let about: Vec<&Value> = journal.iter().filter(|e| touches(e, &change.id)).collect();
    let changed = |e: &&Value| {
        let fault = e["fault"].as_str().unwrap_or_default();
        fault.contains("change_behind")
    };
    let at = match about.iter().position(changed) {
        _ if change.early => 0,
        Some(at) => at,
        None => return figures.land("not landed"),
    };
    if !change.early && about[at]["method"] != "GET" {
        return figures.land("with the write itself");
    }
    let written = about[at..].iter().find(|e| took_effect(e));
    let before = about[..at].iter().filter(|e| took_effect(e)).count();
    let Some(write) = written else {
        return figures.land(match (change.early, before) {
            (true, _) => "before the start: not written".to_owned(),
            (false, 0) => format!("with read {at}: not written"),
            (false, _) => "after a write: nothing more written".to_owned(),
        });
    };
    figures.blame(
        Wrong::Overwrite,
        format!(
            "{} {}: change at seq {}, {} at seq {}",
            change.collection, change.id, about[at]["seq"], write["method"], write["seq"]
        ),
    );
}

/// Puts objects of the names that the plan creates: names with the ids of the strangers.
async fn appear(
    stack: &Stack,
    round: &Round,
    course: &mut Course,
) -> Result<Vec<(String, String)>> {
    let source = stack.sim.objects(SOURCE, "deviceConfigurations").await?;
    let creates: Vec<Value> = round
        .ready("create")
        .into_iter()
        .filter(|s| s["policy_type"] == "deviceConfigurations")
        .collect();
    let mut twins = Vec::new();
    for subject in course.pick(&creates, 4) {
        let Some(object) = source
            .iter()
            .find(|o| o["displayName"] == subject["display_name"])
        else {
            continue;
        };
        let mut twin = object.clone();
        let id = Uuid::from_u64_pair(course.number(), course.number()).to_string();
        twin["id"] = json!(id);
        twin["description"] = json!("made by somebody else");
        let made = stack
            .sim
            .put_object(&round.entra, "deviceConfigurations", twin)
            .await?;
        let id = made["id"].as_str().unwrap_or(&id).to_owned();
        let name = subject["display_name"].as_str().unwrap_or_default();
        twins.push((name.to_owned(), id));
    }
    Ok(twins)
}

/// A stranger of a planned name is neither written nor doubled, and its subject does not succeed.
fn judge_twins(
    journal: &[Value],
    items: &[Item],
    twins: &[(String, String)],
    figures: &mut Figures,
) {
    for (name, id) in twins {
        let written = journal.iter().any(|e| took_effect(e) && touches(e, id));
        let doubled = journal
            .iter()
            .any(|e| e["effect"] == "created" && e["body"]["displayName"] == json!(name));
        let claimed = items
            .iter()
            .any(|i| &i.display_name == name && i.outcome == "succeeded");
        figures.land("appeared before the start");
        if written || doubled || claimed {
            figures.blame(
                Wrong::Overwrite,
                format!("{name} appeared as {id}: written {written}, doubled {doubled}, claimed {claimed}"),
            );
        }
    }
}

/// Rounds in one installation until so many changes landed between preflight and write.
pub async fn campaign(
    course: &mut Course,
    setup: Setup,
    schedules: usize,
    subjects: usize,
) -> Result<(Figures, usize)> {
    let mut figures = Figures::default();
    let mut landed = 0;
    let stack = field::start(setup).await?;
    while landed < schedules {
        let mut round = field::review_changed(&stack, course, subjects).await?;
        stack.sim.clear_faults().await?;
        let changes = arm(&stack, &round, course).await?;
        anyhow::ensure!(
            !changes.is_empty(),
            "nothing to change: {}",
            round.preflight
        );
        let twins = appear(&stack, &round, course).await?;
        field::execute(&stack.api, &mut round).await?;
        field::wait_for_end(&stack, &round.run, LONGEST).await;
        let journal = stack.sim.journal(&round.entra, false).await?;
        let journal: Vec<Value> = since_start(&journal, &stack, &round)?;
        for change in &changes {
            judge_change(&journal, change, &mut figures);
        }
        let items = judge(&stack, &round, &mut figures).await?;
        judge_twins(&journal, &items, &twins, &mut figures);
        landed = figures.landed_at("not written");
    }
    Ok((figures, landed))
}

/// Only what the run asked; the sync before it read the same objects.
fn since_start(journal: &[Value], stack: &Stack, round: &Round) -> Result<Vec<Value>> {
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    #[derive(QueryableByName)]
    struct Began {
        #[diesel(sql_type = Text)]
        began: String,
    }
    let query = "SELECT to_char(created_at AT TIME ZONE 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS began FROM operation_runs WHERE id = $1::uuid";
    let found: Began = diesel::sql_query(query)
        .bind::<Text, _>(&round.run)
        .get_result(&mut field::database(stack)?)?;
    let since = |e: &&Value| e["at"].as_str().unwrap_or_default() >= found.began.as_str();
    Ok(journal.iter().filter(since).cloned().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_behind_the_back() -> Result<()> {
    let mut course = Course::new(4_401);
    let schedules = figure(16, 100, 1_000);
    let subjects = figure(40, 120, 120);
    let (figures, landed) = campaign(&mut course, Setup::default(), schedules, subjects).await?;
    let points: Vec<String> = (0..4)
        .map(|at| format!("with read {at}: not written"))
        .collect();
    let mut steps: Vec<&str> = points.iter().map(String::as_str).collect();
    steps.push("before the start: not written");
    if schedules >= 100 {
        steps.push("with the write itself");
    }
    figures.close(
        "changed behind the back",
        course.seed,
        &format!("schedules between preflight and write {landed}"),
        &steps,
    )
}
