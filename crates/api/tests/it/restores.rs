//! Restores on a seeded inventory: what is queued, what is refused and in which order. No worker
//! takes the runs up here.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::promotion::with;
use crate::seed::{self, access_policy, filter};
use crate::support::{Reply, Stack};

/// A tenant with a connection and one policy of two versions.
struct Restorable {
    stack: Stack,
    tenant: String,
    policy: String,
    old: String,
    current: String,
}

impl Restorable {
    async fn start() -> Self {
        Self::of(
            filter("F", "(device.model -eq \"old\")"),
            ("rule", json!("(device.model -eq \"new\")")),
        )
        .await
    }

    /// `item` is captured, then again with one member changed.
    async fn of(item: (&'static str, Value), (member, value): (&str, Value)) -> Self {
        let stack = Stack::start().await;
        let tenant = stack.tenant("Fabrikam").await;
        connect(&stack, &tenant).await;
        let (key, old) = item;
        let mut new = old.clone();
        new[member] = value;
        seed::capture_tenant(&stack, &tenant, &[], &[(key, old)]).await;
        seed::capture_tenant(&stack, &tenant, &[], &[(key, new)]).await;
        let policies = stack.get(&format!("/tenants/{tenant}/policies")).await;
        let policy = policies.expect(200)["items"][0].clone();
        let id = text(&policy["id"]);
        let versions = stack
            .get(&format!("/tenants/{tenant}/policies/{id}/versions"))
            .await
            .expect(200);
        let current = text(&policy["current_version_id"]);
        let versions = versions["items"].as_array().unwrap().clone();
        assert_eq!(versions.len(), 2);
        let old = versions.iter().map(|v| text(&v["id"]));
        let old = old.filter(|id| *id != current).collect::<Vec<_>>();
        Self {
            old: old[0].clone(),
            policy: id,
            tenant,
            current,
            stack,
        }
    }

    fn tail(&self) -> String {
        format!("/tenants/{}/policies/{}/restores", self.tenant, self.policy)
    }

    fn body(&self) -> Value {
        json!({
            "policy_version_id": self.old,
            "expected_current_version_id": self.current,
            "confirm": true,
        })
    }

    async fn post(&self, body: &Value) -> Reply {
        self.stack.post(&self.tail(), body).await
    }

    async fn audited(&self, action: &str) -> usize {
        let path = format!("/audit-logs?action=policy.restore.{action}");
        let log = self.stack.get(&path).await.expect(200);
        log["items"].as_array().unwrap().len()
    }
}

async fn connect(stack: &Stack, tenant: &str) {
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let path = stack.path(&format!("/tenants/{tenant}/connection"));
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&connection))
        .await
        .expect(200);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn codes(blocked: &Value) -> Vec<&str> {
    let reasons = blocked["reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|r| r["code"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn a_restore_is_queued_once_deduped_replayed_and_holds_the_scope() {
    let r = Restorable::start().await;
    let (path, body) = (r.stack.path(&r.tail()), r.body());
    let kind = ("Content-Type", "application/json");
    let key = ("Idempotency-Key", "restore-1");
    let bytes = body.to_string().into_bytes();
    let queued = r.stack.raw("POST", &path, &[kind, key], &bytes).await;
    assert_eq!(
        queued.header("location"),
        queued.header("operation-location")
    );
    let queued = queued.expect(202);
    let run = &queued["operation_run"];
    assert_eq!(
        (&run["type"], &run["type_label"], &run["tenant_id"]),
        (
            &json!("policy.restore"),
            &json!("Policy restore"),
            &json!(r.tenant)
        )
    );
    assert_eq!(run["summary_counts"]["total"], 1);
    for member in ["policy_version_id", "expected_current_version_id"] {
        assert_eq!(run["context"][member], body[member]);
    }
    assert_eq!(run["context"]["policy_id"], json!(r.policy));
    assert!(run["context"].get("subjects").is_none());
    assert_eq!(run["links"]["source_tenant"], Value::Null);
    let id = text(&run["id"]);
    let items = r
        .stack
        .get(&format!("/operation-runs/{id}/items"))
        .await
        .expect(200);
    let item = &items["items"][0];
    assert_eq!(
        (&item["action"], &item["outcome"], &item["target_policy_id"]),
        (&json!("restore"), &json!("pending"), &json!(r.policy))
    );
    let listed = r
        .stack
        .get(&format!(
            "/operation-runs?type=policy.restore&tenant_id={}",
            r.tenant
        ))
        .await
        .expect(200);
    assert_eq!(listed["items"][0]["id"], run["id"]);

    let again = r.post(&body).await.expect(200);
    assert_eq!(
        (&again["result"], &again["operation_run"]["id"]),
        (&json!("deduped"), &run["id"])
    );
    let replay = r.stack.raw("POST", &path, &[kind, key], &bytes).await;
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    replay.expect(200);
    // The same key for another restore is refused; another restore finds the scope busy.
    let other = with(
        &body,
        &json!({"expected_current_version_id": Uuid::new_v4()}),
    );
    let raw = other.to_string();
    r.stack
        .raw("POST", &path, &[kind, key], raw.as_bytes())
        .await
        .refused(422, "idempotency_key_reused");
    let busy = r.post(&other).await.refused(409, "scope_busy");
    assert_eq!(busy["operation_run_id"], run["id"]);
    for (action, count) in [("queued", 1), ("deduped", 2), ("scope_busy", 1)] {
        assert_eq!(r.audited(action).await, count, "{action}");
    }
    // A cancel frees the scope, and the key still answers with its run.
    r.stack
        .post(&format!("/operation-runs/{id}/cancel"), &json!({}))
        .await
        .expect(202);
    r.stack
        .raw("POST", &path, &[kind, key], &bytes)
        .await
        .expect(200);
    r.post(&body).await.expect(202);
}

#[actix_web::test]
async fn a_promotion_and_a_restore_keep_each_other_off_a_tenant() {
    let stack = Stack::start().await;
    let selection = seed::two_tenants(&stack).await;
    let target = text(&selection["target_tenant_id"]);
    let policies = stack
        .get(&format!("/tenants/{target}/policies?q=changed"))
        .await;
    let policy = policies.expect(200)["items"][0].clone();
    let preflight = stack
        .post("/cross-tenant-compare/preflight", &selection)
        .await
        .expect(200);
    let confirmed = json!({"plan_digest": preflight["plan_digest"], "confirm": true});
    let started = stack
        .post(
            "/cross-tenant-compare/execute",
            &with(&selection, &confirmed),
        )
        .await
        .expect(202);
    let body = json!({
        "policy_version_id": policy["current_version_id"],
        "expected_current_version_id": policy["current_version_id"],
        "confirm": true,
    });
    let tail = format!(
        "/tenants/{target}/policies/{}/restores",
        text(&policy["id"])
    );
    let busy = stack.post(&tail, &body).await.refused(409, "scope_busy");
    assert_eq!(busy["operation_run_id"], started["operation_run"]["id"]);
}

#[actix_web::test]
async fn a_restore_is_refused_for_the_first_reason_of_the_contract() {
    let r = Restorable::start().await;
    let body = r.body();

    // Shape before anything the ids could tell.
    for (broken, status, code) in [
        (json!({"confirm": true}), 422, "validation_failed"),
        (
            with(&body, &json!({"force": true})),
            422,
            "validation_failed",
        ),
        (
            with(&body, &json!({"policy_version_id": "x"})),
            422,
            "validation_failed",
        ),
        (
            with(&body, &json!({"conditional_access_state": "enabled"})),
            422,
            "validation_failed",
        ),
    ] {
        r.post(&broken).await.refused(status, code);
    }
    // A policy that is not there, before the right to restore it.
    let reader = r
        .stack
        .token(&json!({"name": "reader", "capabilities": ["tenant.view"]}))
        .await;
    let nowhere = format!("/tenants/{}/policies/{}/restores", r.tenant, Uuid::new_v4());
    for (tail, status, code) in [
        (&nowhere, 404, "not_found"),
        (&r.tail(), 403, "capability_denied"),
    ] {
        r.stack
            .call("POST", &r.stack.path(tail), Some(&reader), Some(&body))
            .await
            .refused(status, code);
    }
    assert_eq!(r.audited("denied").await, 2);

    // Ids before the confirmation.
    let unknown = json!({"policy_version_id": Uuid::new_v4(), "confirm": false});
    let refused = r
        .post(&with(&body, &unknown))
        .await
        .refused(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/policy_version_id");
    for unconfirmed in [json!({"confirm": false}), json!({"confirm": null})] {
        r.post(&with(&body, &unconfirmed))
            .await
            .refused(428, "confirmation_required");
    }
    // A version nobody reviewed, whatever else stands in the way.
    let control = r.stack.path("/operational-controls/policy.restore");
    let pause = json!({"state": "paused", "reason": "freeze"});
    r.stack
        .call("PUT", &control, Some(&r.stack.owner), Some(&pause))
        .await
        .expect(200);
    let stale = r
        .post(&with(&body, &json!({"expected_current_version_id": r.old})))
        .await
        .refused(412, "plan_stale");
    assert_eq!(stale["current_version_id"], json!(r.current));
    assert_eq!(
        (&stale["drift"][0]["was"], &stale["drift"][0]["is"]),
        (&json!(r.old), &json!(r.current))
    );
    assert_eq!(r.audited("stale").await, 1);
    let blocked = r.post(&body).await.refused(409, "blocked");
    assert_eq!(codes(&blocked), ["operational_control_paused"]);
    let resume = json!({"state": "enabled", "reason": "over"});
    r.stack
        .call("PUT", &control, Some(&r.stack.owner), Some(&resume))
        .await
        .expect(200);
    let same = with(&body, &json!({"policy_version_id": r.current}));
    let nothing = r.post(&same).await.refused(409, "blocked");
    assert_eq!(codes(&nothing), ["nothing_ready"]);
    seed::set_roles(
        &r.stack,
        &r.tenant,
        &["DeviceManagementConfiguration.Read.All"],
    )
    .await;
    let blocked = r.post(&body).await.refused(409, "blocked");
    assert_eq!(codes(&blocked), ["permission_missing"]);
    assert_eq!(blocked["result"], "blocked");
    let runs = r.stack.get("/operation-runs").await.expect(200);
    assert_eq!(runs["items"], json!([]));
}

#[actix_web::test]
async fn a_foreign_version_is_named_only_to_who_may_know_its_tenant() {
    let r = Restorable::start().await;
    let other = r.stack.tenant("Contoso").await;
    let (key, item) = filter("F", "(device.model -eq \"foreign\")");
    let (_, second) = filter("G", "(device.model -eq \"second\")");
    seed::capture_tenant(&r.stack, &other, &[], &[(key, item)]).await;
    seed::capture_tenant(&r.stack, &r.tenant, &[], &[(key, second)]).await;
    let version_of = |tenant: String, q: &'static str| {
        let stack = &r.stack;
        async move {
            let found = stack
                .get(&format!("/tenants/{tenant}/policies?q={q}"))
                .await;
            found.expect(200)["items"][0]["current_version_id"].clone()
        }
    };
    let foreign = version_of(other.clone(), "F").await;
    let sibling = version_of(r.tenant.clone(), "G").await;
    let naming = |version: &Value| with(&r.body(), &json!({"policy_version_id": version}));
    r.post(&naming(&foreign))
        .await
        .refused(422, "foreign_policy_version");
    let refused = r
        .post(&naming(&sibling))
        .await
        .refused(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/policy_version_id");
    assert_eq!(refused["errors"][0]["code"], "version_of_another_policy");
    assert_eq!(r.audited("blocked").await, 1);

    // A manager of this tenant alone: the foreign version and none at all look the same, after the
    // same statements.
    let (user, token) = r.stack.member("manager", "readonly").await;
    let put = r
        .stack
        .path(&format!("/tenants/{}/members/{user}", r.tenant));
    r.stack
        .call(
            "PUT",
            &put,
            Some(&r.stack.owner),
            Some(&json!({"role": "manager"})),
        )
        .await
        .expect(200);
    let path = r.stack.path(&r.tail());
    let mut answers = Vec::new();
    for version in [
        foreign.clone(),
        json!(Uuid::new_v4()),
        foreign,
        json!(Uuid::new_v4()),
    ] {
        let before = r.stack.statements();
        let reply = r
            .stack
            .call("POST", &path, Some(&token), Some(&naming(&version)))
            .await;
        let count = r.stack.statements() - before;
        let mut body = reply.refused(422, "validation_failed");
        body["request_id"] = Value::Null;
        answers.push((body, count));
    }
    assert_eq!(answers[2], answers[3]);
    assert_eq!(answers[0].0, answers[1].0);
    // The right itself is there.
    r.stack
        .call("POST", &path, Some(&token), Some(&r.body()))
        .await
        .expect(202);
}

#[actix_web::test]
async fn a_restore_does_not_enable_conditional_access_unless_told_to() {
    let (key, mut item) = access_policy("MFA", Uuid::nil());
    item["conditions"]["users"] = json!({"includeUsers": ["All"]});
    let report = json!("enabledForReportingButNotEnforced");
    let r = Restorable::of((key, item), ("state", report.clone())).await;
    let blocked = r.post(&r.body()).await.refused(409, "blocked");
    assert_eq!(codes(&blocked), ["nothing_ready"]);
    let told = with(
        &r.body(),
        &json!({"conditional_access_state": "as_captured"}),
    );
    let queued = r.post(&told).await.expect(202);
    let context = &queued["operation_run"]["context"];
    assert_eq!(context["conditional_access_state"], "as_captured");
    assert_eq!(context["kept_state"], Value::Null);
}

#[actix_web::test]
async fn a_group_that_is_gone_and_a_type_not_read_hold_a_restore() {
    let gone = Uuid::new_v4();
    let (key, mut item) = access_policy("MFA", gone);
    item["state"] = json!("disabled");
    let mut conditions = item["conditions"].clone();
    conditions["users"] = json!({"includeUsers": ["All"]});
    let r = Restorable::of((key, item), ("conditions", conditions)).await;
    let blocked = r.post(&r.body()).await.refused(409, "blocked");
    assert_eq!(codes(&blocked), ["reference_missing"]);
    let text = blocked["reasons"][0]["message"].as_str().unwrap();
    assert!(text.contains(&gone.to_string()), "{text}");
}
