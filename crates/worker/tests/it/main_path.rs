//! The main path: capture, promote, verify, compare again.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use crate::support::{SOURCE, Stack, TARGET};
use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_checked_connection_is_healthy_and_says_so() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    let run = stack
        .queue("connection.check", stack.source_id, json!({}))
        .await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{:#?}", stack.items(run).await);
    let (workspace, tenant) = (stack.workspace_id, stack.source_id);
    let connection = stack
        .db
        .run(move |conn| store::connections::find_connection(conn, workspace, tenant))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(connection.health, "healthy");
    assert!(
        connection
            .granted_roles
            .is_some_and(|roles| !roles.is_empty())
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promoted_is_verified_and_matches_at_once() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[], Options::default()).await;
    assert!(plan.subjects.len() > 10, "{:?}", plan.preflight.summary);

    let run = stack.promote(&plan).await;
    let row = stack.finished(run).await;
    let items = stack.items(run).await;
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(row.outcome, "succeeded");
    assert!(stack.writes(SOURCE).await.is_empty());

    let again = stack.plan(&[], Options::default()).await;
    let states: std::collections::BTreeMap<&str, SubjectState> = again
        .comparison
        .subjects
        .iter()
        .map(|subject| (subject.subject_key.as_str(), subject.state))
        .collect();
    let unmatched: Vec<_> = plan
        .subjects
        .iter()
        .filter(|s| states.get(s.subject_key.as_str()) != Some(&SubjectState::Match))
        .map(|s| {
            let subject = again
                .comparison
                .subjects
                .iter()
                .find(|a| a.subject_key == s.subject_key);
            (&s.policy_type, &s.display_name, s.action, subject)
        })
        .collect();
    assert!(unmatched.is_empty(), "{unmatched:#?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_and_scope_tags_are_carried_when_asked() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let options = Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    };
    let plan = stack.plan(&[], options).await;
    let run = stack.promote(&plan).await;
    let row = stack.finished(run).await;
    let items = stack.items(run).await;
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(row.outcome, "succeeded");
    let assigned = stack.writes(TARGET).await;
    assert!(assigned.iter().any(|w| {
        w.get("path")
            .and_then(serde_json::Value::as_str)
            .is_some_and(|path| path.ends_with("/assign"))
    }));
    worker.stop().await;
}

/// Issue 4, item 12: the lists were read before the promotion wrote, and are taken in after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_read_before_a_promotion_wrote_takes_nothing_of_it_back() {
    const LISTS: &str = "/deviceManagement/(configurationPolicies|assignmentFilters)(\\?|$)";
    let mut stack = Stack::start().await;
    stack.config.graph_timeout = Duration::from_secs(30);
    let worker = stack.worker();
    stack.sync_both().await;
    let types = ["configurationPolicies", "assignmentFilters"];
    let plan = stack.plan(&types, Options::default()).await;
    assert!(
        plan.subjects
            .iter()
            .any(|s| s.action == domain::plan::Action::Create)
    );

    // The sync's lists are made up at once and answered late.
    stack
        .fault(
            json!({"tenant": TARGET, "method": "GET", "path_regex": LISTS, "times": 2,
            "kind": "slow_after_effect", "ms": 9000}),
        )
        .await;
    let sync = stack
        .queue(
            "inventory.sync",
            stack.target_id,
            json!({"policy_types": types}),
        )
        .await;
    let read = |stack: &Stack| {
        let journal = format!("/journal?tenant={TARGET}&writes_only=false");
        let (http, base) = (stack.http.clone(), stack.sim.base_url().to_owned());
        async move {
            let url = format!("{base}/__sim{journal}");
            let answer: serde_json::Value =
                http.get(url).send().await.unwrap().json().await.unwrap();
            let entries = answer
                .get("items")
                .unwrap_or(&answer)
                .as_array()
                .unwrap()
                .clone();
            entries
                .iter()
                .filter(|entry| entry.get("fault").is_some_and(|f| f == "slow_after_effect"))
                .count()
        }
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while read(&stack).await < 2 {
        assert!(
            std::time::Instant::now() < deadline,
            "the sync does not read"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let run = stack.promote(&plan).await;
    let promoted = stack.finished(run).await;
    assert_eq!(
        promoted.outcome,
        "succeeded",
        "{:#?}",
        stack.items(run).await
    );
    assert_ne!(
        stack.run(sync).await.status,
        "completed",
        "the sync was over too soon"
    );
    let synced = stack.finished(sync).await;
    assert_eq!(
        synced.outcome,
        "succeeded",
        "{:#?}",
        stack.items(sync).await
    );
    assert!(synced.completed_at > promoted.completed_at);

    let after = stack.plan(&types, Options::default()).await;
    for subject in &plan.subjects {
        let now = after
            .comparison
            .subjects
            .iter()
            .find(|s| s.subject_key == subject.subject_key)
            .unwrap();
        assert_eq!(now.state, SubjectState::Match, "{now:#?}");
    }
    worker.stop().await;
}
