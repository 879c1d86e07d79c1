//! Customers in one installation: one that leaves, names that deceive, tokens that give, and what a
//! reused key leaves behind. Over HTTP, under the database account of the API.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::two_tenants;
use crate::support::Stack;

async fn delete(stack: &Stack, rest: &str, token: &str) -> crate::support::Reply {
    stack
        .call("DELETE", &stack.path(rest), Some(token), None)
        .await
}

async fn audited(stack: &Stack, action: &str) -> Vec<Value> {
    let found = stack
        .get(&format!("/audit-logs?action={action}"))
        .await
        .expect(200);
    found["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_connection_is_taken_away_by_the_owner_at_once() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let tenant = selection["source_tenant_id"].as_str().unwrap().to_owned();
    let connection = format!("/tenants/{tenant}/connection");
    stack.get(&connection).await.expect(200);
    let (manager_id, manager) = stack.member("manager", "manager").await;
    let role = stack.path(&format!("/tenants/{tenant}/members/{manager_id}"));
    stack
        .call(
            "PUT",
            &role,
            Some(&stack.owner),
            Some(&json!({"role": "manager"})),
        )
        .await
        .expect(200);
    let denied = delete(&stack, &connection, &manager).await;
    assert_eq!(denied.status, 403, "{}", denied.text);
    assert_eq!(denied.json()["required_capability"], "tenant.offboard");
    delete(&stack, &connection, &stack.owner).await.expect(204);
    stack.get(&connection).await.refused(404, "not_found");
    delete(&stack, &connection, &stack.owner)
        .await
        .refused(404, "not_found");
    let entries = audited(&stack, "connection.removed").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["tenant_id"], json!(tenant));
    let start = format!("/tenants/{tenant}/inventory-syncs");
    let refused = stack.post(&start, &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
}

#[actix_web::test]
async fn a_tenant_leaves_and_what_was_done_stays() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let tenant = selection["source_tenant_id"].as_str().unwrap().to_owned();
    let path = format!("/tenants/{tenant}");
    let before = stack.get(&path).await.expect(200);
    let started = stack
        .post(&format!("{path}/inventory-syncs"), &json!({}))
        .await
        .expect(202);
    let run = started["operation_run"]["id"].as_str().unwrap().to_owned();
    let blocked = delete(&stack, &path, &stack.owner).await;
    assert_eq!(blocked.status, 409, "{}", blocked.text);
    let blocked = blocked.json();
    assert_eq!(blocked["code"], "blocked");
    assert_eq!(blocked["result"], "blocked");
    assert_eq!(blocked["reasons"][0]["code"], "active_runs");
    assert_eq!(audited(&stack, "tenant.removal_blocked").await.len(), 1);
    stack.get(&path).await.expect(200);

    stack
        .post(&format!("/operation-runs/{run}/cancel"), &json!({}))
        .await
        .expect(202);
    delete(&stack, &path, &stack.owner).await.expect(204);
    for rest in ["", "/connection", "/policies", "/references"] {
        stack
            .get(&format!("{path}{rest}"))
            .await
            .refused(404, "not_found");
    }
    delete(&stack, &path, &stack.owner)
        .await
        .refused(404, "not_found");
    stack
        .post("/cross-tenant-compare", &selection)
        .await
        .refused(404, "not_found");
    let listed = stack.get("/tenants").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let kept = stack
        .get(&format!("/operation-runs/{run}"))
        .await
        .expect(200);
    assert_eq!(kept["tenant_id"], json!(tenant));
    let runs = stack
        .get(&format!("/operation-runs?tenant_id={tenant}"))
        .await
        .expect(200);
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    let entries = audited(&stack, "tenant.removed").await;
    assert_eq!(entries[0]["detail"]["display_name"], before["display_name"]);
    assert_eq!(entries[0]["tenant_id"], json!(tenant));

    // A late call that still had the tenant in hand gives it nothing.
    let connection = json!({"cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"}});
    let late = stack.path(&format!("{path}/connection"));
    stack
        .call("PUT", &late, Some(&stack.owner), Some(&connection))
        .await
        .refused(404, "not_found");
    let again = json!({"display_name": before["display_name"], "entra_tenant_id": before["entra_tenant_id"]});
    let again = stack.post("/tenants", &again).await.expect(201);
    let again = again["id"].as_str().unwrap();
    assert_ne!(again, tenant);
    let empty = stack
        .get(&format!("/tenants/{again}/policies"))
        .await
        .expect(200);
    assert_eq!(empty["items"], json!([]));
}

