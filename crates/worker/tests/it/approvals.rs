//! Multi Admin Approval: asked for once, sent with its code, and asked for anew once it is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use crate::support::{Stack, TARGET};
use domain::selection::Options;
use serde_json::{Value, json};

const CATALOG: &str = "configurationPolicies";

/// A fault on one create in the target.
fn on_create(kind: Value) -> Value {
    let mut fault = json!({"tenant": TARGET, "method": "POST",
        "path_regex": "/configurationPolicies(\\?|$)", "times": 1});
    if let (Some(fault), Value::Object(more)) = (fault.as_object_mut(), kind) {
        fault.extend(more);
    }
    fault
}

/// The requests that create a policy of a name, in order.
async fn creates(stack: &Stack, name: &str) -> Vec<Value> {
    let writes = stack.writes(TARGET).await.into_iter();
    writes
        .filter(|entry| entry["body"]["name"] == name && entry["method"] == "POST")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_asked_for_once_and_its_code_is_sent_by_the_next_run() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    stack
        .fault(on_create(
            json!({"kind": "approval_required", "status": 412, "code": "c0de"}),
        ))
        .await;
    let run = stack.promote(&plan).await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "partially_succeeded");
    let items = stack.items(run).await;
    let held: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert_eq!(held.len(), 1);
    assert_eq!(
        held.first().unwrap().reason_code.as_deref(),
        Some("approval_required")
    );
    let again = stack.plan(&[CATALOG], Options::default()).await;
    assert_eq!(again.subjects.len(), 1);
    let second = stack.promote(&again).await;
    assert_eq!(stack.finished(second).await.outcome, "succeeded");

    // The two requests are the same but for the header: first why, then the code.
    let creates = creates(&stack, &again.subjects.first().unwrap().display_name).await;
    let [first, second] = creates.as_slice() else {
        panic!("{creates:#?}");
    };
    assert_eq!(first["body_sha256"], second["body_sha256"]);
    assert!(first["approval_justification"].is_string(), "{first}");
    assert_eq!(first["approval_code"], Value::Null);
    assert_eq!(second["approval_code"], "c0de");
    assert_eq!(second["approval_justification"], Value::Null);
    // What nobody held back never carries a code.
    let coded = stack.writes(TARGET).await;
    assert_eq!(
        coded
            .iter()
            .filter(|w| w["approval_code"].is_string())
            .count(),
        1
    );
    worker.stop().await;
}

/// A code that the tenant's administrators rejected, or that lapsed there, is not sent for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_graph_refuses_is_asked_for_anew() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let held = json!({"kind": "approval_required", "status": 412, "code": "c0de"});
    stack.fault(on_create(held)).await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    let run = stack.promote(&plan).await;
    stack.finished(run).await;

    let refused = json!({"kind": "status_before_effect", "status": 400});
    stack.fault(on_create(refused)).await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    let run = stack.promote(&plan).await;
    assert_eq!(stack.finished(run).await.outcome, "failed");
    let items = stack.items(run).await;
    let reasons: Vec<_> = items.iter().map(|i| i.reason_code.as_deref()).collect();
    assert_eq!(reasons, [Some("approval_refused")]);

    let plan = stack.plan(&[CATALOG], Options::default()).await;
    let run = stack.promote(&plan).await;
    assert_eq!(stack.finished(run).await.outcome, "succeeded");
    let creates = creates(&stack, &plan.subjects.first().unwrap().display_name).await;
    let codes: Vec<_> = creates
        .iter()
        .map(|w| w["approval_code"].as_str())
        .collect();
    assert_eq!(codes, [None, Some("c0de"), None]);
    assert!(
        creates
            .iter()
            .all(|w| w["body_sha256"] == creates[0]["body_sha256"])
    );
    worker.stop().await;
}
