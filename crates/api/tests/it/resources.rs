//! The set-up resources and the catalogs.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Stack;

#[actix_web::test]
async fn tenants_are_added_once_and_listed_in_pages() {
    let stack = Stack::start().await;
    let entra = Uuid::new_v4();
    let body = json!({"display_name": "Contoso", "entra_tenant_id": entra});
    let made = stack.post("/tenants", &body).await;
    let location = made.header("location").unwrap().to_owned();
    let made = made.expect(201);
    let got = stack
        .call("GET", &location, Some(&stack.owner), None)
        .await
        .expect(200);
    assert_eq!(made, got);
    stack
        .post("/tenants", &body)
        .await
        .refused(409, "already_exists");
    let renamed = json!({"display_name": "other", "entra_tenant_id": entra});
    stack
        .post("/tenants", &renamed)
        .await
        .refused(409, "already_exists");
    for name in ["beta", "Alpha", "gamma", "delta"] {
        stack.tenant(name).await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = stack
            .get(&format!("/tenants?limit=2{cursor}"))
            .await
            .expect(200);
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["display_name"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["Alpha", "beta", "Contoso", "delta", "gamma"]);
    let path = location.as_str();
    let patched = stack
        .call(
            "PATCH",
            path,
            Some(&stack.owner),
            Some(&json!({"display_name": "Zeta"})),
        )
        .await
        .expect(200);
    assert_eq!(patched["display_name"], "Zeta");
    stack
        .call(
            "PATCH",
            path,
            Some(&stack.owner),
            Some(&json!({"display_name": "ALPHA"})),
        )
        .await
        .refused(409, "already_exists");
}

#[actix_web::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    let path = stack.path(&format!("/tenants/{tenant}/connection"));
    stack
        .call("GET", &path, Some(&stack.owner), None)
        .await
        .refused(404, "not_found");
    let canary = "canary-5f1b-secret";
    let body = json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": {"kind": "client_secret", "client_secret": canary}});
    let put = stack
        .call("PUT", &path, Some(&stack.owner), Some(&body))
        .await;
    assert!(!put.text.contains(canary));
    let put = put.expect(200);
    assert_eq!(put["health"], "unknown");
    assert_eq!(put["credential"]["kind"], "client_secret");
    let got = stack.call("GET", &path, Some(&stack.owner), None).await;
    assert!(!got.text.contains(canary));
    got.expect(200);
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let body = json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": {"kind": "certificate", "certificate": pem, "private_key": key}});
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&body))
        .await
        .expect(200);
    let token = json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": {"kind": "federated_token", "token_file": "azure"}});
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&token))
        .await
        .expect(200);
    let bad = [
        (
            "/credential/token_file",
            json!({"kind": "federated_token", "token_file": "../../etc/passwd"}),
        ),
        ("/credential/kind", json!({"kind": "password"})),
        (
            "/credential/client_secret",
            json!({"kind": "client_secret"}),
        ),
        (
            "/credential/other",
            json!({"kind": "client_secret", "client_secret": "x", "other": 1}),
        ),
    ];
    for (pointer, credential) in bad {
        let body =
            json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": credential});
        let problem = stack
            .call("PUT", &path, Some(&stack.owner), Some(&body))
            .await
            .refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let log = stack
        .get(&format!(
            "/audit-logs?action=connection.updated&tenant_id={tenant}"
        ))
        .await;
    assert!(!log.text.contains(canary));
    assert_eq!(log.expect(200)["items"].as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn controls_hold_starts_with_their_reason() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    let control = stack.path("/operational-controls/inventory.sync");
    let no_reason = json!({"state": "paused"});
    stack
        .call("PUT", &control, Some(&stack.owner), Some(&no_reason))
        .await
        .refused(422, "validation_failed");
    let pause = json!({"state": "paused", "tenant_id": tenant, "reason": "Change freeze"});
    let put = stack
        .call("PUT", &control, Some(&stack.owner), Some(&pause))
        .await
        .expect(200);
    assert_eq!(put["scope"], "tenant");
    let unknown = stack.path("/operational-controls/nope");
    stack
        .call("PUT", &unknown, Some(&stack.owner), Some(&pause))
        .await
        .refused(404, "not_found");
    let foreign = json!({"state": "paused", "tenant_id": Uuid::now_v7(), "reason": "x"});
    stack
        .call("PUT", &control, Some(&stack.owner), Some(&foreign))
        .await
        .refused(404, "not_found");
    let syncs = format!("/tenants/{tenant}/inventory-syncs");
    let refused = stack.post(&syncs, &json!({})).await.refused(409, "blocked");
    assert_eq!(refused["result"], "blocked");
    let codes: Vec<&str> = refused["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"operational_control_paused"), "{refused}");
    assert!(refused.to_string().contains("Change freeze"));
    let list = stack.get("/operational-controls").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

/// Puts a connection that nobody uses.
async fn connect(stack: &Stack, tenant: &str) {
    let path = stack.path(&format!("/tenants/{tenant}/connection"));
    let body = json!({"cloud": "global", "client_id": Uuid::new_v4(), "credential": {"kind": "client_secret", "client_secret": "x"}});
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&body))
        .await
        .expect(200);
}

#[actix_web::test]
async fn syncs_are_deduped_replayed_and_cancelled() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    connect(&stack, &tenant).await;
    let path = stack.path(&format!("/tenants/{tenant}/inventory-syncs"));
    let key = ("Idempotency-Key", "k1");
    let one = br#"{"policy_types":["namedLocations"]}"#;
    let kind = ("Content-Type", "application/json");
    let queued = stack.raw("POST", &path, &[kind, key], one).await;
    assert_eq!(queued.header("retry-after"), Some("2"));
    assert_eq!(
        queued.header("location"),
        queued.header("operation-location")
    );
    let href = queued.header("location").unwrap().to_owned();
    let queued = queued.expect(202);
    assert_eq!(queued["result"], "queued");
    let run = &queued["operation_run"];
    assert_eq!(
        (run["status"].as_str(), run["outcome"].as_str()),
        (Some("queued"), Some("pending"))
    );
    assert_eq!(run["type_label"], "Inventory sync");
    assert_eq!(run["context"], json!({"policy_types": ["namedLocations"]}));

    let same = stack.raw("POST", &path, &[kind], one).await.expect(200);
    assert_eq!(same["result"], "deduped");
    assert_eq!(same["operation_run"]["id"], run["id"]);
    let replayed = stack.raw("POST", &path, &[kind, key], one).await;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    replayed.expect(200);
    stack
        .raw("POST", &path, &[kind, key], b"{}")
        .await
        .refused(422, "idempotency_key_reused");
    let busy = stack
        .raw("POST", &path, &[kind], b"{}")
        .await
        .refused(409, "scope_busy");
    assert_eq!(busy["operation_run_id"], run["id"]);
    assert_eq!(busy["links"]["operation_run"], href.as_str());

    let got = stack.raw("GET", &href, &[("Prefer", "wait=1")], b"").await;
    assert_eq!(got.header("preference-applied"), Some("wait=1"));
    assert_eq!(got.header("retry-after"), Some("2"));
    got.expect(200);
    let cancel = format!("{href}/cancel");
    for _ in 0..2 {
        let over = stack.raw("POST", &cancel, &[], b"").await.expect(202);
        assert_eq!(over["outcome"], "cancelled");
    }
    let events = stack.raw("GET", &format!("{href}/events"), &[], b"").await;
    assert!(
        events.text.starts_with("event: run\nid: "),
        "{}",
        events.text
    );
    let id = events
        .text
        .lines()
        .nth(1)
        .unwrap()
        .trim_start_matches("id: ");
    let resumed = ("Last-Event-ID", id);
    let path_of_events = format!("{href}/events");
    let rest = stack.raw("GET", &path_of_events, &[resumed], b"").await;
    assert_eq!((rest.status, rest.text.as_str()), (200, ""));
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    let again = stack.raw("POST", &path, &[kind, key], one).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(200)["operation_run"]["outcome"], "cancelled");

    let notes = stack.get("/notifications").await.expect(200);
    assert_eq!(notes["items"].as_array().unwrap().len(), 1);
    let blind = stack
        .token(&json!({"name": "b", "capabilities": ["audit.view"], "expires_in_days": 1}))
        .await;
    let unseen = stack
        .call("GET", &stack.path("/notifications"), Some(&blind), None)
        .await;
    assert_eq!(unseen.expect(200)["items"], json!([]));
    let read = format!(
        "/notifications/{}/read",
        notes["items"][0]["id"].as_str().unwrap()
    );
    let first = stack
        .call("POST", &stack.path(&read), Some(&stack.owner), None)
        .await
        .expect(200);
    let second = stack
        .call("POST", &stack.path(&read), Some(&stack.owner), None)
        .await
        .expect(200);
    assert_eq!(first["read_at"], second["read_at"]);
    let log = stack.get("/audit-logs").await.expect(200);
    let actions: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    for action in [
        "queued",
        "deduped",
        "scope_busy",
        "cancel_requested",
        "completed",
    ] {
        let action = format!("inventory.sync.{action}");
        assert!(
            actions.contains(&action.as_str()),
            "{action} in {actions:?}"
        );
    }
    let runs = stack
        .get("/operation-runs?type=inventory.sync&status=completed")
        .await
        .expect(200);
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn catalogs_say_what_this_build_knows() {
    let stack = Stack::start().await;
    let get = |path: &'static str| {
        let stack = &stack;
        async move {
            stack
                .call("GET", path, Some(&stack.owner), None)
                .await
                .expect(200)
        }
    };
    let types = get("/v1/catalog/policy-types?limit=200").await;
    let keys: Vec<&Value> = types["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["key"])
        .collect();
    assert!(keys.contains(&&json!("configurationPolicies")));
    let operations = get("/v1/catalog/operations?limit=3").await;
    assert_eq!(operations["items"].as_array().unwrap().len(), 3);
    assert_eq!(operations["items"][0]["type"], "promotion.execute");
    let next = operations["next_cursor"].as_str().unwrap();
    let rest = stack
        .call(
            "GET",
            &format!("/v1/catalog/operations?cursor={next}"),
            Some(&stack.owner),
            None,
        )
        .await
        .expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next_cursor"], Value::Null);
    let workspaces = get("/v1/workspaces").await;
    assert_eq!(workspaces["items"][0]["id"], stack.workspace.as_str());
    stack
        .call("GET", "/v1/catalog/operations", None, None)
        .await
        .refused(401, "unauthenticated");
}

