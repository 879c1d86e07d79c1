//! Any number of concurrent starts over two API processes give exactly one run.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use promotion_tests::stack::{Plan, Stack};
use serde_json::json;

use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_starts_over_two_processes_queue_one_run() -> Result<()> {
    let stack = Stack::start(
        PROCESS,
        Plan {
            apis: 2,
            workers: 2,
            ..Plan::default()
        },
    )
    .await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    let digest = preflight["plan_digest"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let calls = (0..64_usize).map(|number| {
        let api = stack.api.at(&stack.api_urls[number % 2]);
        let (selection, digest) = (selection.clone(), digest.clone());
        async move { api.execute(&selection, &digest).await }
    });
    let mut queued = 0;
    let mut runs = BTreeSet::new();
    for reply in join_all(calls).await {
        let reply = reply?;
        match reply.status {
            202 => queued += 1,
            200 => assert_eq!(reply.body["result"], "deduped", "{}", reply.body),
            _ => panic!("{}: {}", reply.status, reply.body),
        }
        runs.insert(
            reply.body["operation_run"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
        assert!(reply.header("location").is_some());
    }
    assert_eq!((queued, runs.len()), (1, 1));
    let id = runs.into_iter().next().unwrap_or_default();
    let run = stack.api.wait_for_run(&id, Duration::from_mins(4)).await?;
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    let creates = by_key(&preflight)
        .values()
        .filter(|s| s["action"] == "create")
        .count();
    assert_journal(&stack, creates).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_plan_on_a_held_target_is_scope_busy() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let first = stack.selection();
    let mut second = stack.selection();
    second["scope"] = json!({"policy_types": ["configurationPolicies"]});
    let other = stack.api.preflight(&second).await?;
    let preflight = stack.api.preflight(&first).await?;
    stack
        .sim
        .fault(json!({"method": "POST", "times": 1000, "kind": "slow", "ms": 300}))
        .await?;
    let digest = preflight["plan_digest"].as_str().unwrap_or_default();
    let run = stack.api.execute(&first, digest).await?.expect(202)?;
    let busy = stack
        .api
        .execute(&second, other["plan_digest"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(
        (busy.status, &busy.body["code"]),
        (409, &json!("scope_busy")),
        "{}",
        busy.body
    );
    assert_eq!(busy.body["result"], "scope_busy");
    assert_eq!(busy.body["operation_run_id"], run["operation_run"]["id"]);
    assert!(busy.body["links"]["operation_run"].is_string());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_answers_with_its_run_even_after_the_end() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": ["assignmentFilters"]});
    let preflight = stack.api.preflight(&selection).await?;
    let mut body = selection.clone();
    body["plan_digest"] = preflight["plan_digest"].clone();
    body["confirm"] = json!(true);
    let path = stack.api.path("/cross-tenant-compare/execute");
    let headers = [("idempotency-key", "night-run-1")];
    let post = reqwest::Method::POST;
    let first = stack
        .api
        .send(post.clone(), &path, &headers, Some(&body))
        .await?
        .expect(202)?;
    let id = first["operation_run"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    stack.api.wait_for_run(&id, Duration::from_mins(2)).await?;
    let again = stack
        .api
        .send(post.clone(), &path, &headers, Some(&body))
        .await?;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (200, Some("true"))
    );
    assert_eq!(again.body["result"], "deduped");
    assert_eq!(again.body["operation_run"]["id"], json!(id));
    body["options"] = json!({"assignments": "map"});
    let reused = stack.api.send(post, &path, &headers, Some(&body)).await?;
    assert_eq!(
        (reused.status, &reused.body["code"]),
        (422, &json!("idempotency_key_reused"))
    );
    Ok(())
}
