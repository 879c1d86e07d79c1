//! Who sees what: 401, 404 and 403, tokens, members.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Reply, Stack};

/// A 404 without what may differ between two requests.
fn shape(reply: &Reply) -> (u16, Vec<String>, Value) {
    let mut names: Vec<String> = reply.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    let mut body = reply.json();
    body["request_id"] = Value::Null;
    (reply.status, names, body)
}

#[actix_web::test]
async fn what_is_hidden_looks_like_what_does_not_exist() {
    let stack = Stack::start().await;
    let hidden = stack.tenant("Hidden").await;
    let seen = stack.tenant("Seen").await;
    let (user, token) = stack.member("reader", "readonly").await;
    let put = stack.path(&format!("/tenants/{seen}/members/{user}"));
    stack
        .call(
            "PUT",
            &put,
            Some(&stack.owner),
            Some(&json!({"role": "readonly"})),
        )
        .await
        .expect(200);

    let none = Uuid::now_v7();
    for rest in ["", "/connection", "/policies", "/references", "/members"] {
        let ask = |id: String| {
            let path = stack.path(&format!("/tenants/{id}{rest}"));
            let (stack, token) = (&stack, &token);
            async move { stack.call("GET", &path, Some(token), None).await }
        };
        let (a, b, c) = (
            ask(hidden.clone()).await,
            ask(none.to_string()).await,
            ask("nonsense".into()).await,
        );
        assert_eq!(a.status, 404, "{rest}");
        assert_eq!(shape(&a), shape(&b), "{rest}");
        assert_eq!(shape(&b), shape(&c), "{rest}");
    }
    let other = format!("/v1/workspaces/{none}/tenants");
    stack
        .call("GET", &other, Some(&token), None)
        .await
        .refused(404, "not_found");
    let list = stack
        .call("GET", &stack.path("/tenants"), Some(&token), None)
        .await
        .expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["id"], seen.as_str());

    // In a body it is the same.
    let ask = |source: String| {
        let body = json!({"source_tenant_id": source, "target_tenant_id": seen});
        let path = stack.path("/cross-tenant-compare");
        let (stack, token) = (&stack, &token);
        async move { stack.call("POST", &path, Some(token), Some(&body)).await }
    };
    let (a, b) = (ask(hidden.clone()).await, ask(none.to_string()).await);
    assert_eq!(shape(&a), shape(&b));
    a.refused(404, "not_found");
}

#[actix_web::test]
async fn roles_grant_what_they_say() {
    let stack = Stack::start().await;
    let source = stack.tenant("Source").await;
    let target = stack.tenant("Target").await;
    let (user, token) = stack.member("reader", "readonly").await;
    for tenant in [&source, &target] {
        let put = stack.path(&format!("/tenants/{tenant}/members/{user}"));
        stack
            .call(
                "PUT",
                &put,
                Some(&stack.owner),
                Some(&json!({"role": "readonly"})),
            )
            .await
            .expect(200);
    }
    let denied = |method: &'static str, rest: String, body: Value, capability: &'static str| {
        let path = stack.path(&rest);
        let (stack, token) = (&stack, &token);
        async move {
            let body = (method != "GET" && method != "DELETE").then_some(body);
            let reply = stack.call(method, &path, Some(token), body.as_ref()).await;
            assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text);
            let problem = reply.refused(403, "capability_denied");
            assert_eq!(problem["required_capability"], capability);
        }
    };
    let selection = json!({"source_tenant_id": source, "target_tenant_id": target});
    let mut execute = selection.clone();
    execute["plan_digest"] = json!("sha256:0");
    execute["confirm"] = json!(true);
    let nothing = json!({});
    denied(
        "POST",
        "/cross-tenant-compare/execute".into(),
        execute,
        "promotion.execute",
    )
    .await;
    denied(
        "POST",
        format!("/tenants/{target}/inventory-syncs"),
        nothing.clone(),
        "inventory.sync",
    )
    .await;
    denied(
        "POST",
        format!("/tenants/{target}/connection/checks"),
        nothing.clone(),
        "connection.manage",
    )
    .await;
    denied(
        "POST",
        "/tenants".into(),
        json!({"display_name": "x", "entra_tenant_id": Uuid::new_v4()}),
        "connection.manage",
    )
    .await;
    denied(
        "PATCH",
        format!("/tenants/{target}"),
        json!({"display_name": "x"}),
        "connection.manage",
    )
    .await;
    denied(
        "POST",
        "/members".into(),
        json!({"email": "a@b", "role": "owner"}),
        "members.manage",
    )
    .await;
    denied(
        "PATCH",
        format!("/members/{user}"),
        json!({"role": "owner"}),
        "members.manage",
    )
    .await;
    denied(
        "PUT",
        format!("/tenants/{target}/members/{user}"),
        json!({"role": "owner"}),
        "members.manage",
    )
    .await;
    denied("GET", "/members".into(), nothing.clone(), "members.manage").await;
    denied(
        "POST",
        "/api-tokens".into(),
        json!({"name": "x"}),
        "api_tokens.manage",
    )
    .await;
    denied("GET", "/audit-logs".into(), nothing.clone(), "audit.view").await;
    denied(
        "PUT",
        "/operational-controls/promotion.execute".into(),
        json!({"state": "paused", "reason": "x"}),
        "operational_controls.manage",
    )
    .await;
    let mut diff = selection.clone();
    diff["subject_key"] = json!("subj_x");
    denied(
        "POST",
        "/cross-tenant-compare/diff".into(),
        diff,
        "policy_content.view",
    )
    .await;
    // Looking is allowed.
    stack
        .call(
            "POST",
            &stack.path("/cross-tenant-compare"),
            Some(&token),
            Some(&selection),
        )
        .await
        .expect(200);
    stack
        .call(
            "POST",
            &stack.path("/cross-tenant-compare/preflight"),
            Some(&token),
            Some(&selection),
        )
        .await
        .expect(200);
    // A denial of a start is audited.
    let log = stack
        .get("/audit-logs?action=promotion.execute.denied")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["actor_user_id"], user.as_str());
}

