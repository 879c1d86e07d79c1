//! Administrative templates: captured with what their values are of, written in one keyed call that
//! is never repeated blindly, read back whole.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;

use crate::support::{Plan, SOURCE, Stack, TARGET};
use domain::preflight::Readiness;
use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::{Value, json};
use store::run_items::ItemRow;

const TEMPLATES: &str = "groupPolicyConfigurations";
const VALUES: &str = "updateDefinitionValues";

fn mapped() -> Options {
    Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    }
}

async fn in_tenant(stack: &Stack, tenant: &str, name: &str) -> Value {
    let objects = stack.objects(tenant, TEMPLATES).await;
    let mut of_name = objects.into_iter().filter(|o| o["displayName"] == name);
    let found = of_name.next().unwrap();
    assert!(of_name.next().is_none(), "{name} stands twice");
    found
}

/// The definitions a stored policy sets; the same one twice would be found here.
fn set_by(policy: &Value) -> Vec<String> {
    let values = policy["definitionValues"].as_array().unwrap();
    let ids: Vec<String> = values
        .iter()
        .map(|value| value["definition"]["id"].as_str().unwrap().to_owned())
        .collect();
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    ids
}

/// The bodies sent to bring values to a policy of the target, refused and unanswered ones too.
async fn sent(stack: &Stack, id: &Value) -> Vec<Value> {
    let path = format!("/{}/{VALUES}", id.as_str().unwrap());
    stack
        .writes(TARGET)
        .await
        .into_iter()
        .filter(|write| write["path"].as_str().unwrap().ends_with(&path))
        .map(|write| write["body"].clone())
        .collect()
}

async fn promote(stack: &Stack, plan: &Plan) -> Vec<ItemRow> {
    let run = stack.promote(plan).await;
    stack.finished(run).await;
    stack.items(run).await
}

fn assert_all_succeeded(items: &[ItemRow]) {
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty() && !items.is_empty(), "{bad:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_promoted_in_one_call_each_and_match_afterwards() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TEMPLATES], mapped()).await;

    // A definition of an ADMX file that nobody uploaded to the target is named.
    let held = plan.preflight.subjects.iter();
    let held: Vec<_> = held
        .filter(|s| !matches!(s.readiness, Readiness::Ready | Readiness::Unchanged))
        .collect();
    let [proxy] = held[..] else {
        unreachable!("{held:#?}")
    };
    assert_eq!(proxy.display_name, "ADMX - Agent Proxy");
    assert_eq!(proxy.reasons[0].code, "reference_missing");
    assert!(
        proxy.reasons[0].message.contains("Agent proxy"),
        "{proxy:#?}"
    );

    assert_all_succeeded(&promote(&stack, &plan).await);
    for name in ["ADMX - Edge Network", "ADMX - Agent"] {
        let there = in_tenant(&stack, TARGET, name).await;
        assert_eq!(sent(&stack, &there["id"]).await.len(), 1, "{name}");
        let here = in_tenant(&stack, SOURCE, name).await;
        assert_eq!(set_by(&there).len(), set_by(&here).len());
        assert_eq!(
            there["assignments"].as_array().unwrap().len(),
            here["assignments"].as_array().unwrap().len()
        );
    }
    // The uploaded definition and its field are the target's own.
    let agent = in_tenant(&stack, TARGET, "ADMX - Agent").await;
    let definitions = stack.objects(TARGET, "groupPolicyDefinitions").await;
    let own = definitions
        .iter()
        .find(|definition| definition["displayName"] == "Agent server")
        .unwrap();
    assert!(set_by(&agent).contains(&own["id"].as_str().unwrap().to_owned()));
    let values = agent["definitionValues"].as_array().unwrap();
    let value = values.iter().find(|v| v["definition"]["id"] == own["id"]);
    assert_eq!(
        value.unwrap()["presentationValues"][0]["presentation"]["id"],
        own["presentations"][0]["id"]
    );
    // What was there already was changed by its key: nothing was removed and added again.
    let edge = in_tenant(&stack, TARGET, "ADMX - Edge Network").await;
    let body = &sent(&stack, &edge["id"]).await[0];
    assert_eq!(body["added"].as_array().unwrap().len(), 1, "{body:#}");
    assert_eq!(body["updated"].as_array().unwrap().len(), 1);
    assert_eq!(body["deletedIds"], json!([]));

    let again = stack.plan(&[TEMPLATES], mapped()).await;
    assert!(again.subjects.is_empty(), "{:#?}", again.subjects);
    for subject in &again.comparison.subjects {
        let open = subject.display_name == "ADMX - Agent Proxy";
        assert_eq!(subject.state == SubjectState::Match, !open, "{subject:#?}");
    }
    assert!(stack.writes(SOURCE).await.is_empty());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lost_answer_adds_a_value_twice() {
    for kind in [
        json!({"kind": "status_after_effect", "status": 500}),
        json!({"kind": "status_before_effect", "status": 500}),
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "cut_before_effect"}),
        json!({"kind": "throttle", "retry_after": "1"}),
    ] {
        let stack = Stack::start().await;
        let worker = stack.worker();
        stack.sync_both().await;
        let plan = stack.plan(&[TEMPLATES], mapped()).await;
        let mut fault = kind.clone();
        fault["tenant"] = json!(TARGET);
        fault["method"] = json!("POST");
        fault["path_regex"] = json!(VALUES);
        fault["times"] = json!(2);
        stack.fault(fault).await;
        assert_all_succeeded(&promote(&stack, &plan).await);
        for subject in &plan.subjects {
            let there = in_tenant(&stack, TARGET, &subject.display_name).await;
            let here = in_tenant(&stack, SOURCE, &subject.display_name).await;
            assert_eq!(set_by(&there).len(), set_by(&here).len(), "{kind}");
        }
        worker.stop().await;
    }
}

