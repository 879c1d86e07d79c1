//! Walks the OpenAPI document: every operation has a row, and every row holds for nobody, for a
//! revoked token, for another workspace's owner, for a stranger to the tenant and for a token
//! narrowed to everything but the capability.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::two_tenants;
use crate::support::Stack;

/// How an operation is called and what it needs.
struct Row {
    operation: &'static str,
    path: &'static str,
    body: Value,
    /// `None`: any member may.
    needs: Option<&'static str>,
}

fn row(operation: &'static str, path: &'static str, body: Value, needs: &'static str) -> Row {
    let needs = (!needs.is_empty()).then_some(needs);
    Row {
        operation,
        path,
        body,
        needs,
    }
}

const OPEN: [&str; 5] = [
    "get_healthz",
    "get_readyz",
    "get_metrics",
    "get_openapi",
    "get_docs",
];
/// Operations that name no workspace.
const WITHOUT_WORKSPACE: [&str; 4] = [
    "get_me",
    "list_workspaces",
    "list_policy_types",
    "list_operations",
];

fn rows(selection: &Value) -> Vec<Row> {
    let n = || Value::Null;
    let role = json!({"role": "readonly"});
    let mut diff = selection.clone();
    diff["subject_key"] = json!("subj_x");
    let mut execute = selection.clone();
    execute["plan_digest"] = json!("x");
    execute["confirm"] = json!(true);
    let connection = json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": {"kind": "client_secret", "client_secret": "x"}});
    vec![
        row("get_me", "/v1/me", n(), ""),
        row("list_workspaces", "/v1/workspaces", n(), ""),
        row("list_policy_types", "/v1/catalog/policy-types", n(), ""),
        row("list_operations", "/v1/catalog/operations", n(), ""),
        row("get_workspace", "", n(), ""),
        row("list_tenants", "/tenants", n(), ""),
        row("list_notifications", "/notifications", n(), ""),
        row(
            "mark_notification_read",
            "/notifications/{id}/read",
            n(),
            "",
        ),
        row("list_operation_runs", "/operation-runs", n(), ""),
        row(
            "list_operational_controls",
            "/operational-controls",
            n(),
            "",
        ),
        row("stream_workspace_events", "/events", n(), ""),
        row(
            "create_tenant",
            "/tenants",
            json!({"display_name": "x", "entra_tenant_id": Uuid::new_v4()}),
            "connection.manage",
        ),
        row(
            "create_member",
            "/members",
            json!({"email": "x@y", "role": "readonly"}),
            "members.manage",
        ),
        row("list_members", "/members", n(), "members.manage"),
        row(
            "update_member",
            "/members/{id}",
            role.clone(),
            "members.manage",
        ),
        row("delete_member", "/members/{id}", n(), "members.manage"),
        row(
            "put_member_identity",
            "/members/{id}/identity",
            json!({"issuer": "https://login.test", "subject": "x"}),
            "members.manage",
        ),
        row(
            "delete_member_identity",
            "/members/{id}/identity",
            n(),
            "members.manage",
        ),
        row(
            "create_api_token",
            "/api-tokens",
            json!({"name": "x"}),
            "api_tokens.manage",
        ),
        row("list_api_tokens", "/api-tokens", n(), "api_tokens.manage"),
        row(
            "delete_api_token",
            "/api-tokens/{id}",
            n(),
            "api_tokens.manage",
        ),
        row(
            "put_operational_control",
            "/operational-controls/inventory.sync",
            json!({"state": "enabled", "reason": "x"}),
            "operational_controls.manage",
        ),
        row("list_audit_logs", "/audit-logs", n(), "audit.view"),
        row(
            "delete_connection",
            "/tenants/{t}/connection",
            n(),
            "tenant.offboard",
        ),
        row("delete_tenant", "/tenants/{t}", n(), "tenant.offboard"),
        row("get_tenant", "/tenants/{t}", n(), "tenant.view"),
        row(
            "update_tenant",
            "/tenants/{t}",
            json!({}),
            "connection.manage",
        ),
        row(
            "put_connection",
            "/tenants/{t}/connection",
            connection,
            "connection.manage",
        ),
        row(
            "put_secret_reading",
            "/tenants/{t}/connection/secret-reading",
            json!({"allowed": true, "reason": "x"}),
            "connection.manage",
        ),
        row(
            "get_connection",
            "/tenants/{t}/connection",
            n(),
            "tenant.view",
        ),
        row(
            "start_connection_check",
            "/tenants/{t}/connection/checks",
            n(),
            "connection.manage",
        ),
        row(
            "list_tenant_members",
            "/tenants/{t}/members",
            n(),
            "members.manage",
        ),
        row(
            "put_tenant_member",
            "/tenants/{t}/members/{id}",
            role,
            "members.manage",
        ),
        row(
            "delete_tenant_member",
            "/tenants/{t}/members/{id}",
            n(),
            "members.manage",
        ),
        row(
            "start_inventory_sync",
            "/tenants/{t}/inventory-syncs",
            json!({}),
            "inventory.sync",
        ),
        row(
            "start_reference_search",
            "/tenants/{t}/reference-searches",
            json!({"kind": "user", "q": "emergency"}),
            "inventory.sync",
        ),
        row("list_policies", "/tenants/{t}/policies", n(), "tenant.view"),
        row(
            "get_policy",
            "/tenants/{t}/policies/{p}",
            n(),
            "tenant.view",
        ),
        row(
            "list_policy_versions",
            "/tenants/{t}/policies/{p}/versions",
            n(),
            "tenant.view",
        ),
        row(
            "get_policy_version",
            "/tenants/{t}/policies/{p}/versions/{v}",
            n(),
            "policy_content.view",
        ),
        row(
            "start_policy_restore",
            "/tenants/{t}/policies/{p}/restores",
            json!({"policy_version_id": Uuid::nil(), "expected_current_version_id": Uuid::nil(), "confirm": true}),
            "policy.restore",
        ),
        row(
            "list_references",
            "/tenants/{t}/references",
            n(),
            "tenant.view",
        ),
        row(
            "compare_tenants",
            "/cross-tenant-compare",
            selection.clone(),
            "compare.view",
        ),
        row(
            "diff_subject",
            "/cross-tenant-compare/diff",
            diff,
            "policy_content.view",
        ),
        row(
            "preflight_promotion",
            "/cross-tenant-compare/preflight",
            selection.clone(),
            "preflight.run",
        ),
        row(
            "execute_promotion",
            "/cross-tenant-compare/execute",
            execute,
            "promotion.execute",
        ),
        row(
            "get_operation_run",
            "/operation-runs/{r}",
            n(),
            "operation_run.view",
        ),
        row(
            "list_operation_run_items",
            "/operation-runs/{r}/items",
            n(),
            "operation_run.view",
        ),
        row(
            "stream_operation_run_events",
            "/operation-runs/{r}/events",
            n(),
            "operation_run.view",
        ),
        row(
            "cancel_operation_run",
            "/operation-runs/{r}/cancel",
            n(),
            "operation_run.cancel",
        ),
    ]
}