#[actix_web::test]
async fn tokens_narrow_and_end() {
    let stack = Stack::start().await;
    let narrow = stack.token(&json!({"name": "n", "capabilities": ["tenant.view", "api_tokens.manage"], "expires_in_days": 1})).await;
    let tenant = stack.tenant("T").await;
    let me = stack
        .call("GET", "/v1/me", Some(&narrow), None)
        .await
        .expect(200);
    assert_eq!(
        me["workspaces"][0]["capabilities"],
        json!(["api_tokens.manage"])
    );
    assert_eq!(
        me["workspaces"][0]["tenants"][0]["capabilities"],
        json!(["tenant.view"])
    );
    let sync = stack.path(&format!("/tenants/{tenant}/inventory-syncs"));
    stack
        .call("POST", &sync, Some(&narrow), Some(&json!({})))
        .await
        .refused(403, "capability_denied");

    // A narrowed token never makes one that can do more.
    let tokens = stack.path("/api-tokens");
    let wide = json!({"name": "w", "capabilities": ["members.manage"]});
    stack
        .call("POST", &tokens, Some(&narrow), Some(&wide))
        .await
        .refused(403, "capability_denied");
    let inherited = stack
        .call("POST", &tokens, Some(&narrow), Some(&json!({"name": "i"})))
        .await
        .expect(201);
    let inherited = inherited["token"].as_str().unwrap();
    let me = stack
        .call("GET", "/v1/me", Some(inherited), None)
        .await
        .expect(200);
    assert_eq!(
        me["workspaces"][0]["capabilities"],
        json!(["api_tokens.manage"])
    );

    // Nor one that outlives it.
    let longer = json!({"name": "l", "expires_in_days": 30});
    let longer = stack
        .call("POST", &tokens, Some(&narrow), Some(&longer))
        .await
        .expect(201);
    let list = stack.get("/api-tokens").await.expect(200);
    let own = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "n")
        .unwrap();
    assert_eq!(longer["expires_at"], own["expires_at"]);

    for bad in [
        json!({"name": "x", "capabilities": ["nope"]}),
        json!({"name": "x", "expires_in_days": 0}),
        json!({"name": "x", "user_id": Uuid::now_v7()}),
    ] {
        stack
            .post("/api-tokens", &bad)
            .await
            .refused(422, "validation_failed");
    }
    let list = stack.get("/api-tokens").await.expect(200);
    assert!(!list.to_string().contains("pat_"));
    let id = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "n")
        .unwrap()["token_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoke = stack.path(&format!("/api-tokens/{id}"));
    for _ in 0..2 {
        stack
            .call("DELETE", &revoke, Some(&stack.owner), None)
            .await
            .expect(204);
    }
    stack
        .call("GET", "/v1/me", Some(&narrow), None)
        .await
        .refused(401, "unauthenticated");
    stack
        .call(
            "DELETE",
            &stack.path(&format!("/api-tokens/{}", Uuid::now_v7())),
            Some(&stack.owner),
            None,
        )
        .await
        .refused(404, "not_found");
}

#[actix_web::test]
async fn the_last_owner_stays() {
    let stack = Stack::start().await;
    let own = stack.path(&format!("/members/{}", stack.owner_id));
    stack
        .call("DELETE", &own, Some(&stack.owner), None)
        .await
        .refused(409, "conflict");
    stack
        .call(
            "PATCH",
            &own,
            Some(&stack.owner),
            Some(&json!({"role": "manager"})),
        )
        .await
        .refused(409, "conflict");
    let (second, token) = stack.member("second", "manager").await;
    let path = stack.path(&format!("/members/{second}"));
    stack
        .call(
            "PATCH",
            &path,
            Some(&stack.owner),
            Some(&json!({"role": "owner"})),
        )
        .await
        .expect(200);
    stack
        .call(
            "PATCH",
            &own,
            Some(&token),
            Some(&json!({"role": "readonly"})),
        )
        .await
        .expect(200);
    stack
        .call("DELETE", &own, Some(&token), None)
        .await
        .expect(204);
    stack
        .call("GET", "/v1/me", Some(&stack.owner), None)
        .await
        .refused(401, "unauthenticated");
    let again = json!({"email": "SECOND@example.test", "role": "readonly"});
    stack
        .call("POST", &stack.path("/members"), Some(&token), Some(&again))
        .await
        .refused(409, "already_exists");
    let service = json!({"kind": "service", "display_name": "Pipeline", "role": "operator"});
    let made = stack
        .call(
            "POST",
            &stack.path("/members"),
            Some(&token),
            Some(&service),
        )
        .await
        .expect(201);
    assert!(made["user_id"].is_string());
}
