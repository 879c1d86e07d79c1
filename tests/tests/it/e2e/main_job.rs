//! The main job on the synthetic corpus: every ready subject lands once, verified, and the next
//! compare is true without a sync.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::stack::{Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

/// Subjects of an answer by key.
pub fn by_key(answer: &Value) -> BTreeMap<String, Value> {
    let subjects = answer["subjects"].as_array().cloned().unwrap_or_default();
    subjects
        .into_iter()
        .map(|subject| {
            (
                subject["subject_key"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                subject,
            )
        })
        .collect()
}

/// Everything that must hold after a promotion whose preflight is given.
pub async fn assert_promoted(
    stack: &Stack,
    selection: &Value,
    preflight: &Value,
    run: &Value,
) -> Result<()> {
    let id = run["id"].as_str().unwrap_or_default();
    let items = stack.api.items(id).await?;
    let ready: Vec<Value> = by_key(preflight)
        .into_values()
        .filter(|subject| subject["readiness"] == "ready")
        .collect();
    let bad: Vec<&Value> = items
        .iter()
        .filter(|item| item["outcome"] != "succeeded")
        .collect();
    assert!(
        bad.is_empty(),
        "items that did not succeed: {}\n{}",
        json!(bad),
        stack.logs()
    );
    assert_eq!(run["outcome"], "succeeded", "{run}");
    assert_eq!(items.len(), ready.len(), "one item per ready subject");
    let counts = &run["summary_counts"];
    assert_eq!(counts["total"], json!(ready.len()));
    assert_eq!(counts["processed"], counts["total"]);
    assert_eq!(counts["succeeded"], counts["total"]);

    let after = by_key(&stack.api.compare(selection).await?);
    for subject in &ready {
        let key = subject["subject_key"].as_str().unwrap_or_default();
        assert_eq!(after[key]["state"], "match", "{}", after[key]);
    }
    let second = stack.api.preflight(selection).await?;
    assert_eq!(second["executable"], false, "{}", second["summary"]);
    let digest = second["plan_digest"].as_str().unwrap_or_default();
    let refused = stack.api.execute(selection, digest).await?;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (409, &json!("blocked")),
        "{}",
        refused.body
    );
    assert_eq!(
        refused.body["reasons"][0]["code"], "nothing_ready",
        "{}",
        refused.body
    );
    Ok(())
}

/// The simulator's own word: nothing written to the source, nothing refused, each create once.
pub async fn assert_journal(stack: &Stack, expected_creates: usize) -> Result<()> {
    assert!(
        stack.sim.journal(SOURCE, true).await?.is_empty(),
        "the source was written"
    );
    let writes = stack.sim.journal(TARGET, true).await?;
    let refused: Vec<&Value> = writes
        .iter()
        .filter(|entry| entry["status"].as_u64().unwrap_or(0) >= 400)
        .collect();
    assert!(
        refused.is_empty(),
        "the simulator refused: {}",
        json!(refused)
    );
    let roots: Vec<Value> = stack
        .sim
        .creates(TARGET)
        .await?
        .into_iter()
        .filter(|e| {
            // Children of an object are made by calls of their own.
            let path = e["path"].as_str().unwrap_or_default();
            ![
                "/localizedNotificationMessages",
                "/combinationConfigurations",
            ]
            .iter()
            .any(|part| path.ends_with(part))
        })
        .collect();
    assert_eq!(roots.len(), expected_creates, "creates");
    Ok(())
}

fn creates(preflight: &Value) -> usize {
    by_key(preflight)
        .values()
        .filter(|s| s["action"] == "create")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_synthetic_source_lands_in_the_target_once_and_verified() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    let before = stack.api.compare(&selection).await?;
    for state in ["match", "different", "missing", "target_only", "ambiguous"] {
        assert!(
            before["summary"][state].as_u64() > Some(0),
            "no {state}: {}",
            before["summary"]
        );
    }
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    let held = ["blocked", "manual_mapping_required"];
    for readiness in held {
        assert!(
            preflight["summary"][readiness].as_u64() > Some(0),
            "{}",
            preflight["summary"]
        );
    }
    for subject in by_key(&preflight).values() {
        if held.contains(&subject["readiness"].as_str().unwrap_or_default()) {
            assert!(
                subject["reasons"].as_array().is_some_and(|r| !r.is_empty()),
                "{subject}"
            );
        }
    }
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    assert_journal(&stack, creates(&preflight)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_and_scope_tags_are_carried_only_when_asked_for() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    let assigned = |entries: Vec<Value>| {
        entries
            .into_iter()
            .filter(|e| e["effect"] == "assigned")
            .collect::<Vec<_>>()
    };
    let touched = assigned(stack.sim.journal(TARGET, true).await?);
    assert!(
        touched.is_empty(),
        "assignments were touched: {}",
        json!(touched)
    );

    let mut mapped = stack.selection();
    mapped["options"] = json!({"assignments": "map", "scope_tags": "map"});
    let (preflight, run) = stack.api.promote(&mapped, Duration::from_mins(4)).await?;
    assert_promoted(&stack, &mapped, &preflight, &run).await?;
    assert!(!assigned(stack.sim.journal(TARGET, true).await?).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_access_lands_in_report_only_unless_the_request_says_otherwise() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let mut selection = stack.selection();
    let before = stack
        .sim
        .objects(TARGET, "conditionalAccessPolicies")
        .await?
        .len();
    selection["scope"] = json!({"policy_types": ["namedLocations", "conditionalAccessPolicies"]});
    let (_, run) = stack
        .api
        .promote(&selection, Duration::from_mins(2))
        .await?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    assert!(
        stack
            .sim
            .objects(TARGET, "conditionalAccessPolicies")
            .await?
            .len()
            > before
    );
    for entry in stack.sim.journal(TARGET, true).await? {
        if entry["path"]
            .as_str()
            .unwrap_or_default()
            .contains("/conditionalAccess/policies")
        {
            assert_eq!(
                entry["body"]["state"], "enabledForReportingButNotEnforced",
                "{entry}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_the_review_is_not_overwritten() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    let update = by_key(&preflight)
        .into_values()
        .find(|s| s["action"] == "update" && s["policy_type"] == "deviceConfigurations")
        .context("an update of a device configuration")?;
    let name = update["display_name"].clone();
    let live = stack.sim.objects(TARGET, "deviceConfigurations").await?;
    let object = live
        .iter()
        .find(|o| o["displayName"] == name)
        .context("the target's object")?;
    let id = object["id"].as_str().unwrap_or_default();
    let patch = json!({"description": "changed by somebody else"});
    stack
        .sim
        .patch_object(TARGET, "deviceConfigurations", id, patch)
        .await?;
    let digest = preflight["plan_digest"].as_str().unwrap_or_default();
    let started = stack.api.execute(&selection, digest).await?.expect(202)?;
    let run_id = started["operation_run"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let run = stack
        .api
        .wait_for_run(&run_id, Duration::from_mins(4))
        .await?;
    assert_eq!(run["outcome"], "partially_succeeded", "{run}");
    let items = stack.api.items(&run_id).await?;
    let failed: Vec<&Value> = items
        .iter()
        .filter(|i| i["outcome"] != "succeeded")
        .collect();
    assert_eq!(failed.len(), 1, "{}", json!(failed));
    assert_eq!(failed[0]["reason_code"], "target_changed");
    let live = stack.sim.objects(TARGET, "deviceConfigurations").await?;
    let object = live
        .iter()
        .find(|o| o["id"] == json!(id))
        .context("the target's object")?;
    assert_eq!(object["description"], "changed by somebody else");
    Ok(())
}
