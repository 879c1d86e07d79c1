//! Cases from the field about references: people, what was deleted, what has a stable id, and what
//! the target lacks. Each is settled through the API alone, and lands on what is meant.

use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use reqwest::Method;
use serde_json::{Value, json};

use crate::PROCESS;

pub(crate) const POLICIES: &str = "conditionalAccessPolicies";
pub(crate) const LIMIT: Duration = Duration::from_mins(3);
/// Microsoft Intune Enrollment, which many tenants have no service principal of.
pub(crate) const ENROLLMENT: &str = "d4ebce55-015a-49b5-a083-c84d1797ae8c";

pub(crate) async fn two_empty_tenants(workers: usize) -> Result<Stack> {
    let plan = Plan {
        source: Content::Empty,
        target: Content::Empty,
        workers,
        ..Plan::default()
    };
    Stack::start(PROCESS, plan).await
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn put(
    stack: &Stack,
    tenant: &str,
    collection: &str,
    object: Value,
) -> Result<String> {
    let made = stack.sim.put_object(tenant, collection, object).await?;
    Ok(text(&made["id"]))
}

pub(crate) async fn user(stack: &Stack, tenant: &str, name: &str, upn: &str) -> Result<String> {
    let object = json!({"displayName": name, "userPrincipalName": upn, "mail": upn});
    put(stack, tenant, "users", object).await
}

/// A Conditional Access policy of these conditions for everybody and everything else.
pub(crate) fn policy(name: &str, conditions: &Value) -> Value {
    let mut all = json!({
        "clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]},
        "users": {"includeUsers": ["All"]},
    });
    for (part, members) in conditions.as_object().into_iter().flatten() {
        for (member, value) in members.as_object().into_iter().flatten() {
            all[part][member] = value.clone();
        }
    }
    json!({
        "displayName": name,
        "state": "enabledForReportingButNotEnforced",
        "conditions": all,
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    })
}

pub(crate) fn selection(stack: &Stack, mappings: &Value) -> Value {
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": [POLICIES]});
    selection["mappings"] = mappings.clone();
    selection
}

/// The subject of this name, as a preflight with these mappings sees it.
pub(crate) async fn subject(stack: &Stack, name: &str, mappings: &Value) -> Result<Value> {
    let answer = stack.api.preflight(&selection(stack, mappings)).await?;
    let subjects = answer["subjects"].as_array().cloned().unwrap_or_default();
    subjects
        .into_iter()
        .find(|subject| subject["display_name"] == name)
        .with_context(|| format!("{name} in {answer}"))
}

pub(crate) fn reason<'v>(subject: &'v Value, code: &str) -> &'v str {
    let reasons = subject["reasons"].as_array().map_or(&[][..], Vec::as_slice);
    let found = reasons.iter().find(|reason| reason["code"] == code);
    found
        .and_then(|reason| reason["message"].as_str())
        .unwrap_or_else(|| panic!("no {code} in {subject}"))
}

pub(crate) fn reference<'v>(subject: &'v Value, kind: &str) -> &'v Value {
    let references = subject["references"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let open =
        |reference: &&Value| reference["kind"] == kind && reference["resolution"] != "constant";
    let found = references.iter().find(open);
    found.unwrap_or_else(|| panic!("no {kind} in {subject}"))
}

pub(crate) async fn search(stack: &Stack, q: &str) -> Result<(Value, Vec<Value>)> {
    let path = format!("/tenants/{}/reference-searches", stack.target);
    let body = json!({"kind": "user", "q": q});
    let started = stack.api.post(&path, &body).await?.expect(202)?;
    assert_eq!(started["result"], "queued");
    assert_eq!(started["operation_run"]["type"], "reference.search");
    let id = text(&started["operation_run"]["id"]);
    let run = stack.api.wait_for_run(&id, LIMIT).await?;
    Ok((run, stack.api.items(&id).await?))
}

pub(crate) async fn references(stack: &Stack, kind: &str, q: &str) -> Result<Vec<Value>> {
    let mut path = format!("/tenants/{}/references?kind={kind}", stack.target);
    if !q.is_empty() {
        path = format!("{path}&q={q}");
    }
    stack.api.all(&path).await
}

