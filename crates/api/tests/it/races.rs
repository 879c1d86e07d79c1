//! Every operation that changes something, by somebody whose removal was under way before it: over
//! HTTP, one after the other in the order in which the database is made to let them through.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use store::audit::AuditEntry;
use uuid::Uuid;

use crate::seed;
use crate::support::{Reply, Stack};

/// Operations that are no GET and change nothing.
const ONLY_READ: [&str; 3] = ["compare_tenants", "diff_subject", "preflight_promotion"];

/// Holds the end of the workspace's audit log until dropped: whoever changes something waits there,
/// in the order in which they came.
struct HeldLog {
    release: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl HeldLog {
    async fn of(stack: &Stack) -> Self {
        let url = stack.database.url().to_owned();
        let key = stack.config.audit_key.clone();
        let workspace: Uuid = stack.workspace.parse().unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (held, is_held) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut conn = store::db::establish(&url).unwrap();
            store::db::transaction(&mut conn, |conn| -> Result<(), store::StoreError> {
                let entry = AuditEntry::new(workspace, "test.held", chrono::Utc::now());
                store::audit::append(conn, &key, &entry)?;
                held.send(()).unwrap();
                let _ = released.recv();
                Ok(())
            })
            .unwrap();
        });
        actix_web::web::block(move || is_held.recv())
            .await
            .unwrap()
            .unwrap();
        Self { release, thread }
    }

    async fn let_go(self) {
        drop(self.release);
        actix_web::web::block(move || self.thread.join())
            .await
            .unwrap()
            .unwrap();
    }
}

/// One operation as somebody calls it who may.
struct Case {
    operation: &'static str,
    method: &'static str,
    tail: String,
    body: Value,
}

