//! Execute on a seeded inventory: no worker takes the runs up here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::promotion::{PREFLIGHT, subject, with};
use crate::seed::{self, two_tenants};
use crate::support::{Stack, send};

const EXECUTE: &str = "/cross-tenant-compare/execute";

#[actix_web::test]
async fn a_start_is_refused_for_the_first_reason_of_the_contract() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let preflight = stack.post(PREFLIGHT, &selection).await.expect(200);
    let digest = &preflight["plan_digest"];
    for unconfirmed in [
        json!({}),
        json!({"plan_digest": digest}),
        json!({"confirm": true}),
        json!({"plan_digest": digest, "confirm": false}),
    ] {
        stack
            .post(EXECUTE, &with(&selection, &unconfirmed))
            .await
            .refused(428, "confirmation_required");
    }
    let reviewed: Vec<Value> = preflight["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["readiness"] == "ready")
        .map(|s| json!({"subject_key": s["subject_key"], "revision": s["revision"]}))
        .collect();
    assert_eq!(reviewed.len(), 2);

    // The target changes behind the reviewer's back.
    let target = selection["target_tenant_id"].as_str().unwrap();
    seed::capture_tenant(
        &stack,
        target,
        &[],
        &[seed::filter("new", "(device.model -eq \"y\")")],
    )
    .await;
    let confirmed = with(
        &selection,
        &json!({"plan_digest": digest, "confirm": true, "reviewed": reviewed}),
    );
    let stale = stack
        .post(EXECUTE, &confirmed)
        .await
        .refused(412, "plan_stale");
    assert_ne!(&stale["current_plan_digest"], digest);
    let drift = stale["drift"].as_array().unwrap();
    assert_eq!(drift.len(), 1, "{stale}");
    assert_eq!(
        drift[0]["subject_key"],
        subject(&preflight, "new")["subject_key"]
    );
    assert!(drift[0]["was"].is_string() && drift[0]["is"].is_string());

    let current = json!({"plan_digest": stale["current_plan_digest"], "confirm": true});
    let control = stack.path("/operational-controls/promotion.execute");
    let pause = json!({"state": "paused", "reason": "freeze"});
    stack
        .call("PUT", &control, Some(&stack.owner), Some(&pause))
        .await
        .expect(200);
    let blocked = stack
        .post(EXECUTE, &with(&selection, &current))
        .await
        .refused(409, "blocked");
    assert_eq!(blocked["reasons"][0]["code"], "operational_control_paused");
    let resume = json!({"state": "enabled", "reason": "over"});
    stack
        .call("PUT", &control, Some(&stack.owner), Some(&resume))
        .await
        .expect(200);

    let scope = json!({"scope": {"policy_types": ["namedLocations"]}});
    let nothing = stack
        .post(PREFLIGHT, &with(&selection, &scope))
        .await
        .expect(200);
    assert_eq!(nothing["executable"], false);
    let body = with(
        &with(&selection, &scope),
        &json!({"plan_digest": nothing["plan_digest"], "confirm": true}),
    );
    let blocked = stack.post(EXECUTE, &body).await.refused(409, "blocked");
    assert_eq!(blocked["reasons"][0]["code"], "nothing_ready");
    assert_eq!(
        stack.get("/operation-runs").await.expect(200)["items"],
        json!([])
    );
}

