//! A killed worker's run is resumed by another: nothing twice, nothing lost.

use std::time::{Duration, Instant};

use anyhow::Result;
use promotion_tests::stack::{Plan, Stack, TARGET};
use serde_json::json;

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