#[actix_web::test]
async fn leave_to_read_secrets_ends_with_the_application_and_says_so() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("Contoso").await;
    let path = stack.path(&format!("/tenants/{tenant}/connection"));
    let connection = |client: Uuid, cloud: &str| {
        json!({"cloud": cloud, "client_id": client,
            "credential": {"kind": "client_secret", "client_secret": "x"}})
    };
    let owner = Some(stack.owner.as_str());
    let client = Uuid::new_v4();
    let mut body = connection(client, "global");
    stack
        .call("PUT", &path, owner, Some(&body))
        .await
        .expect(200);
    let leave = json!({"allowed": true, "reason": "encrypted OMA values"});
    let grant = format!("{path}/secret-reading");
    let allowed = stack
        .call("PUT", &grant, owner, Some(&leave))
        .await
        .expect(200);
    assert_eq!(allowed["secret_reading"], true);
    // A new secret of the same application changes nothing about it.
    let kept = stack
        .call("PUT", &path, owner, Some(&body))
        .await
        .expect(200);
    assert_eq!(kept["secret_reading"], true);
    body = connection(client, "us_gov");
    let ended = stack
        .call("PUT", &path, owner, Some(&body))
        .await
        .expect(200);
    assert_eq!(ended["secret_reading"], false);
    let log = stack
        .call("GET", &stack.path("/audit-logs"), owner, None)
        .await
        .expect(200);
    let actions: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions.iter().take(4).copied().collect::<Vec<_>>(),
        [
            "connection.secret_reading.forbidden",
            "connection.updated",
            "connection.updated",
            "connection.secret_reading.allowed",
        ]
    );
}