/// Half of a call took effect and its answer was lost: the other half is sent, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn after_half_a_call_the_other_half_is_sent() {
    const SIGN_IN: &str = "5fd0cc11-7a1f-4f7a-9b6d-000000000205";
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TEMPLATES], mapped()).await;
    let everywhere = json!({"tenant": TARGET, "method": "POST", "path_regex": VALUES, "times": 2});
    for kind in [
        json!({"kind": "drop_setting", "name": SIGN_IN}),
        json!({"kind": "status_after_effect", "status": 504}),
    ] {
        let mut fault = everywhere.clone();
        fault
            .as_object_mut()
            .unwrap()
            .extend(kind.as_object().unwrap().clone());
        stack.fault(fault).await;
    }
    assert_all_succeeded(&promote(&stack, &plan).await);
    let agent = in_tenant(&stack, TARGET, "ADMX - Agent").await;
    assert_eq!(set_by(&agent).len(), 2);
    let calls = sent(&stack, &agent["id"]).await;
    assert_eq!(calls.len(), 2, "{calls:#?}");
    let added = calls[1]["added"].as_array().unwrap();
    assert_eq!(added.len(), 1);
    let link = added[0]["definition@odata.bind"].as_str().unwrap();
    assert!(link.contains(SIGN_IN), "{link}");
    worker.stop().await;
}

/// A value that somebody changed after the review is not overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_changed_after_the_review_is_left_alone() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TEMPLATES], mapped()).await;
    let edge = in_tenant(&stack, TARGET, "ADMX - Edge Network").await;
    let mut values = edge["definitionValues"].clone();
    values[1]["presentationValues"][0]["value"] = json!(64);
    let path = format!(
        "/tenants/{TARGET}/objects/{TEMPLATES}/{}",
        edge["id"].as_str().unwrap()
    );
    stack
        .control("PATCH", &path, Some(json!({"definitionValues": values})))
        .await;
    let items = promote(&stack, &plan).await;
    let item = items
        .iter()
        .find(|i| i.display_name == "ADMX - Edge Network");
    assert_eq!(item.unwrap().reason_code.as_deref(), Some("target_changed"));
    assert!(sent(&stack, &edge["id"]).await.is_empty());
    assert_eq!(
        in_tenant(&stack, TARGET, "ADMX - Edge Network").await["definitionValues"],
        values
    );
    worker.stop().await;
}

/// The field of an uploaded definition is gone in the target: nothing is begun.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_stops_a_template_before_its_first_write() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TEMPLATES], mapped()).await;
    let definitions = stack.objects(TARGET, "groupPolicyDefinitions").await;
    let own = definitions
        .iter()
        .find(|d| d["displayName"] == "Agent server");
    let id = own.unwrap()["id"].as_str().unwrap();
    let path = format!("/tenants/{TARGET}/objects/groupPolicyDefinitions/{id}");
    stack
        .control("PATCH", &path, Some(json!({"presentations": []})))
        .await;
    let items = promote(&stack, &plan).await;
    let item = items
        .iter()
        .find(|i| i.display_name == "ADMX - Agent")
        .unwrap();
    assert_eq!(item.outcome, "failed");
    assert_eq!(
        item.reason_code.as_deref(),
        Some("reference_missing"),
        "{item:#?}"
    );
    let objects = stack.objects(TARGET, TEMPLATES).await;
    assert!(objects.iter().all(|o| o["displayName"] != "ADMX - Agent"));
    worker.stop().await;
}