fn case(operation: &'static str, method: &'static str, tail: String, body: Value) -> Case {
    Case {
        operation,
        method,
        tail,
        body,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Every operation that changes something. What they name exists, so that nothing but the lost right
/// is in their way.
async fn cases(stack: &Stack) -> Vec<Case> {
    let selection = seed::two_tenants(stack).await;
    let (source, target) = (
        text(&selection["source_tenant_id"]),
        text(&selection["target_tenant_id"]),
    );
    let (member, _) = stack.member("bystander", "operator").await;
    let identity = json!({"issuer": "https://login.test", "subject": "bystander"});
    let path = format!("/members/{member}/identity");
    let link = stack.path(&path);
    stack
        .call("PUT", &link, Some(&stack.owner), Some(&identity))
        .await
        .expect(200);
    let set = stack.path(&format!("/tenants/{target}/members/{member}"));
    let role = json!({"role": "readonly"});
    stack
        .call("PUT", &set, Some(&stack.owner), Some(&role))
        .await
        .expect(200);
    let made = stack
        .post("/api-tokens", &json!({"name": "spare"}))
        .await
        .expect(201);
    let policies = stack
        .get(&format!("/tenants/{target}/policies"))
        .await
        .expect(200);
    let policy = policies["items"][0].clone();
    let run = stack
        .post(&format!("/tenants/{source}/inventory-syncs"), &json!({}))
        .await;
    let run = text(&run.expect(202)["operation_run"]["id"]);
    let preflight = stack
        .post("/cross-tenant-compare/preflight", &selection)
        .await
        .expect(200);
    let mut execute = selection.clone();
    execute["plan_digest"] = preflight["plan_digest"].clone();
    execute["confirm"] = json!(true);
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let entra = Uuid::new_v4();
    let on = |rest: &str| format!("/tenants/{target}{rest}");
    let n = || Value::Null;
    vec![
        case(
            "create_member",
            "POST",
            "/members".to_owned(),
            json!({"email": "new@example.test", "role": "owner"}),
        ),
        case(
            "update_member",
            "PATCH",
            format!("/members/{member}"),
            json!({"role": "owner"}),
        ),
        case(
            "put_member_identity",
            "PUT",
            path.clone(),
            json!({"issuer": "https://login.test", "subject": "mallory"}),
        ),
        case("delete_member_identity", "DELETE", path, n()),
        case("delete_member", "DELETE", format!("/members/{member}"), n()),
        case(
            "create_api_token",
            "POST",
            "/api-tokens".to_owned(),
            json!({"name": "t", "user_id": stack.owner_id}),
        ),
        case(
            "delete_api_token",
            "DELETE",
            format!("/api-tokens/{}", text(&made["token_id"])),
            n(),
        ),
        case(
            "put_operational_control",
            "PUT",
            "/operational-controls/inventory.sync".to_owned(),
            json!({"state": "enabled", "reason": "r"}),
        ),
        case(
            "create_tenant",
            "POST",
            "/tenants".to_owned(),
            json!({"display_name": "New", "entra_tenant_id": entra}),
        ),
        case(
            "update_tenant",
            "PATCH",
            on(""),
            json!({"display_name": "Renamed"}),
        ),
        case("put_connection", "PUT", on("/connection"), connection),
        case(
            "put_secret_reading",
            "PUT",
            on("/connection/secret-reading"),
            json!({"allowed": true, "reason": "r"}),
        ),
        case(
            "start_connection_check",
            "POST",
            on("/connection/checks"),
            n(),
        ),
        case(
            "start_inventory_sync",
            "POST",
            on("/inventory-syncs"),
            json!({}),
        ),
        case(
            "put_tenant_member",
            "PUT",
            on(&format!("/members/{member}")),
            json!({"role": "owner"}),
        ),
        case(
            "delete_tenant_member",
            "DELETE",
            on(&format!("/members/{member}")),
            n(),
        ),
        case(
            "start_policy_restore",
            "POST",
            on(&format!("/policies/{}/restores", text(&policy["id"]))),
            json!({
                "policy_version_id": policy["current_version_id"],
                "expected_current_version_id": policy["current_version_id"], "confirm": true,
            }),
        ),
        case(
            "execute_promotion",
            "POST",
            "/cross-tenant-compare/execute".to_owned(),
            execute,
        ),
        case("delete_connection", "DELETE", on("/connection"), n()),
        case("delete_tenant", "DELETE", on(""), n()),
        case(
            "start_reference_search",
            "POST",
            on("/reference-searches"),
            json!({"kind": "user", "q": "alice"}),
        ),
        case(
            "cancel_operation_run",
            "POST",
            format!("/operation-runs/{run}/cancel"),
            n(),
        ),
        case(
            "mark_notification_read",
            "POST",
            "/notifications/{own}/read".to_owned(),
            n(),
        ),
    ]
}

/// A second owner with a token and a notification.
async fn second_owner(stack: &Stack, number: usize) -> (String, String, String) {
    let (user, token) = stack.member(&format!("second-{number}"), "owner").await;
    let tenant = stack.tenant(&format!("Of second {number}")).await;
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let by = async |method: &str, tail: String, body: &Value| -> Reply {
        stack
            .call(method, &stack.path(&tail), Some(&token), Some(body))
            .await
    };
    by("PUT", format!("/tenants/{tenant}/connection"), &connection)
        .await
        .expect(200);
    let check = by(
        "POST",
        format!("/tenants/{tenant}/connection/checks"),
        &json!({}),
    )
    .await;
    let run = text(&check.expect(202)["operation_run"]["id"]);
    by("POST", format!("/operation-runs/{run}/cancel"), &json!({}))
        .await
        .expect(202);
    let path = stack.path("/notifications");
    let list = stack
        .call("GET", &path, Some(&token), None)
        .await
        .expect(200);
    let notification = text(&list["items"][0]["id"]);
    (user, token, notification)
}

#[actix_web::test]
async fn nobody_changes_anything_after_the_removal_that_came_before() {
    let stack = Stack::start().await;
    let cases = cases(&stack).await;
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let changing: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap())
        .filter(|(method, _)| *method != "get")
        .map(|(_, operation)| operation["operationId"].as_str().unwrap())
        .filter(|operation| !ONLY_READ.contains(operation))
        .collect();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.operation).collect();
    assert_eq!(changing, tried);

    for (number, case) in cases.iter().enumerate() {
        let (user, token, notification) = second_owner(&stack, number).await;
        let tail = case.tail.replace("{own}", &notification);
        let body = (!case.body.is_null()).then_some(&case.body);
        let log = HeldLog::of(&stack).await;
        let removal = async {
            let path = stack.path(&format!("/members/{user}"));
            stack.call("DELETE", &path, Some(&stack.owner), None).await
        };
        let change = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let path = stack.path(&tail);
            stack.call(case.method, &path, Some(&token), body).await
        };
        let release = async {
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            log.let_go().await;
        };
        let (removed, changed, ()) = tokio::join!(removal, change, release);
        removed.expect_status(204);
        assert_eq!(changed.status, 401, "{}: {}", case.operation, changed.text);
    }
}

#[actix_web::test]
async fn removed_owners_add_nobody_however_often_it_is_tried() {
    let stack = Stack::start().await;
    let mut added_after = 0;
    for round in 0..6 {
        let (user, token) = stack.member(&format!("other-{round}"), "owner").await;
        let path = stack.path("/members");
        let adds = (0..12).map(|n| {
            let body = json!({"email": format!("x{round}-{n}@example.test"), "role": "owner"});
            let (stack, path, token) = (&stack, &path, &token);
            async move {
                stack
                    .call("POST", path, Some(token), Some(&body))
                    .await
                    .status
            }
        });
        let removal = async {
            let path = stack.path(&format!("/members/{user}"));
            stack
                .call("DELETE", &path, Some(&stack.owner), None)
                .await
                .expect_status(204);
        };
        let (statuses, ()) = tokio::join!(futures::future::join_all(adds), removal);
        assert!(
            statuses.iter().all(|s| matches!(s, 201 | 401)),
            "{statuses:?}"
        );
        // The log is in the order of the commits: after the removal nothing is the removed owner's.
        let path = "/audit-logs?limit=30";
        let log = stack.get(path).await.expect(200);
        for entry in log["items"].as_array().unwrap() {
            if entry["action"] == "member.removed" {
                break;
            }
            added_after += usize::from(entry["actor_user_id"] == user.as_str());
        }
    }
    assert_eq!(added_after, 0);
}