/// Promotes with these mappings; the policy of this name in the target.
pub(crate) async fn promoted(stack: &Stack, name: &str, mappings: &Value) -> Result<Value> {
    let (preflight, run) = stack
        .api
        .promote(&selection(stack, mappings), LIMIT)
        .await?;
    let items = stack.api.items(&text(&run["id"])).await?;
    assert_eq!(
        run["outcome"],
        "succeeded",
        "{preflight}\n{run}\n{}\n{}",
        json!(items),
        stack.logs()
    );
    let after = stack.api.compare(&selection(stack, mappings)).await?;
    let subjects = after["subjects"].as_array().cloned().unwrap_or_default();
    let state = subjects
        .iter()
        .find(|subject| subject["display_name"] == name)
        .map(|subject| &subject["state"]);
    assert_eq!(state, Some(&json!("match")), "{after}");
    let policies = stack.sim.objects(TARGET, POLICIES).await?;
    policies
        .into_iter()
        .find(|policy| policy["displayName"] == name)
        .context("the policy in the target")
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_excluded_person_is_found_and_mapped() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let ours = user(
        &stack,
        SOURCE,
        "Emergency one",
        "emergency1@contoso.onmicrosoft.com",
    )
    .await?;
    let theirs = user(
        &stack,
        TARGET,
        "Break O'Glass",
        "emergency1@fabrikam.onmicrosoft.com",
    )
    .await?;
    user(
        &stack,
        TARGET,
        "Somebody",
        "somebody@fabrikam.onmicrosoft.com",
    )
    .await?;
    let name = "CA001 Block all but emergency";
    let body = policy(name, &json!({"users": {"excludeUsers": [ours]}}));
    put(&stack, SOURCE, POLICIES, body).await?;
    stack.sync_both().await?;

    let held = subject(&stack, name, &json!([])).await?;
    assert_eq!(held["readiness"], "manual_mapping_required", "{held}");
    let message = reason(&held, "reference_missing");
    assert!(
        message.contains("/conditions/users/excludeUsers/0"),
        "{message}"
    );
    assert!(message.contains("reference-searches"), "{message}");
    assert!(!message.contains("sync again"), "{message}");
    assert_eq!(reference(&held, "user")["candidates"], json!([]));
    let source_id = reference(&held, "user")["source_id"].clone();
    assert!(source_id.is_string(), "{held}");
    assert_eq!(references(&stack, "user", "").await?, Vec::<Value>::new());

    let (run, items) = search(&stack, "emer").await?;
    assert_eq!(
        run["outcome"],
        "succeeded",
        "{run} {items:?}\n{}",
        stack.logs()
    );
    assert_eq!(run["summary_counts"]["total"], 1);
    assert_eq!(run["summary_counts"]["updated"], 1);
    assert_eq!(run["context"], json!({"kind": "user", "q": "emer"}));
    assert_eq!(items[0]["message"], "1 found.");
    // By what the principal name says, and by what people are called.
    for q in ["emergency1", "GLASS"] {
        let found = references(&stack, "user", q).await?;
        assert_eq!(found.len(), 1, "{q}: {found:?}");
        assert_eq!(found[0]["external_id"], json!(theirs));
    }
    // An apostrophe is no end of a literal. Nobody new: nothing changed.
    let (run, _) = search(&stack, "Break O'G").await?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    assert_eq!(run["summary_counts"]["unchanged"], 1);

    // Offered, and never taken by itself.
    let offered = subject(&stack, name, &json!([])).await?;
    assert_eq!(offered["readiness"], "manual_mapping_required", "{offered}");
    let candidates = &reference(&offered, "user")["candidates"];
    assert_eq!(candidates.as_array().map(Vec::len), Some(1), "{offered}");
    assert_eq!(candidates[0]["name"], "emergency1@fabrikam.onmicrosoft.com");
    let target_id = candidates[0]["id"].clone();

    let mapping = |source: &Value, target: &Value| json!([{"kind": "user", "source_id": source, "target_id": target}]);
    // A person of another tenant is none of the target.
    let wrong = selection(&stack, &mapping(&source_id, &source_id));
    let refused = stack
        .api
        .post("/cross-tenant-compare/preflight", &wrong)
        .await?;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(
        refused.body["errors"][0]["pointer"],
        "/mappings/0/target_id"
    );

    let mappings = mapping(&source_id, &target_id);
    let ready = subject(&stack, name, &mappings).await?;
    assert_eq!(ready["readiness"], "ready", "{ready}");
    let landed = promoted(&stack, name, &mappings).await?;
    assert_eq!(
        landed["conditions"]["users"]["excludeUsers"],
        json!([theirs])
    );
    let log = stack
        .api
        .all("/audit-logs?action=reference.search.completed")
        .await?;
    assert_eq!(log.len(), 2, "{log:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_search_is_refused_deduped_and_survives_its_worker() -> Result<()> {
    let mut stack = two_empty_tenants(0).await?;
    for number in 0..620 {
        let upn = format!("pilot{number:03}@fabrikam.onmicrosoft.com");
        user(&stack, TARGET, &format!("Pilot {number}"), &upn).await?;
    }
    let path = format!("/tenants/{}/reference-searches", stack.target);
    for (body, place, code) in [
        (json!({"kind": "user", "q": "pi"}), "/q", "too_short"),
        (json!({"kind": "user", "q": " pi "}), "/q", "too_short"),
        (
            json!({"kind": "user", "q": "pil\u{7}"}),
            "/q",
            "invalid_characters",
        ),
        (
            json!({"kind": "user", "q": "x".repeat(121)}),
            "/q",
            "too_long",
        ),
        (json!({"kind": "user"}), "/q", "required"),
        (
            json!({"kind": "scope_tag", "q": "pilot"}),
            "/kind",
            "kind_not_searchable",
        ),
        (
            json!({"kind": "literal", "q": "pilot"}),
            "/kind",
            "kind_not_searchable",
        ),
        (json!({"q": "pilot"}), "/kind", "required"),
        (
            json!({"kind": "user", "q": "pilot", "top": 1}),
            "/top",
            "unknown_member",
        ),
    ] {
        let refused = stack.api.post(&path, &body).await?;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        assert_eq!(refused.body["code"], "validation_failed");
        assert_eq!(refused.body["errors"][0]["pointer"], place, "{body}");
        assert_eq!(refused.body["errors"][0]["code"], code, "{body}");
    }
    let body = json!({"kind": "user", "q": "pilot"});
    let keyed = [("idempotency-key", "search-1")];
    let first = stack.api.post(&path, &body).await?.expect(202)?;
    let run = text(&first["operation_run"]["id"]);
    let again = stack
        .api
        .send(Method::POST, &stack.api.path(&path), &keyed, Some(&body))
        .await?
        .expect(200)?;
    assert_eq!(again["result"], "deduped");
    assert_eq!(again["operation_run"]["id"], json!(run));
    // Somebody who looks for something else need not wait.
    let other = json!({"kind": "user", "q": "nobody"});
    let other = stack.api.post(&path, &other).await?.expect(202)?;
    let other = text(&other["operation_run"]["id"]);

    // The worker dies while Graph answers.
    let slow = json!({"tenant": TARGET, "method": "GET", "path_regex": "/users", "times": 2, "kind": "slow", "ms": 20_000});
    stack.sim.fault(slow).await?;
    stack.add_worker()?;
    let mut waited = 0;
    while stack.api.run(&run).await?["status"] == "queued" {
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += 1;
        assert!(waited < 300, "{}", stack.logs());
    }
    stack.workers[0].kill();
    stack.add_worker()?;
    let run = stack.api.wait_for_run(&run, LIMIT).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    let items = stack.api.items(&text(&run["id"])).await?;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["reason_code"], "search_truncated", "{items:?}");
    assert_eq!(references(&stack, "user", "pilot").await?.len(), 500);
    let other = stack.api.wait_for_run(&other, LIMIT).await?;
    assert_eq!(other["outcome"], "succeeded", "{other}");
    // The key answers with its run after the run's end.
    let replayed = stack
        .api
        .send(Method::POST, &stack.api.path(&path), &keyed, Some(&body))
        .await?;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));

    // What may not be asked for is said, and nothing is concluded from it.
    let forbidden = json!({"tenant": TARGET, "method": "GET", "path_regex": "/users", "times": 1,
        "kind": "status_before_effect", "status": 403});
    stack.sim.fault(forbidden).await?;
    let (run, items) = search(&stack, "nobody").await?;
    assert_eq!(run["outcome"], "failed", "{run}");
    assert_eq!(items[0]["reason_code"], "graph_forbidden", "{items:?}");
    assert_eq!(references(&stack, "user", "pilot").await?.len(), 500);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_what_the_source_has_lost_can_be_mapped() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let known = user(&stack, SOURCE, "Left us", "left@contoso.onmicrosoft.com").await?;
    let never = "0f0f0f0f-0000-4000-8000-00000000dead";
    let group = put(
        &stack,
        SOURCE,
        "groups",
        json!({"displayName": "Old admins"}),
    )
    .await?;
    let users = policy(
        "CA010 Users gone",
        &json!({"users": {"excludeUsers": [known, never]}}),
    );
    put(&stack, SOURCE, POLICIES, users).await?;
    let groups = policy(
        "CA011 Group gone",
        &json!({"users": {"excludeGroups": [group]}}),
    );
    put(&stack, SOURCE, POLICIES, groups).await?;
    // The target has a policy of that name: what is lost keeps the two from being compared.
    let there = policy(
        "CA010 Users gone",
        &json!({"users": {"includeUsers": ["None"]}}),
    );
    put(&stack, TARGET, POLICIES, there).await?;
    let theirs = user(&stack, TARGET, "New", "left@fabrikam.onmicrosoft.com").await?;
    let new_group = put(
        &stack,
        TARGET,
        "groups",
        json!({"displayName": "New admins"}),
    )
    .await?;
    stack.sync_both().await?;
    stack.sim.delete_object(SOURCE, "users", &known).await?;
    stack.sim.delete_object(SOURCE, "groups", &group).await?;
    stack.sync_both().await?;
    let (run, _) = search(&stack, "left@").await?;
    assert_eq!(run["outcome"], "succeeded");
    let found = references(&stack, "user", "left").await?;
    let target_user = &found[0]["id"];
    let target_group = &references(&stack, "group", "New").await?[0]["id"];

    let held = subject(&stack, "CA010 Users gone", &json!([])).await?;
    assert_eq!(held["readiness"], "manual_mapping_required", "{held}");
    let message = reason(&held, "reference_missing");
    assert!(
        message.contains("the source itself does not have any more"),
        "{message}"
    );
    let mut lost = held["references"].as_array().cloned().unwrap_or_default();
    lost.retain(|reference| reference["resolution"] == "missing");
    assert_eq!(lost.len(), 2, "{held}");
    let mut mappings = Vec::new();
    for one in &lost {
        assert!(one["source_id"].is_string(), "{one}");
        mappings
            .push(json!({"kind": "user", "source_id": one["source_id"], "target_id": target_user}));
    }
    // The one that was known once is told by its name, and who may be meant is offered.
    let named = lost
        .iter()
        .find(|one| one["source_name"] == "left@contoso.onmicrosoft.com");
    let named = named.context("the name it had")?;
    assert_eq!(named["candidates"][0]["id"], *target_user, "{named}");

    let held = subject(&stack, "CA011 Group gone", &json!([])).await?;
    assert_eq!(held["readiness"], "blocked", "{held}");
    let message = reason(&held, "exclusion_reference_missing");
    assert!(
        message.contains("\"Old admins\", which the source itself"),
        "{message}"
    );
    let source_group = &reference(&held, "group")["source_id"];
    mappings.push(json!({"kind": "group", "source_id": source_group, "target_id": target_group}));

    let mappings = json!(mappings);
    for name in ["CA010 Users gone", "CA011 Group gone"] {
        let ready = subject(&stack, name, &mappings).await?;
        assert_eq!(ready["readiness"], "ready", "{ready}");
    }
    let landed = promoted(&stack, "CA011 Group gone", &mappings).await?;
    assert_eq!(
        landed["conditions"]["users"]["excludeGroups"],
        json!([new_group])
    );
    let policies = stack.sim.objects(TARGET, POLICIES).await?;
    let updated = policies
        .iter()
        .find(|p| p["displayName"] == "CA010 Users gone");
    let updated = updated.context("the updated policy")?;
    assert_eq!(
        updated["conditions"]["users"]["excludeUsers"],
        json!([theirs])
    );
    Ok(())
}

/// The same on the other side: what the target's own policy points to is gone there.
#[tokio::test(flavor = "multi_thread")]
async fn c2_what_the_target_has_lost_keeps_nothing_from_being_replaced() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let ours = put(&stack, SOURCE, "groups", json!({"displayName": "Admins"})).await?;
    let theirs = put(&stack, TARGET, "groups", json!({"displayName": "Admins"})).await?;
    let gone = "0f0f0f0f-0000-4000-8000-00000000dead";
    let name = "CA012 Replace";
    let of = |group: &str| policy(name, &json!({"users": {"excludeGroups": [group]}}));
    put(&stack, SOURCE, POLICIES, of(&ours)).await?;
    put(&stack, TARGET, POLICIES, of(gone)).await?;
    stack.sync_both().await?;
    let ready = subject(&stack, name, &json!([])).await?;
    assert_eq!(
        (&ready["readiness"], &ready["action"]),
        (&json!("ready"), &json!("update")),
        "{ready}"
    );
    let landed = promoted(&stack, name, &json!([])).await?;
    assert_eq!(
        landed["conditions"]["users"]["excludeGroups"],
        json!([theirs])
    );
    Ok(())
}
