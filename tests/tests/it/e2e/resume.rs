//! A killed worker's run is resumed by another: nothing twice, nothing lost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use super::field_cases_gates::{only, put};
use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_succeeded_within_lease_and_ten_seconds() -> Result<()> {
    let mut stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    // Slow enough to be caught in the middle.
    stack
        .sim
        .fault(json!({"method": "POST", "times": 100_000, "kind": "slow", "ms": 100}))
        .await?;
    let digest = preflight["plan_digest"].as_str().unwrap_or_default();
    let started = stack.api.execute(&selection, digest).await?.expect(202)?;
    let id = started["operation_run"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    wait_for_creates(&stack, 4).await?;
    stack.workers[0].kill();
    let killed = Instant::now();
    let at_kill = stack.api.run(&id).await?;
    assert_ne!(
        at_kill["status"], "completed",
        "killed too late to prove anything"
    );
    stack.add_worker()?;
    // The lease of the test stack is 5 s.
    let before = stack.sim.journal(TARGET, false).await?.len();
    while stack.sim.journal(TARGET, false).await?.len() <= before + 2 {
        assert!(
            killed.elapsed() < Duration::from_secs(15),
            "not resumed\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stack.sim.clear_faults().await?;
    let run = stack.api.wait_for_run(&id, Duration::from_mins(5)).await?;
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    let creates = by_key(&preflight)
        .values()
        .filter(|s| s["action"] == "create")
        .count();
    assert_journal(&stack, creates).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_create_never_makes_a_second_object() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    for kind in [
        "cut_after_effect",
        "status_after_effect",
        "truncate_body_after_effect",
        "created_without_id",
        "cut_before_effect",
    ] {
        let mut fault =
            json!({"tenant": TARGET, "method": "POST", "skip": 1, "times": 2, "kind": kind});
        if kind == "status_after_effect" {
            fault["status"] = json!(503);
        }
        stack.sim.fault(fault).await?;
    }
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(5))
        .await?;
    let faults = stack.sim.faults().await?;
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    for collection in [
        "configurationPolicies",
        "deviceConfigurations",
        "deviceCompliancePolicies",
    ] {
        let names: Vec<String> = stack
            .sim
            .objects(TARGET, collection)
            .await?
            .iter()
            .map(|o| format!("{}{}{}", o["displayName"], o["name"], o["@odata.type"]))
            .collect();
        let wanted: Vec<String> = by_key(&preflight)
            .values()
            .filter(|s| s["action"] == "create")
            .map(|s| s["display_name"].to_string())
            .collect();
        for name in wanted {
            let count = names.iter().filter(|n| n.contains(&name)).count();
            assert!(
                count <= 1,
                "{name} stands {count} times in {collection}; faults: {faults}"
            );
        }
    }
    Ok(())
}

/// Looks at a run until it is as wanted.
async fn seen(
    stack: &Stack,
    run: &str,
    seconds: u64,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let now = stack.api.run(run).await?;
        if wanted(&now) {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "{now}\n{}", stack.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_inside_a_create_is_shown_with_its_end_and_concluded_at_that_moment() -> Result<()> {
    let timeout = (
        "PROMOTION_GRAPH_TIMEOUT_SECONDS".to_owned(),
        "10".to_owned(),
    );
    let plan = Plan {
        source: Content::Empty,
        target: Content::Empty,
        worker_env: vec![timeout],
        ..Plan::default()
    };
    let mut stack = Stack::start(PROCESS, plan).await?;
    let location = json!({"@odata.type": "#microsoft.graph.countryNamedLocation",
        "displayName": "Home", "countriesAndRegions": ["DE"],
        "includeUnknownCountriesAndRegions": false});
    put(&stack, SOURCE, "namedLocations", location).await?;
    stack.sync_both().await?;
    let selection = only(&stack, "namedLocations");
    let preflight = stack.api.preflight(&selection).await?;
    let digest = preflight["plan_digest"].as_str().context("digest")?;
    // The create is on the wire for longer than this test lasts.
    let slow = json!({"tenant": TARGET, "method": "POST", "path_regex": "namedLocations",
        "kind": "slow", "ms": 600_000, "times": 1});
    stack.sim.fault(slow).await?;
    let started = stack.api.execute(&selection, digest).await?.expect(202)?;
    let id = started["operation_run"]["id"]
        .as_str()
        .context("run id")?
        .to_owned();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !stack.sim.faults().await?.to_string().contains("\"hits\":1") {
        ensure!(
            Instant::now() < deadline,
            "nothing is created\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stack.workers[0].kill();
    stack.add_worker()?;
    let waits = seen(&stack, &id, 40, |run| !run["waiting"].is_null()).await?;
    assert_eq!(waits["waiting"]["reason"], "outcome_unknown", "{waits}");
    let until = waits["waiting"]["until"].as_str().context("until")?;
    let until = DateTime::parse_from_rfc3339(until)?.with_timezone(&Utc);
    assert!(
        until - Utc::now() < chrono::Duration::seconds(41),
        "{waits}"
    );
    // The target stays taken: nobody else makes the object meanwhile.
    let other = stack.api.execute(&selection, digest).await?;
    let known = other.status == 200 && other.body["operation_run"]["id"] == json!(id);
    assert!(
        known || other.body.to_string().contains("scope_busy"),
        "{}",
        other.body
    );
    // Nothing is concluded before, and it is at that moment.
    let settled = seen(&stack, &id, 60, |run| run["waiting"].is_null()).await?;
    let late = Utc::now() - until;
    assert!(late > chrono::Duration::zero(), "{late} {settled}");
    assert!(late < chrono::Duration::seconds(5), "{late} {settled}");
    let run = stack.api.wait_for_run(&id, Duration::from_mins(1)).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    assert_eq!(stack.sim.objects(TARGET, "namedLocations").await?.len(), 1);
    Ok(())
}

async fn wait_for_creates(stack: &Stack, count: usize) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while stack.sim.creates(TARGET).await?.len() < count {
        assert!(
            Instant::now() < deadline,
            "nothing is created\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
