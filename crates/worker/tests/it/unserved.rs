//! A collection that a tenant does not offer is an answer; one that it had before is trouble.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::{SOURCE, Stack};
use serde_json::json;
use store::inventory::CoverageRow;
use store::run_items::ItemRow;

const FILTERS: &str = "assignmentFilters";

/// Syncs one type of the source; its item, its coverage and the run's outcome.
async fn sync(stack: &Stack) -> (ItemRow, CoverageRow, String) {
    let run = stack
        .queue(
            "inventory.sync",
            stack.source_id,
            json!({"policy_types": [FILTERS]}),
        )
        .await;
    let outcome = stack.finished(run).await.outcome;
    let item = stack.items(run).await.into_iter().next().unwrap();
    let tenant_id = stack.source_id;
    let coverage = stack
        .db
        .run(move |conn| store::inventory::list_coverage(conn, tenant_id))
        .await
        .unwrap();
    let of_type = coverage.into_iter().find(|row| row.subject == FILTERS);
    (item, of_type.unwrap(), outcome)
}

/// Every list of filters by the type's own reading and by the references' answers 404.
async fn take_away(stack: &Stack) {
    stack
        .fault(json!({
            "kind": "status_before_effect", "status": 404, "tenant": SOURCE, "method": "GET",
            "path_regex": "/assignmentFilters(\\?|$)", "times": 2,
        }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_never_had_is_not_offered_and_one_that_was_had_is_incomplete() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    take_away(&stack).await;
    let (item, coverage, outcome) = sync(&stack).await;
    assert_eq!(item.outcome, "succeeded", "{item:#?}");
    assert_eq!(item.reason_code.as_deref(), Some("type_not_served"));
    assert_eq!(outcome, "succeeded");
    // Nothing is concluded from it: not read is not complete.
    assert_eq!(coverage.status, "incomplete");
    assert_eq!(coverage.reason_code.as_deref(), Some("type_not_served"));

    let (item, coverage, _) = sync(&stack).await;
    assert_eq!(item.outcome, "succeeded", "{item:#?}");
    assert_eq!(coverage.status, "complete");

    take_away(&stack).await;
    let (item, coverage, outcome) = sync(&stack).await;
    assert_eq!(item.outcome, "failed", "{item:#?}");
    assert_eq!(item.reason_code.as_deref(), Some("graph_not_found"));
    assert_eq!(outcome, "failed");
    assert_eq!(coverage.status, "incomplete");
    assert_eq!(coverage.reason_code.as_deref(), Some("graph_not_found"));
    worker.stop().await;
}