#[actix_web::test]
async fn a_start_queues_once_dedupes_replays_and_holds_the_scope() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let preflight = stack.post(PREFLIGHT, &selection).await.expect(200);
    let body = with(
        &selection,
        &json!({
            "plan_digest": preflight["plan_digest"], "confirm": true,
            "launch_context": {"origin": "portfolio", "return_to": "/portfolio?tab=drift"},
        }),
    );
    let path = stack.path(EXECUTE);
    let kind = ("Content-Type", "application/json");
    let key = ("Idempotency-Key", "deploy-1");
    let bytes = body.to_string().into_bytes();
    let queued = stack.raw("POST", &path, &[kind, key], &bytes).await;
    assert!(queued.header("operation-location").is_some());
    let queued = queued.expect(202);
    let run = &queued["operation_run"];
    assert_eq!(run["summary_counts"]["total"], 2);
    assert_eq!(
        run["context"]["excluded"],
        json!({"blocked": 0, "manual_mapping_required": 1, "unchanged": 1})
    );
    assert_eq!(run["links"]["return_to"], "/portfolio?tab=drift");
    assert!(run["context"].get("subjects").is_none());
    // The compare link can be followed as it stands.
    let link = &run["links"]["compare"];
    let compared = stack
        .call(
            "POST",
            link["href"].as_str().unwrap(),
            Some(&stack.owner),
            Some(&link["body"]),
        )
        .await;
    compared.expect(200);

    let again = stack.raw("POST", &path, &[kind], &bytes).await.expect(200);
    assert_eq!(
        (&again["result"], &again["operation_run"]["id"]),
        (&json!("deduped"), &run["id"])
    );
    let replay = stack.raw("POST", &path, &[kind, key], &bytes).await;
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    replay.expect(200);
    let other = with(
        &body,
        &json!({"options": {"conditional_access_state": "disabled"}}),
    );
    let busy = stack.post(EXECUTE, &other).await.refused(409, "scope_busy");
    assert_eq!(busy["operation_run_id"], run["id"]);
    stack
        .raw("POST", &path, &[kind, key], other.to_string().as_bytes())
        .await
        .refused(422, "idempotency_key_reused");
    let open = stack.post(PREFLIGHT, &selection).await.expect(200);
    assert_eq!(open["next_action"], "open_operation_run");

    let items = stack
        .get(&format!(
            "/operation-runs/{}/items",
            run["id"].as_str().unwrap()
        ))
        .await
        .expect(200);
    let actions: BTreeSet<&str> = items["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, BTreeSet::from(["create", "update"]));
    assert!(
        items["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|i| i["outcome"] == "pending")
    );

    // Who sees only the target does not learn the source.
    let (user, token) = stack.member("target-only", "readonly").await;
    let put = stack.path(&format!(
        "/tenants/{}/members/{user}",
        selection["target_tenant_id"].as_str().unwrap()
    ));
    stack
        .call(
            "PUT",
            &put,
            Some(&stack.owner),
            Some(&json!({"role": "readonly"})),
        )
        .await
        .expect(200);
    let href = run["links"]["self"].as_str().unwrap();
    let seen = stack.call("GET", href, Some(&token), None).await;
    assert!(
        !seen
            .text
            .contains(selection["source_tenant_id"].as_str().unwrap()),
        "{}",
        seen.text
    );
    let seen = seen.expect(200);
    assert_eq!(
        (&seen["context"]["selection"], &seen["links"]["compare"]),
        (&Value::Null, &Value::Null)
    );
}

#[actix_web::test]
async fn sixty_four_calls_over_two_processes_queue_one_run() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let preflight = stack.post(PREFLIGHT, &selection).await.expect(200);
    let body = with(
        &selection,
        &json!({"plan_digest": preflight["plan_digest"], "confirm": true}),
    )
    .to_string();
    let processes = [stack.url, stack.start_another()];
    let calls = (0..64).map(|number| {
        let (body, path) = (body.clone(), stack.path(EXECUTE));
        let headers = vec![
            (
                "Authorization".to_owned(),
                format!("Bearer {}", stack.owner),
            ),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        async move {
            send(
                processes[number % 2],
                "POST",
                &path,
                &headers,
                body.as_bytes(),
            )
            .await
        }
    });
    let replies = futures::future::join_all(calls).await;
    let queued = replies.iter().filter(|r| r.status == 202).count();
    let deduped = replies.iter().filter(|r| r.status == 200).count();
    let rest: Vec<_> = replies
        .iter()
        .filter(|r| !matches!(r.status, 200 | 202))
        .collect();
    assert_eq!((queued, deduped), (1, 63), "{rest:?}");
    let runs: BTreeSet<String> = replies
        .iter()
        .map(|r| r.json()["operation_run"]["id"].to_string())
        .collect();
    assert_eq!(runs.len(), 1);
    let log = stack
        .get("/audit-logs?action=promotion.execute.deduped&limit=200")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 63);
}

/// What pages the one on call: runs that wait while nobody serves their queue.
#[actix_web::test]
async fn runs_that_wait_with_no_worker_alive_show_in_the_metrics() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let waiting = |text: &str, queue: &str| {
        let name = format!("promotion_operation_runs_without_worker{{queue=\"{queue}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map(str::to_owned)
    };
    let before = stack.call("GET", "/metrics", None, None).await.text;
    assert_eq!(waiting(&before, "promotion").as_deref(), Some("0"));
    let preflight = stack.post(PREFLIGHT, &selection).await.expect(200);
    let confirmed = with(
        &selection,
        &json!({"plan_digest": preflight["plan_digest"], "confirm": true}),
    );
    stack.post(EXECUTE, &confirmed).await.expect(202);
    // They are made once a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let after = stack.call("GET", "/metrics", None, None).await.text;
    assert_eq!(
        waiting(&after, "promotion").as_deref(),
        Some("1"),
        "{after}"
    );
    assert_eq!(waiting(&after, "inventory").as_deref(), Some("0"));
}
