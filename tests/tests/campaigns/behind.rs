//! The target changes behind the back between review and write: what nobody reviewed is not
//! overwritten. A change that lands after the last look at an object cannot be seen by anybody; it
//! is counted apart.

use std::time::Duration;

use anyhow::Result;
use promotion_tests::stack::Stack;
use serde_json::{Value, json};

use crate::course::{Course, rounds};
use crate::field::{self, Round};
use crate::judge::{Figures, judge};

const COLLECTIONS: [&str; 4] = [
    "deviceConfigurations",
    "deviceCompliancePolicies",
    "configurationPolicies",
    "conditionalAccessPolicies",
];

struct Change {
    id: String,
    collection: &'static str,
}

/// Lets each object that the plan updates change at some request of the run.
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
            let member = if collection == "conditionalAccessPolicies" {
                "displayName"
            } else {
                "description"
            };
            // Every fourth meets the first look for certain.
            let skip = if changes.len() % 4 == 0 {
                0
            } else {
                course.between(0, 5)
            };
            let fault = json!({"kind": "change_behind", "tenant": round.entra, "method": "GET",
                "path_regex": id, "skip": skip, "times": 1,
                "collection": collection, "id": id, "patch": {member: word}});
            stack.sim.fault(fault).await?;
            changes.push(Change {
                id: id.to_owned(),
                collection,
            });
        }
    }
    Ok(changes)
}

fn touches(entry: &Value, id: &str) -> bool {
    entry["path"].as_str().unwrap_or_default().contains(id)
}

/// Judges one change: where it landed, and whether a look after it was followed by a write.
fn judge_change(journal: &[Value], change: &Change, figures: &mut Figures) {
    let about: Vec<&Value> = journal.iter().filter(|e| touches(e, &change.id)).collect();
    let Some(at) = about.iter().position(|e| {
        e["fault"]
            .as_str()
            .is_some_and(|f| f.contains("change_behind"))
    }) else {
        figures.land("not landed");
        return;
    };
    let wrote_before = about[..at].iter().any(|e| e["method"] != "GET");
    if wrote_before {
        figures.land("after the write");
        return;
    }
    let written = about[at..]
        .iter()
        .position(|e| e["method"] != "GET" && !e["effect"].is_null() && e["effect"] != "none");
    // The look that carried the change: its answer held the new content already.
    let base = |e: &&Value| {
        let path = e["path"].as_str().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        e["method"] == "GET" && path.trim_end_matches(['\'', ')']).ends_with(&change.id)
    };
    match written {
        None => figures.land("before the last look: not written"),
        Some(write) => {
            let seen = about[at..at + write].iter().any(base);
            if seen {
                figures.wrong.push(format!(
                    "unreviewed overwrite of {} {}: change at seq {}, write at seq {}",
                    change.collection,
                    change.id,
                    about[at]["seq"],
                    about[at + write]["seq"]
                ));
            } else {
                figures.land("between last look and write");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_behind_the_back() -> Result<()> {
    let mut course = Course::new(4_401);
    let mut figures = Figures::default();
    let (mut schedules, mut appeared) = (0, 0);
    let stack = field::start(1, &[]).await?;
    for _ in 0..rounds(2, 120) {
        let mut round = field::review(&stack).await?;
        stack.sim.clear_faults().await?;
        let changes = arm(&stack, &round, &mut course).await?;
        schedules += changes.len();
        let twins = appear(&stack, &round, &mut course).await?;
        appeared += twins.len();
        field::execute(&stack.api, &mut round).await?;
        stack
            .api
            .wait_for_run(&round.run, Duration::from_mins(5))
            .await?;
        let journal = stack.sim.journal(&round.entra, false).await?;
        for change in &changes {
            judge_change(&journal, change, &mut figures);
        }
        let items = judge(&stack, &round, &mut figures).await?;
        for (name, id) in &twins {
            let written = journal
                .iter()
                .any(|e| e["method"] != "GET" && touches(e, id));
            let doubled = journal
                .iter()
                .any(|e| e["effect"] == "created" && e["body"]["displayName"] == json!(name));
            if written || doubled {
                figures.wrong.push(format!(
                    "{name} appeared as {id}: written {written}, doubled {doubled}"
                ));
            }
            if items
                .iter()
                .any(|i| &i.display_name == name && i.outcome == "succeeded")
            {
                figures
                    .wrong
                    .push(format!("{name} appeared and its subject says succeeded"));
            }
        }
    }
    let more = format!("changes {schedules}, appeared {appeared}");
    figures.close(
        "changed behind the back",
        course.seed,
        &more,
        &["not written"],
    )
}

/// Puts objects of the names that the plan creates: names with the ids of the strangers.
async fn appear(
    stack: &Stack,
    round: &Round,
    course: &mut Course,
) -> Result<Vec<(String, String)>> {
    let source = stack
        .sim
        .objects(promotion_tests::stack::SOURCE, "deviceConfigurations")
        .await?;
    let creates: Vec<Value> = round
        .ready("create")
        .into_iter()
        .filter(|s| s["policy_type"] == "deviceConfigurations")
        .collect();
    let mut twins = Vec::new();
    for subject in course.pick(&creates, 2) {
        let Some(object) = source
            .iter()
            .find(|o| o["displayName"] == subject["display_name"])
        else {
            continue;
        };
        let mut twin = object.clone();
        let id = uuid::Uuid::from_u64_pair(course.number(), course.number()).to_string();
        twin["id"] = json!(id);
        twin["description"] = json!("made by somebody else");
        let made = stack
            .sim
            .put_object(&round.entra, "deviceConfigurations", twin)
            .await?;
        let id = made["id"].as_str().unwrap_or(&id).to_owned();
        twins.push((
            subject["display_name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            id,
        ));
    }
    Ok(twins)
}
