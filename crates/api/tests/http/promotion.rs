//! Compare, preflight and execute on a seeded inventory: no worker takes the runs up here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::{self, two_tenants};
use crate::support::{Stack, send};

fn subject<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let subjects = answer["subjects"].as_array().unwrap();
    let found = subjects.iter().find(|s| s["display_name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {answer}"))
}

fn with(selection: &Value, more: &Value) -> Value {
    let mut body = selection.clone();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

const COMPARE: &str = "/cross-tenant-compare";
const DIFF: &str = "/cross-tenant-compare/diff";
const PREFLIGHT: &str = "/cross-tenant-compare/preflight";
const EXECUTE: &str = "/cross-tenant-compare/execute";

#[actix_web::test]
async fn a_compare_says_the_same_twice_and_a_diff_looks_inside() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let first = stack.post(COMPARE, &selection).await.expect(200);
    assert_eq!(first["summary"]["total"], 5, "{first}");
    for (name, state) in [
        ("new", "missing"),
        ("changed", "different"),
        ("same", "match"),
        ("extra", "target_only"),
        ("MFA", "missing"),
    ] {
        assert_eq!(subject(&first, name)["state"], state, "{first}");
    }
    assert_eq!(first["next_action"], "preflight");
    assert_eq!(first["source"]["inventory"]["status"], "complete");
    let changed = subject(&first, "changed");
    assert_eq!(changed["facets"]["settings"], "different");
    let second = stack
        .post(
            COMPARE,
            &with(
                &selection,
                &json!({"launch_context": {"origin": "x", "return_to": "/x"}}),
            ),
        )
        .await
        .expect(200);
    assert_eq!(first, second);

    let key = changed["subject_key"].as_str().unwrap();
    let diff = stack
        .post(DIFF, &with(&selection, &json!({"subject_key": key})))
        .await
        .expect(200);
    let changes = diff["changes"].as_array().unwrap();
    assert_eq!(
        changes.len() as u64,
        changed["change_count"].as_u64().unwrap(),
        "{diff}"
    );
    assert_eq!(changes[0]["kind"], "changed");
    let nothing = with(&selection, &json!({"subject_key": "subj_x"}));
    stack
        .post(DIFF, &nothing)
        .await
        .refused(422, "validation_failed");

    let path = format!(
        "/tenants/{}/policies?policy_type=assignmentFilters&q=CHANG",
        selection["source_tenant_id"].as_str().unwrap()
    );
    let policies = stack.get(&path).await.expect(200);
    let policy = &policies["items"][0];
    assert_eq!(policy["display_name"], "changed");
    assert!(policy["external_id"].is_string());
    let versions = format!(
        "/tenants/{}/policies/{}/versions",
        selection["source_tenant_id"].as_str().unwrap(),
        policy["id"].as_str().unwrap()
    );
    let list = stack.get(&versions).await.expect(200);
    assert_eq!(list["items"][0]["id"], policy["current_version_id"]);
    let version = stack
        .get(&format!(
            "{versions}/{}",
            policy["current_version_id"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert!(version["content"]["rule"].is_string());
}

#[actix_web::test]
async fn unusable_selections_are_refused_with_pointers() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let (some, other) = (Uuid::now_v7(), Uuid::now_v7());
    let same = json!({"source_tenant_id": some, "target_tenant_id": some});
    let table = [
        (same, "/target_tenant_id"),
        (
            with(&selection, &json!({"scope": {"policy_types": ["nope"]}})),
            "/scope/policy_types/0",
        ),
        (
            with(&selection, &json!({"scope": {"subject_keys": ["nope"]}})),
            "/scope/subject_keys/0",
        ),
        (
            with(
                &selection,
                &json!({"pairings": [{"source_policy_id": some, "target_policy_id": other}]}),
            ),
            "/pairings/0/source_policy_id",
        ),
        (
            with(
                &selection,
                &json!({"mappings": [{"kind": "group", "source_id": some, "target_id": other}]}),
            ),
            "/mappings/0/source_id",
        ),
        (
            with(
                &selection,
                &json!({"mappings": [{"kind": "literal", "source_value": "example.org", "target_value": "x"}]}),
            ),
            "/mappings/0/source_value",
        ),
        (
            with(&selection, &json!({"mappings": [{"kind": "group"}]})),
            "/mappings/0/source_id",
        ),
        (
            with(
                &selection,
                &json!({"options": {"assignments": "overwrite"}}),
            ),
            "/options/assignments",
        ),
        (
            with(&selection, &json!({"options": {"nope": 1}})),
            "/options/nope",
        ),
        (
            with(
                &selection,
                &json!({"launch_context": {"return_to": "//evil"}}),
            ),
            "/launch_context/return_to",
        ),
        (
            with(&selection, &json!({"plan_digest": "x"})),
            "/plan_digest",
        ),
    ];
    for (body, pointer) in table {
        let problem = stack
            .post(PREFLIGHT, &body)
            .await
            .refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[actix_web::test]
async fn a_mapping_makes_a_held_subject_ready() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let held = stack.post(PREFLIGHT, &selection).await.expect(200);
    let mfa = subject(&held, "MFA");
    assert_eq!(mfa["readiness"], "manual_mapping_required", "{held}");
    assert_eq!(mfa["reasons"][0]["code"], "reference_missing");
    let group = |answer: &Value| {
        let references = subject(answer, "MFA")["references"].as_array().unwrap();
        references
            .iter()
            .find(|r| r["kind"] == "group")
            .unwrap()
            .clone()
    };
    let reference = group(&held);
    assert_eq!(reference["resolution"], "missing");
    assert_eq!(held["executable"], true, "{held}");
    assert_eq!(
        held["mutation_scope"]["statement"],
        "Create 1 and update 1 policy in Fabrikam."
    );
    assert!(
        held["subjects"]
            .as_array()
            .unwrap()
            .iter()
            .all(|s| s["display_name"] != "extra")
    );

    let target = selection["target_tenant_id"].as_str().unwrap();
    let groups = stack
        .get(&format!("/tenants/{target}/references?kind=group&q=tri"))
        .await
        .expect(200);
    let mapping = json!({"mappings": [{"kind": "group", "source_id": reference["source_id"], "target_id": groups["items"][0]["id"]}]});
    let mapped = stack
        .post(PREFLIGHT, &with(&selection, &mapping))
        .await
        .expect(200);
    assert_eq!(subject(&mapped, "MFA")["readiness"], "ready", "{mapped}");
    assert_eq!(group(&mapped)["resolution"], "mapped");
    assert_ne!(mapped["plan_digest"], held["plan_digest"]);
    let log = stack
        .get("/audit-logs?action=promotion.preflight.generated")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
}

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
