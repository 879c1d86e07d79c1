//! Types that are captured and compared and never written, of which one is no list but one object of
//! the tenant: what is read of them, what they mean across tenants, what is said where a tenant does
//! not show them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use crate::support::{SOURCE, Stack, TARGET};
use domain::preflight::Readiness;
use domain::selection::Options;
use domain::subject::SubjectState;
use serde_json::json;

const TYPES: [&str; 4] = [
    "deviceManagementSettings",
    "inventoryPolicies",
    "roleAssignments",
    "termsOfUseAgreements",
];

#[tokio::test(flavor = "multi_thread")]
async fn they_are_compared_by_meaning_and_held_with_their_reason() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&TYPES, Options::default()).await;
    let states: BTreeMap<&str, SubjectState> = plan
        .comparison
        .subjects
        .iter()
        .map(|subject| (subject.display_name.as_str(), subject.state))
        .collect();
    let settings = "Tenant-wide compliance and device settings";
    let expected = BTreeMap::from([
        ("Acceptable Use", SubjectState::Match),
        ("Helpdesk - Contractors", SubjectState::Missing),
        ("Helpdesk - Kiosks", SubjectState::Match),
        (settings, SubjectState::Different),
        ("Win - Inventory", SubjectState::Match),
    ]);
    assert_eq!(states, expected);
    for (name, says) in [
        ("Helpdesk - Contractors", "assign it"),
        (settings, "lock users out"),
    ] {
        let subject = plan
            .preflight
            .subjects
            .iter()
            .find(|s| s.display_name == name);
        let subject = subject.unwrap();
        assert_eq!(subject.readiness, Readiness::Blocked, "{subject:#?}");
        let reason = subject
            .reasons
            .iter()
            .find(|one| one.code == "capture_only");
        assert!(reason.unwrap().message.contains(says), "{subject:#?}");
    }
    let assigned = plan
        .preflight
        .subjects
        .iter()
        .find(|s| s.display_name == "Helpdesk - Contractors");
    let kinds: Vec<&str> = assigned
        .unwrap()
        .references
        .iter()
        .map(|one| one.kind.as_str())
        .collect();
    for kind in ["group", "role_definition", "scope_tag"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(plan.items.is_empty());
    for tenant in [SOURCE, TARGET] {
        assert!(stack.writes(tenant).await.is_empty());
    }
    worker.stop().await;
}

/// Each collection fails in its own way; every other type of the run is captured all the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_served_stays_unread_alone_and_says_why() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    let cases = [
        (
            "deviceManagementSettings",
            "/beta/deviceManagement\\?",
            404,
            "type_not_served",
        ),
        (
            "inventoryPolicies",
            "/inventoryPolicies(\\?|$)",
            400,
            "graph_rejected",
        ),
        (
            "roleAssignments",
            "/roleAssignments(\\?|$)",
            403,
            "graph_forbidden",
        ),
        (
            "termsOfUseAgreements",
            "/beta/identityGovernance/",
            404,
            "type_not_served",
        ),
    ];
    for (_, path, status, _) in cases {
        let fault = json!({"kind": "status_before_effect", "status": status, "tenant": SOURCE,
            "method": "GET", "path_regex": path, "times": 100});
        stack.fault(fault).await;
    }
    let all = json!({"policy_types": null});
    let run = stack.queue("inventory.sync", stack.source_id, all).await;
    stack.finished(run).await;
    let (ours, others): (Vec<_>, Vec<_>) = stack
        .items(run)
        .await
        .into_iter()
        .partition(|item| TYPES.contains(&item.policy_type.as_str()));
    assert!(
        others.iter().all(|item| item.outcome == "succeeded"),
        "{others:#?}"
    );
    for (key, _, _, reason) in cases {
        let item = ours.iter().find(|item| item.policy_type == key).unwrap();
        assert_eq!(item.reason_code.as_deref(), Some(reason), "{item:#?}");
        let is_answer = reason == "type_not_served";
        assert_eq!(item.outcome == "succeeded", is_answer, "{item:#?}");
    }
    let tenant_id = stack.source_id;
    let coverage = stack
        .db
        .run(move |conn| store::inventory::list_coverage(conn, tenant_id))
        .await
        .unwrap();
    for key in TYPES {
        let of_type = coverage.iter().find(|row| row.subject == key).unwrap();
        assert_eq!(of_type.status, "incomplete", "{of_type:?}");
    }
    worker.stop().await;
}

/// An answer without the object is no object without values, and what was there is not gone by it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_the_object_says_nothing() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    let sync = async || {
        let context = json!({"policy_types": ["deviceManagementSettings"]});
        let run = stack
            .queue("inventory.sync", stack.source_id, context)
            .await;
        stack.finished(run).await;
        stack.items(run).await.into_iter().next().unwrap()
    };
    assert_eq!(sync().await.reason_code, None);
    let objects = stack.objects(SOURCE, "deviceManagementSettings").await;
    let id = objects.first().and_then(|one| one["id"].as_str()).unwrap();
    let path = format!("/tenants/{SOURCE}/objects/deviceManagementSettings/{id}");
    stack.control("DELETE", &path, None).await;
    let item = sync().await;
    assert_eq!(item.outcome, "failed", "{item:#?}");
    assert_eq!(item.reason_code.as_deref(), Some("graph_not_found"));
    worker.stop().await;
}
