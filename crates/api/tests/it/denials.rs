//! What is denied leaves its trace: in the audit log, in bounds, and in the log of requests.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed;
use crate::support::Stack;

async fn denials(stack: &Stack) -> Vec<Value> {
    let page = stack.get("/audit-logs?limit=200").await.expect(200);
    let items = page["items"].as_array().unwrap();
    let denied = |entry: &&Value| entry["action"].as_str().unwrap().ends_with(".denied");
    items.iter().filter(denied).cloned().collect()
}

#[actix_web::test]
async fn denials_of_every_family_are_audited_with_who_and_what() {
    let stack = Stack::start().await;
    let selection = seed::two_tenants(&stack).await;
    let target = selection["target_tenant_id"].as_str().unwrap();
    let (user, token) = stack.member("reader", "readonly").await;
    let path = stack.path(&format!("/tenants/{target}/members/{user}"));
    for tenant in ["source_tenant_id", "target_tenant_id"] {
        let path = path.replace(target, selection[tenant].as_str().unwrap());
        let role = json!({"role": "readonly"});
        stack
            .call("PUT", &path, Some(&stack.owner), Some(&role))
            .await
            .expect(200);
    }
    let mut execute = selection.clone();
    execute["plan_digest"] = json!("sha256:0");
    execute["confirm"] = json!(true);
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let unknown = Uuid::new_v4();
    let (member, role) = (
        json!({"email": "a@example.test", "role": "owner"}),
        json!({"role": "owner"}),
    );
    let control = json!({"state": "paused", "reason": "r"});
    let versions = json!({"policy_version_id": unknown, "expected_current_version_id": unknown, "confirm": true});
    let none = Value::Null;
    let on = format!("/tenants/{target}");
    let nowhere = format!("/tenants/{unknown}");
    let table = [
        ("POST", "/members".to_owned(), &member, 403, "member.denied"),
        ("GET", "/members".to_owned(), &none, 403, "member.denied"),
        (
            "PATCH",
            format!("/members/{user}"),
            &role,
            403,
            "member.denied",
        ),
        (
            "POST",
            "/api-tokens".to_owned(),
            &json!({"name": "t"}),
            403,
            "api_token.denied",
        ),
        (
            "PUT",
            "/operational-controls/inventory.sync".to_owned(),
            &control,
            403,
            "operational_control.denied",
        ),
        (
            "PUT",
            format!("{on}/connection"),
            &connection,
            403,
            "connection.denied",
        ),
        (
            "PUT",
            format!("{nowhere}/connection"),
            &connection,
            404,
            "connection.denied",
        ),
        (
            "POST",
            format!("{on}/connection/checks"),
            &none,
            403,
            "connection.check.denied",
        ),
        (
            "POST",
            format!("{on}/inventory-syncs"),
            &none,
            403,
            "inventory.sync.denied",
        ),
        (
            "POST",
            format!("{nowhere}/inventory-syncs"),
            &none,
            404,
            "inventory.sync.denied",
        ),
        (
            "POST",
            format!("{on}/policies/{unknown}/restores"),
            &versions,
            404,
            "policy.restore.denied",
        ),
        (
            "POST",
            "/cross-tenant-compare/execute".to_owned(),
            &execute,
            403,
            "promotion.execute.denied",
        ),
        (
            "GET",
            "/audit-logs".to_owned(),
            &none,
            403,
            "audit_log.denied",
        ),
        (
            "DELETE",
            format!("/api-tokens/{unknown}"),
            &none,
            403,
            "api_token.denied",
        ),
        (
            "POST",
            format!("/operation-runs/{unknown}/cancel"),
            &none,
            404,
            "operation_run.denied",
        ),
    ];
    for (method, tail, body, status, action) in table {
        let before = denials(&stack).await.len();
        let body = (!body.is_null()).then_some(body);
        let path = stack.path(&tail);
        let reply = stack.call(method, &path, Some(&token), body).await;
        reply.expect_status(status);
        let after = denials(&stack).await;
        assert_eq!(after.len(), before + 1, "{method} {tail}");
        let entry = &after[0];
        assert_eq!(entry["action"], action, "{method} {tail}");
        assert_eq!(entry["actor_user_id"], user.as_str());
        assert!(entry["actor_token_id"].is_string());
        assert_eq!(entry["request_id"].as_str(), reply.header("x-request-id"));
        assert_eq!(entry["detail"]["request"], format!("{method} {path}"));
    }
    // A token that knocks at another workspace: its own workspace is told.
    let stranger = stack.other_workspace().await;
    let reply = stack
        .call(
            "POST",
            &stack.path("/members"),
            Some(&stranger),
            Some(&member),
        )
        .await;
    reply.refused(404, "not_found");
    let who = stack
        .call("GET", "/v1/me", Some(&stranger), None)
        .await
        .expect(200);
    let theirs = who["workspaces"][0]["id"].as_str().unwrap();
    let path = format!("/v1/workspaces/{theirs}/audit-logs");
    let log = stack
        .call("GET", &path, Some(&stranger), None)
        .await
        .expect(200);
    assert_eq!(log["items"][0]["action"], "member.denied");
}

#[actix_web::test]
async fn a_flood_of_denials_is_counted_and_not_written_down_one_by_one() {
    let stack = Stack::start().await;
    let (_, token) = stack.member("reader", "readonly").await;
    let path = stack.path("/members");
    let body = json!({"email": "a@example.test", "role": "owner"});
    for _ in 0..180 {
        let reply = stack.call("POST", &path, Some(&token), Some(&body)).await;
        reply.refused(403, "capability_denied");
    }
    let written = denials(&stack).await.len();
    assert!((100..150).contains(&written), "{written}");
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stack
        .call("POST", &path, Some(&token), Some(&body))
        .await
        .refused(403, "capability_denied");
    let log = denials(&stack).await;
    let told: u64 = log
        .iter()
        .filter_map(|entry| entry["detail"]["not_recorded_before"].as_u64())
        .sum();
    assert_eq!(told + u64::try_from(log.len()).unwrap(), 181);
}

/// Everything logged by this test binary.
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn a_line_of_the_request_log_says_who_with_what_where_and_from_where() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().flatten_event(true);
    let log = log.with_max_level(tracing::Level::INFO);
    log.with_writer(move || writer.clone()).try_init().unwrap();
    let stack = Stack::start().await;
    let line = async |request_id: &str| -> Value {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let found = text
            .lines()
            .find(|line| line.contains(request_id) && line.contains("request answered"));
        serde_json::from_str(found.unwrap()).unwrap()
    };
    let made = stack
        .post("/api-tokens", &json!({"name": "t"}))
        .await
        .expect(201);
    let token = made["token"].as_str().unwrap();
    let reply = stack
        .call("GET", &stack.path("/tenants"), Some(token), None)
        .await;
    let told = line(reply.header("x-request-id").unwrap()).await;
    assert_eq!(told["actor.id"], stack.owner_id.as_str());
    assert_eq!(told["token.id"], made["token_id"]);
    assert_eq!(told["workspace.id"], stack.workspace.as_str());
    assert_eq!(told["client.address"], "127.0.0.1");
    let stranger = format!("pat_{}", "A".repeat(43));
    let reply = stack
        .call("GET", &stack.path("/tenants"), Some(&stranger), None)
        .await;
    let told = line(reply.header("x-request-id").unwrap()).await;
    assert_eq!(told["client.address"], "127.0.0.1");
    assert!(told.get("actor.id").is_none());
}
