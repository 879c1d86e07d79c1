//! Every fault of the wire: nothing twice, nothing lost, and the reason named.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use crate::support::{Plan, SOURCE, Stack, TARGET};
use domain::plan::Action;
use domain::selection::Options;
use graph_sim::{Side, TenantSpec};
use serde_json::{Value, json};
use store::run_items::ItemRow;

const CATALOG: &str = "configurationPolicies";
const CREATE: &str = "/configurationPolicies(\\?|$)";

/// Runs a promotion of some types with faults on the target's writes.
async fn promote_with(types: &[&str], faults: &[Value]) -> (Stack, Plan, Vec<ItemRow>) {
    promote_on(Stack::start().await, types, faults).await
}

async fn promote_on(stack: Stack, types: &[&str], faults: &[Value]) -> (Stack, Plan, Vec<ItemRow>) {
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(types, Options::default()).await;
    assert!(!plan.subjects.is_empty());
    for fault in faults {
        stack.fault(fault.clone()).await;
    }
    let run = stack.promote(&plan).await;
    stack.finished(run).await;
    let items = stack.items(run).await;
    worker.stop().await;
    (stack, plan, items)
}

fn on_create(times: u32, mut kind: Value) -> Value {
    merge(
        &mut kind,
        json!({"tenant": TARGET, "method": "POST", "path_regex": CREATE, "times": times}),
    );
    kind
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

fn assert_all_succeeded(items: &[ItemRow]) {
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Names that stand more than once in a collection of the target, besides those that did before.
async fn duplicates(stack: &Stack, plan: &Plan, collection: &str, name: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for object in stack.objects(TARGET, collection).await {
        let body = object.get("body").unwrap_or(&object);
        if let Some(name) = body.get(name).and_then(Value::as_str) {
            *seen.entry(name.to_owned()).or_default() += 1;
        }
    }
    let created = |name: &String| {
        plan.subjects
            .iter()
            .any(|s| s.action == Action::Create && s.display_name == *name)
    };
    assert!(!seen.is_empty());
    seen.into_iter()
        .filter(|(name, count)| *count > 1 && created(name))
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_creates_make_nothing_twice_and_lose_nothing() {
    for kind in [
        json!({"kind": "status_after_effect", "status": 500}),
        json!({"kind": "status_after_effect", "status": 502}),
        json!({"kind": "status_after_effect", "status": 429}),
        json!({"kind": "status_before_effect", "status": 500}),
        json!({"kind": "status_before_effect", "status": 503}),
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "cut_before_effect"}),
        json!({"kind": "truncate_body_after_effect"}),
        json!({"kind": "created_without_id"}),
    ] {
        let (stack, plan, items) = promote_with(&[CATALOG], &[on_create(3, kind.clone())]).await;
        assert_all_succeeded(&items);
        let twice = duplicates(&stack, &plan, CATALOG, "name").await;
        assert!(twice.is_empty(), "{kind} {twice:?}");
    }
}

/// A list that holds what cannot be told proves nothing absent: neither before a create nor after one
/// whose answer was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_told_is_no_proof_of_absence() {
    for item in [
        json!(null),
        json!({"error": {"code": "InternalServerError"}}),
        json!({"id": "00000000-0000-4000-8000-00000000000a"}),
        json!({"id": "00000000-0000-4000-8000-00000000000a", "name": null}),
    ] {
        let odd = json!({"kind": "odd_list", "item": item, "tenant": TARGET, "method": "GET",
            "path_regex": CREATE, "times": 100_000});
        let (stack, plan, items) = promote_with(&[CATALOG], &[odd]).await;
        let creates = plan
            .subjects
            .iter()
            .filter(|s| s.action == Action::Create)
            .count();
        let refused = items
            .iter()
            .filter(|i| {
                matches!(
                    i.reason_code.as_deref(),
                    Some("list_incomplete" | "answer_incomplete")
                )
            })
            .count();
        assert!(creates > 0 && refused >= creates, "{item} {items:#?}");
        let posts = stack.writes(TARGET).await;
        let posts = posts.iter().filter(|write| write["method"] == "POST");
        assert_eq!(posts.count(), 0, "{item}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_cannot_be_told_makes_nothing_twice() {
    for item in [json!(null), json!({"error": {"code": "Timeout"}})] {
        let odd = json!({"kind": "odd_list", "item": item, "tenant": TARGET, "method": "GET",
            "path_regex": CREATE, "skip": 3, "times": 6});
        let lost = on_create(3, json!({"kind": "cut_after_effect"}));
        let (stack, plan, items) = promote_with(&[CATALOG], &[lost, odd]).await;
        // One whose first look was such a list has written nothing.
        let (ended, refused): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| item.outcome == "succeeded");
        let before = |item: &ItemRow| {
            matches!(
                item.reason_code.as_deref(),
                Some("list_incomplete" | "answer_incomplete")
            )
        };
        assert!(
            !ended.is_empty() && refused.iter().all(before),
            "{refused:#?}"
        );
        let twice = duplicates(&stack, &plan, CATALOG, "name").await;
        assert!(twice.is_empty(), "{item} {twice:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_object_shows_late_is_adopted() {
    let (stack, plan, items) = promote_with(
        &[CATALOG],
        &[
            on_create(2, json!({"kind": "delayed_visibility", "ms": 900})),
            on_create(2, json!({"kind": "cut_after_effect"})),
        ],
    )
    .await;
    assert_all_succeeded(&items);
    assert!(duplicates(&stack, &plan, CATALOG, "name").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_children_and_templates_are_settled() {
    for kind in [
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "status_before_effect", "status": 500}),
        json!({"kind": "created_without_id"}),
    ] {
        let on = |path: &str, times: u32| {
            let mut fault = kind.clone();
            let place =
                json!({"tenant": TARGET, "method": "POST", "path_regex": path, "times": times});
            merge(&mut fault, place);
            fault
        };
        let faults = [
            on("notificationMessageTemplates(\\?|$)", 1),
            on("localizedNotificationMessages", 2),
        ];
        let (stack, plan, items) = promote_with(&["notificationMessageTemplates"], &faults).await;
        assert_all_succeeded(&items);
        let twice = duplicates(&stack, &plan, "notificationMessageTemplates", "displayName").await;
        assert!(twice.is_empty(), "{kind} {twice:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_updates_are_read_back_and_repeated() {
    for kind in [
        json!({"kind": "status_after_effect", "status": 500}),
        json!({"kind": "status_before_effect", "status": 504}),
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "truncate_body_after_effect"}),
    ] {
        for method in ["PATCH", "PUT"] {
            let mut fault = kind.clone();
            merge(
                &mut fault,
                json!({"tenant": TARGET, "method": method, "path_regex": "deviceManagement", "times": 2}),
            );
            let types = [CATALOG, "deviceCompliancePolicies", "deviceConfigurations"];
            let (_, _, items) = promote_with(&types, &[fault]).await;
            assert_all_succeeded(&items);
        }
    }
}

/// 409 says "exists already" or "another operation is under way": looked at, not believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_settled_by_looking() {
    let landed = on_create(2, json!({"kind": "status_after_effect", "status": 409}));
    let passing = json!({"kind": "status_before_effect", "status": 409, "tenant": TARGET,
        "method": "PATCH", "path_regex": "deviceCompliancePolicies", "times": 2});
    let types = [CATALOG, "deviceCompliancePolicies"];
    let (stack, plan, items) = promote_with(&types, &[landed, passing]).await;
    assert_all_succeeded(&items);
    assert!(duplicates(&stack, &plan, CATALOG, "name").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_stays_is_a_refusal() {
    let refused = on_create(50, json!({"kind": "status_before_effect", "status": 409}));
    let (stack, plan, items) = promote_with(&[CATALOG], &[refused]).await;
    let creates = plan.subjects.iter().filter(|s| s.action == Action::Create);
    let creates = creates.count();
    let refused = items
        .iter()
        .filter(|item| item.reason_code.as_deref() == Some("graph_rejected"));
    assert!(creates > 1 && refused.count() == creates, "{items:#?}");
    let posts = stack.writes(TARGET).await;
    let posts = posts.iter().filter(|write| write["method"] == "POST");
    assert_eq!(posts.count(), creates, "no create is sent twice");
}

const TEMPLATES: &str = "notificationMessageTemplates";

fn into_an_empty_target() -> Vec<TenantSpec> {
    vec![
        TenantSpec::builtin(SOURCE, Side::Source),
        TenantSpec::empty(TARGET),
    ]
}

/// A replica that lags shows a new object without the part written a moment ago.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_new_object_that_show_late_are_waited_for() {
    let lag = json!({"kind": "lagging_list", "tenant": TARGET, "method": "GET",
        "path_regex": "localizedNotificationMessages", "times": 6});
    let stack = Stack::with(into_an_empty_target()).await;
    let (_, plan, items) = promote_on(stack, &[TEMPLATES], &[lag]).await;
    assert!(!plan.subjects.is_empty());
    assert_all_succeeded(&items);
}

/// What landed before a later step failed is inventory at once: the next run goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_made_object_is_finished_by_the_next_run_without_a_sync() {
    let forbid = json!({"kind": "forbid", "tenant": TARGET, "method": "POST",
        "path_regex": "localizedNotificationMessages", "times": 50});
    let stack = Stack::with(into_an_empty_target()).await;
    let (stack, first, items) = promote_on(stack, &[TEMPLATES], &[forbid]).await;
    assert!(
        items.iter().all(|item| item.outcome == "failed"),
        "{items:#?}"
    );
    stack.control("DELETE", "/faults", None).await;

    let worker = stack.worker();
    let plan = stack.plan(&[TEMPLATES], Options::default()).await;
    assert_eq!(plan.subjects.len(), first.subjects.len());
    assert!(plan.subjects.iter().all(|s| s.action == Action::Update));
    let run = stack.promote(&plan).await;
    stack.finished(run).await;
    assert_all_succeeded(&stack.items(run).await);
    worker.stop().await;
    assert_eq!(
        stack.objects(TARGET, TEMPLATES).await.len(),
        first.subjects.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_spends_no_attempt() {
    for retry_after in [json!("1"), json!(null), json!("0"), json!(1.5)] {
        let kind = json!({"kind": "throttle", "retry_after": retry_after});
        let (stack, plan, items) = promote_with(&[CATALOG], &[on_create(2, kind)]).await;
        assert_all_succeeded(&items);
        assert!(items.iter().all(|item| item.attempts == 1), "{items:#?}");
        assert!(duplicates(&stack, &plan, CATALOG, "name").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_parks_the_run_and_shows() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    stack
        .fault(on_create(1, json!({"kind": "throttle", "retry_after": 33})))
        .await;
    let run = stack.promote(&plan).await;
    let parked = stack
        .wait_for(run, 20, |row| row.waiting_reason.is_some())
        .await;
    assert_eq!(parked.waiting_reason.as_deref(), Some("throttled"));
    assert!(parked.lease_holder.is_none());
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded");
    assert_eq!(row.rescues, 0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_dropped_silently_is_named() {
    let fault = on_create(
        1,
        json!({"kind": "drop_setting", "path": "settings", "name": null}),
    );
    let (_, _, items) = promote_with(&[CATALOG], &[fault]).await;
    let failed: Vec<_> = items.iter().filter(|i| i.outcome == "failed").collect();
    assert_eq!(failed.len(), 1, "{items:#?}");
    let item = failed.first().unwrap();
    assert_eq!(item.reason_code.as_deref(), Some("verification_failed"));
    assert!(
        item.message.as_deref().unwrap().contains("settings"),
        "{item:#?}"
    );
    assert!(item.target_external_id.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_changed_behind_the_back_is_not_overwritten() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    let updated = plan
        .subjects
        .iter()
        .find(|s| s.action == Action::Update)
        .unwrap();
    let id = &updated.target.as_ref().unwrap().external_id;
    stack
        .control(
            "PATCH",
            &format!("/tenants/{TARGET}/objects/{CATALOG}/{id}"),
            Some(json!({"description": "changed by somebody else"})),
        )
        .await;
    let created = plan
        .subjects
        .iter()
        .find(|s| s.action == Action::Create)
        .unwrap();
    let run = stack.promote(&plan).await;
    stack.finished(run).await;
    let items = stack.items(run).await;
    let item = items
        .iter()
        .find(|i| i.subject_key == updated.subject_key)
        .unwrap();
    assert_eq!(item.reason_code.as_deref(), Some("target_changed"));
    let other = items
        .iter()
        .find(|i| i.subject_key == created.subject_key)
        .unwrap();
    assert_eq!(other.outcome, "succeeded", "{other:#?}");
    let writes = stack.writes(TARGET).await;
    assert!(!writes.iter().any(|w| {
        w.get("path")
            .and_then(Value::as_str)
            .is_some_and(|path| path.contains(id.as_str()))
    }));
    worker.stop().await;
}

/// A look is several reads: the object, its settings, its assignments, and the object once more.
/// Whichever of them a change lands with, the write that follows must not happen.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_any_read_of_the_look_is_seen() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[CATALOG], Options::default()).await;
    let is_update = |s: &&domain::plan::PinnedSubject| s.action == Action::Update;
    let updated: Vec<_> = plan.subjects.iter().filter(is_update).collect();
    assert!(updated.len() >= 4, "{}", updated.len());
    for (read, subject) in updated.iter().enumerate() {
        let id = &subject.target.as_ref().unwrap().external_id;
        let fault = json!({"kind": "change_behind", "tenant": TARGET, "method": "GET",
            "path_regex": id, "skip": read % 4, "times": 1, "collection": CATALOG, "id": id,
            "patch": {"description": "changed by somebody else"}});
        stack.fault(fault).await;
    }
    let run = stack.promote(&plan).await;
    stack.finished(run).await;
    let (items, writes) = (stack.items(run).await, stack.writes(TARGET).await);
    for (read, subject) in updated.iter().enumerate() {
        let is_it = |i: &&ItemRow| i.subject_key == subject.subject_key;
        let item = items.iter().find(is_it).unwrap();
        let reason = item.reason_code.as_deref();
        assert_eq!(reason, Some("target_changed"), "read {read}: {item:#?}");
        let id = &subject.target.as_ref().unwrap().external_id;
        let path = |w: &Value| w.get("path").and_then(Value::as_str).unwrap().to_owned();
        assert!(!writes.iter().any(|w| path(w).contains(id.as_str())));
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_fails_its_subject_and_its_dependants_only() {
    let fault = json!({"kind": "forbid", "tenant": TARGET, "method": "POST",
        "path_regex": "namedLocations", "times": 50});
    let types = ["namedLocations", "conditionalAccessPolicies", CATALOG];
    let (_, _, items) = promote_with(&types, &[fault]).await;
    let of = |kind: &str| {
        items
            .iter()
            .filter(|i| i.policy_type == kind)
            .collect::<Vec<_>>()
    };
    assert!(
        of("namedLocations")
            .iter()
            .any(|i| i.reason_code.as_deref() == Some("graph_forbidden"))
    );
    assert!(of(CATALOG).iter().all(|i| i.outcome == "succeeded"));
    let access = of("conditionalAccessPolicies");
    assert!(
        access
            .iter()
            .any(|i| i.reason_code.as_deref() == Some("dependency_failed"))
    );
    assert!(access.iter().any(|i| i.outcome == "succeeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_makes_its_type_incomplete_and_removes_nothing() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let before = stack.plan(&[], Options::default()).await;
    stack
        .fault(json!({"kind": "page_fails", "tenant": SOURCE, "times": 500,
            "path_regex": "configurationPolicies"}))
        .await;
    let run = stack
        .queue(
            "inventory.sync",
            stack.source_id,
            json!({"policy_types": null}),
        )
        .await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "partially_succeeded");
    let after = stack.plan(&[], Options::default()).await;
    assert_eq!(
        before.comparison.summary.total,
        after.comparison.summary.total
    );
    assert!(after.comparison.summary.indeterminate > before.comparison.summary.indeterminate);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_tenant_is_never_used() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack
        .fault(json!({"kind": "wrong_tid_token", "tenant": TARGET, "times": 50}))
        .await;
    let run = stack
        .queue("connection.check", stack.target_id, json!({}))
        .await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "failed");
    assert_eq!(row.outcome_reason.as_deref(), Some("wrong_tenant"));
    worker.stop().await;
}