#[actix_web::test]
async fn names_that_deceive_are_refused_and_others_are_kept_in_one_form() {
    let stack = Stack::start().await;
    let entra = Uuid::new_v4;
    for bad in [
        "Con\u{202e}toso",
        "Con\u{200b}toso",
        "Con\u{7}toso",
        "Con\ntoso",
        "Con\u{9b}toso",
        "\u{feff}Contoso",
        "Con\u{2066}toso",
        "Con\u{61c}toso",
        "Contoso\u{e0041}",
        "Con\u{ad}toso",
    ] {
        let control = stack.path("/operational-controls/inventory.sync");
        let tenant = stack.tenant(&format!("T {}", Uuid::new_v4())).await;
        let table = [
            (
                "POST",
                stack.path("/tenants"),
                json!({"display_name": bad, "entra_tenant_id": entra()}),
                "/display_name",
            ),
            (
                "PATCH",
                stack.path(&format!("/tenants/{tenant}")),
                json!({"display_name": bad}),
                "/display_name",
            ),
            (
                "POST",
                stack.path("/members"),
                json!({"kind": "service", "display_name": bad, "role": "readonly"}),
                "/display_name",
            ),
            (
                "POST",
                stack.path("/members"),
                json!({"email": format!("{bad}@x.test"), "role": "readonly"}),
                "/email",
            ),
            (
                "POST",
                stack.path("/api-tokens"),
                json!({"name": bad}),
                "/name",
            ),
            (
                "PUT",
                control,
                json!({"state": "enabled", "reason": bad}),
                "/reason",
            ),
        ];
        for (method, path, body, pointer) in table {
            let reply = stack
                .call(method, &path, Some(&stack.owner), Some(&body))
                .await;
            assert_eq!(reply.status, 422, "{method} {path} {bad:?}: {}", reply.text);
            let problem = reply.json();
            assert_eq!(problem["errors"][0]["pointer"], pointer);
            assert_eq!(problem["errors"][0]["code"], "invalid_text", "{problem}");
        }
    }
    let made = json!({"display_name": "  Cafe\u{301} \u{a0}", "entra_tenant_id": entra()});
    let made = stack.post("/tenants", &made).await.expect(201);
    assert_eq!(made["display_name"], "Caf\u{e9}");
    let own = stack.path(&format!("/tenants/{}", made["id"].as_str().unwrap()));

    // A look-alike of another tenant is refused, a tenant may change its own spelling.
    stack.tenant("Contoso").await;
    let cyrillic = json!({"display_name": "C\u{43e}ntoso", "entra_tenant_id": entra()});
    stack
        .post("/tenants", &cyrillic)
        .await
        .refused(409, "already_exists");
    let rename = json!({"display_name": "C\u{43e}ntoso"});
    stack
        .call("PATCH", &own, Some(&stack.owner), Some(&rename))
        .await
        .refused(409, "already_exists");
    let rename = json!({"display_name": "C\u{430}f\u{e9}"});
    stack
        .call("PATCH", &own, Some(&stack.owner), Some(&rename))
        .await
        .expect(200);

    let service = |name: &str| json!({"kind": "service", "display_name": name, "role": "readonly"});
    stack.post("/members", &service("Deploy")).await.expect(201);
    stack.post("/members", &service("Deploy")).await.expect(201);
    stack
        .post("/members", &service("D\u{435}ploy"))
        .await
        .refused(409, "already_exists");
    let person = |email: &str| json!({"email": email, "role": "readonly"});
    stack
        .post("/members", &person("adam@example.test"))
        .await
        .expect(201);
    stack
        .post("/members", &person("ad\u{430}m@example.test"))
        .await
        .refused(409, "already_exists");
}

#[actix_web::test]
async fn a_narrowed_token_gives_nobody_what_it_has_not() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    let (user, _) = stack.member("somebody", "readonly").await;
    let only = ["members.manage", "api_tokens.manage", "tenant.view"];
    let narrow = stack
        .token(&json!({"name": "n", "capabilities": only}))
        .await;
    for role in ["readonly", "operator", "manager", "owner"] {
        let member = json!({"email": "x@example.test", "role": role});
        let role = json!({"role": role});
        for (method, path, body) in [
            ("POST", "/members".to_owned(), &member),
            ("PUT", format!("/tenants/{tenant}/members/{user}"), &role),
            ("PATCH", format!("/members/{user}"), &role),
        ] {
            // What a member had already is not given.
            if method == "PATCH" && role["role"] == "readonly" {
                continue;
            }
            let reply = stack
                .call(method, &stack.path(&path), Some(&narrow), Some(body))
                .await;
            assert_eq!(reply.status, 403, "{method} {path} {role}: {}", reply.text);
            assert_eq!(reply.json()["code"], "capability_denied");
        }
    }
    let wide =
        json!({"name": "w", "user_id": stack.owner_id, "capabilities": ["promotion.execute"]});
    stack
        .call(
            "POST",
            &stack.path("/api-tokens"),
            Some(&narrow),
            Some(&wide),
        )
        .await
        .refused(403, "capability_denied");
    // A token with everything of a role gives that role.
    let readonly = [
        "tenant.view",
        "compare.view",
        "preflight.run",
        "operation_run.view",
        "members.manage",
    ];
    let enough = stack
        .token(&json!({"name": "e", "capabilities": readonly}))
        .await;
    let member = json!({"email": "y@example.test", "role": "readonly"});
    stack
        .call(
            "POST",
            &stack.path("/members"),
            Some(&enough),
            Some(&member),
        )
        .await
        .expect(201);
}

#[actix_web::test]
async fn a_key_that_came_with_another_request_leaves_an_entry() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let path = |side: &str| {
        let tenant = selection[side].as_str().unwrap();
        stack.path(&format!("/tenants/{tenant}/inventory-syncs"))
    };
    let send = async |path: String| {
        let headers = [
            ("Idempotency-Key", "one"),
            ("Content-Type", "application/json"),
        ];
        stack.raw("POST", &path, &headers, b"{}").await
    };
    send(path("source_tenant_id")).await.expect(202);
    send(path("target_tenant_id"))
        .await
        .refused(422, "idempotency_key_reused");
    let entries = audited(&stack, "inventory.sync.idempotency_key_reused").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["tenant_id"], selection["target_tenant_id"]);
}
