//! The main path: capture, promote, verify, compare again.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::json;
use support::{SOURCE, Stack, TARGET};

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
