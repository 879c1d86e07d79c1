//! Compare and preflight on a seeded inventory.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::{self, two_tenants};
use crate::support::Stack;

pub fn subject<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let subjects = answer["subjects"].as_array().unwrap();
    let found = subjects.iter().find(|s| s["display_name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {answer}"))
}

pub fn with(selection: &Value, more: &Value) -> Value {
    let mut body = selection.clone();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

const COMPARE: &str = "/cross-tenant-compare";
const DIFF: &str = "/cross-tenant-compare/diff";
pub const PREFLIGHT: &str = "/cross-tenant-compare/preflight";

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
async fn a_permission_that_is_known_to_be_missing_is_a_gate() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let gates = async || {
        let answer = stack.post(PREFLIGHT, &selection).await.expect(200);
        let gates = answer["gates"].as_array().unwrap();
        let codes = gates.iter().map(|g| g["code"].as_str().unwrap().to_owned());
        codes.collect::<Vec<_>>()
    };
    assert_eq!(gates().await, [""; 0]);
    let target = selection["target_tenant_id"].as_str().unwrap();
    seed::set_roles(&stack, target, &["DeviceManagementConfiguration.Read.All"]).await;
    assert_eq!(gates().await, ["permission_missing"]);
    let roles = [
        "DeviceManagementConfiguration.ReadWrite.All",
        "Policy.Read.All",
        "Policy.ReadWrite.ConditionalAccess",
    ];
    seed::set_roles(&stack, target, &roles).await;
    assert_eq!(gates().await, [""; 0]);
}

#[actix_web::test]
async fn what_a_tenant_does_not_offer_stands_in_the_way_only_where_it_matters() {
    let stack = Stack::start().await;
    let selection = two_tenants(&stack).await;
    let target = selection["target_tenant_id"].as_str().unwrap();
    let codes = |answer: &Value| -> Vec<String> {
        let gates = answer["gates"].as_array().unwrap();
        gates
            .iter()
            .map(|gate| gate["code"].as_str().unwrap().to_owned())
            .collect()
    };
    // Neither tenant has any: nobody is concerned.
    seed::set_unserved(&stack, target, "windowsUpdateRings").await;
    let answer = stack.post(PREFLIGHT, &selection).await.expect(200);
    assert!(codes(&answer).is_empty(), "{answer}");
    assert_eq!(answer["executable"], true);
    let compared = stack.post(COMPARE, &selection).await.expect(200);
    let inventory = &compared["target"]["inventory"];
    assert_eq!(inventory["status"], "complete");
    assert_eq!(inventory["unserved_types"], json!(["windowsUpdateRings"]));
    // Who asks for it by name is told.
    let named = json!({"scope": {"policy_types": ["windowsUpdateRings"]}});
    let answer = stack
        .post(PREFLIGHT, &with(&selection, &named))
        .await
        .expect(200);
    assert_eq!(codes(&answer)[0], "inventory_incomplete", "{answer}");
    // What is never written holds no run, and is not called read either.
    seed::set_unread(&stack, target, "termsOfUseAgreements", "graph_forbidden").await;
    let answer = stack.post(PREFLIGHT, &selection).await.expect(200);
    assert!(codes(&answer).is_empty(), "{answer}");
    let compared = stack.post(COMPARE, &selection).await.expect(200);
    let inventory = &compared["target"]["inventory"];
    assert_eq!(inventory["status"], "incomplete");
    assert_eq!(
        inventory["incomplete_types"],
        json!(["termsOfUseAgreements"])
    );
    // The source has some: nothing is concluded from the target's answer.
    seed::set_unserved(&stack, target, "conditionalAccessPolicies").await;
    let answer = stack.post(PREFLIGHT, &selection).await.expect(200);
    assert_eq!(codes(&answer), ["inventory_incomplete"], "{answer}");
    let held = subject(&answer, "MFA");
    assert_eq!(held["readiness"], "blocked");
    assert_eq!(held["reasons"][0]["code"], "type_not_served");
}