/// The method and the path of an operation of the document.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.push((id, method.to_uppercase(), path.clone()));
        }
    }
    found
}

const CAPABILITIES: [&str; 15] = [
    "tenant.offboard",
    "tenant.view",
    "compare.view",
    "preflight.run",
    "operation_run.view",
    "inventory.sync",
    "promotion.execute",
    "operation_run.cancel",
    "policy_content.view",
    "connection.manage",
    "policy.restore",
    "audit.view",
    "members.manage",
    "api_tokens.manage",
    "operational_controls.manage",
];

#[actix_web::test]
async fn every_operation_is_closed_to_who_may_not() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let source = selection["source_tenant_id"].as_str().unwrap();
    let policies = stack
        .get(&format!("/tenants/{source}/policies"))
        .await
        .expect(200);
    let policy = &policies["items"][0];
    let queued = stack
        .post(&format!("/tenants/{source}/inventory-syncs"), &json!({}))
        .await
        .expect(202);
    let run = queued["operation_run"]["id"].as_str().unwrap().to_owned();
    let fill = |path: &str| {
        path.replace("{t}", source)
            .replace("{p}", policy["id"].as_str().unwrap())
            .replace("{v}", policy["current_version_id"].as_str().unwrap())
            .replace("{r}", &run)
            .replace("{id}", &Uuid::nil().to_string())
    };

    let outsider = stack.other_workspace().await;
    let (_, stranger) = stack.member("stranger", "manager").await;
    let revoked = stack.token(&json!({"name": "revoked"})).await;
    let tokens = stack.get("/api-tokens").await.expect(200);
    let id = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "revoked")
        .unwrap()["token_id"]
        .as_str()
        .unwrap()
        .to_owned();
    stack
        .call(
            "DELETE",
            &stack.path(&format!("/api-tokens/{id}")),
            Some(&stack.owner),
            None,
        )
        .await
        .expect(204);

    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let operations = operations(&document);
    let known: BTreeSet<&str> = operations.iter().map(|(id, _, _)| id.as_str()).collect();
    let rows = rows(&selection);
    let covered: BTreeSet<&str> = rows.iter().map(|row| row.operation).chain(OPEN).collect();
    assert_eq!(known, covered, "every operation needs a row");

    for row in rows {
        let (_, method, _) = operations
            .iter()
            .find(|(id, _, _)| id == row.operation)
            .unwrap();
        let free = WITHOUT_WORKSPACE.contains(&row.operation);
        let path = if free {
            row.path.to_owned()
        } else {
            stack.path(&fill(row.path))
        };
        let body = (!row.body.is_null()).then_some(&row.body);
        let name = row.operation;
        stack
            .call(method, &path, None, body)
            .await
            .refused(401, "unauthenticated");
        stack
            .call(method, &path, Some(&revoked), body)
            .await
            .refused(401, "unauthenticated");
        if free {
            continue;
        }
        stack
            .call(method, &path, Some(&outsider), body)
            .await
            .refused(404, "not_found");
        let on_tenant = ["{t}", "{r}"].iter().any(|part| row.path.contains(part))
            || row.path.starts_with("/cross-tenant-compare");
        if on_tenant {
            let reply = stack.call(method, &path, Some(&stranger), body).await;
            assert_eq!(reply.status, 404, "{name}: {}", reply.text);
        }
        if let Some(needs) = row.needs {
            let rest: Vec<&str> = CAPABILITIES.into_iter().filter(|c| *c != needs).collect();
            let narrowed = stack
                .token(&json!({"name": name, "capabilities": rest}))
                .await;
            let reply = stack.call(method, &path, Some(&narrowed), body).await;
            assert_eq!(reply.status, 403, "{name}: {}", reply.text);
            assert_eq!(reply.json()["required_capability"], needs, "{name}");
        }
    }
}

#[actix_web::test]
async fn no_answer_tells_hidden_from_missing_by_its_queries() {
    let stack = Stack::start().await;
    let hidden = stack.tenant("Hidden").await;
    let (_, token) = stack.member("reader", "readonly").await;
    // The first use of a token writes when it was used.
    stack
        .call("GET", "/v1/me", Some(&token), None)
        .await
        .expect(200);
    let missing = Uuid::now_v7().to_string();
    for rest in [
        "",
        "/connection",
        "/policies",
        "/policies/00000000-0000-0000-0000-000000000000",
        "/references",
    ] {
        let mut counts = Vec::new();
        for tenant in [&hidden, &missing] {
            let before = stack.statements();
            let path = stack.path(&format!("/tenants/{tenant}{rest}"));
            stack
                .call("GET", &path, Some(&token), None)
                .await
                .refused(404, "not_found");
            counts.push(stack.statements() - before);
        }
        assert_eq!(counts[0], counts[1], "{rest}");
    }
}
