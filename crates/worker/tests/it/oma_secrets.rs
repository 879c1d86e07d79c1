//! Encrypted OMA-URI values: held without the permission, carried with it, stored never.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    reason = "a test stops at the first surprise"
)]

use crate::support::{Plan, SOURCE, Stack, TARGET};
use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use domain::preflight::{PreflightSubject, Readiness};
use domain::selection::Options;
use serde_json::{Value, json};
use store::StoreError;
use store::run_items::ItemRow;
use uuid::Uuid;

const POLICY: &str = "Win - Custom - Wireless Key";
const PLAIN: &str = "correct horse battery staple";
const TYPES: [&str; 1] = ["deviceConfigurations"];

async fn allow(stack: &Stack, tenant_id: Uuid, allowed: bool) {
    let workspace_id = stack.workspace_id;
    stack
        .db
        .transaction(move |conn| {
            store::connections::put_secret_reading(conn, workspace_id, tenant_id, allowed)
        })
        .await
        .unwrap()
        .unwrap();
}

fn subject(plan: &Plan) -> &PreflightSubject {
    plan.preflight
        .subjects
        .iter()
        .find(|subject| subject.display_name == POLICY)
        .unwrap()
}

async fn promote(stack: &Stack, plan: &Plan) -> ItemRow {
    let run = stack.promote(plan).await;
    stack.finished(run).await;
    let items = stack.items(run).await;
    items
        .into_iter()
        .find(|i| i.display_name == POLICY)
        .unwrap()
}

/// Removes the policy from the target, so that the source's is a create.
async fn target_without(stack: &Stack) {
    for object in stack.objects(TARGET, TYPES[0]).await {
        if object["displayName"] == POLICY {
            let id = object["id"].as_str().unwrap();
            let path = format!("/tenants/{TARGET}/objects/{}/{id}", TYPES[0]);
            stack.control("DELETE", &path, None).await;
        }
    }
}

async fn in_target(stack: &Stack) -> Option<Value> {
    let objects = stack.objects(TARGET, TYPES[0]).await;
    objects.into_iter().find(|o| o["displayName"] == POLICY)
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Rows of every table that could hold it in which the plain text stands.
async fn rows_with_the_secret(stack: &Stack) -> i64 {
    stack
        .db
        .run(|conn| {
            let mut found = 0;
            for table in [
                "policy_versions",
                "policies",
                "operation_runs",
                "operation_run_items",
                "audit_logs",
                "apalis.jobs",
            ] {
                let count: Count = diesel::sql_query(format!(
                    "SELECT count(*) AS n FROM {table} AS t WHERE t::text LIKE '%{PLAIN}%'"
                ))
                .get_result(conn)?;
                found += count.n;
            }
            Ok::<_, StoreError>(found)
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_value_is_carried_only_with_permission_and_stored_never() {
    let stack = Stack::start().await;
    target_without(&stack).await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&TYPES, Options::default()).await;
    let held = subject(&plan);
    assert_eq!(held.readiness, Readiness::Blocked, "{held:#?}");
    assert!(
        held.reasons
            .iter()
            .any(|r| r.code == "secret_value_required")
    );

    allow(&stack, stack.source_id, true).await;
    stack.sync_both().await;
    let plan = stack.plan(&TYPES, Options::default()).await;
    assert_eq!(
        subject(&plan).readiness,
        Readiness::Ready,
        "{:#?}",
        subject(&plan)
    );
    let item = promote(&stack, &plan).await;
    assert_eq!(item.outcome, "succeeded", "{item:#?}");

    let written = in_target(&stack).await.unwrap();
    let values: Vec<&Value> = written["omaSettings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| &setting["value"])
        .collect();
    assert!(values.contains(&&json!(PLAIN)), "{written}");
    assert!(stack.writes(SOURCE).await.is_empty());
    assert_eq!(rows_with_the_secret(&stack).await, 0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_taken_back_or_a_changed_value_stops_the_write() {
    let stack = Stack::start().await;
    target_without(&stack).await;
    let worker = stack.worker();
    allow(&stack, stack.source_id, true).await;
    stack.sync_both().await;
    let plan = stack.plan(&TYPES, Options::default()).await;
    allow(&stack, stack.source_id, false).await;
    let item = promote(&stack, &plan).await;
    assert_eq!(
        item.reason_code.as_deref(),
        Some("secret_value_required"),
        "{item:#?}"
    );
    assert!(in_target(&stack).await.is_none());

    allow(&stack, stack.source_id, true).await;
    for object in stack.objects(SOURCE, TYPES[0]).await {
        if object["displayName"] != POLICY {
            continue;
        }
        // The service keeps a new value under a new reference.
        let mut settings = object["omaSettings"].clone();
        for setting in settings.as_array_mut().unwrap() {
            if setting["isEncrypted"] == true {
                setting["value"] = json!("another secret");
                setting["secretReferenceValueId"] = Value::Null;
            }
        }
        let id = object["id"].as_str().unwrap();
        let path = format!("/tenants/{SOURCE}/objects/{}/{id}", TYPES[0]);
        let patch = json!({"omaSettings": settings});
        stack.control("PATCH", &path, Some(patch)).await;
    }
    let plan = stack.plan(&TYPES, Options::default()).await;
    let item = promote(&stack, &plan).await;
    assert_eq!(
        item.reason_code.as_deref(),
        Some("source_secret_changed"),
        "{item:#?}"
    );
    assert!(in_target(&stack).await.is_none());
    worker.stop().await;
}
