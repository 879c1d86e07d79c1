//! Every fault does what its name says, once, and the journal tells.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::*;

fn filter(name: &str) -> Value {
    json!({"displayName": name, "platform": "macOS", "rule": "(device.model -eq \"x\")"})
}

async fn count(sim: &Sim, name: &str) -> usize {
    sim.all(FILTERS)
        .await
        .iter()
        .filter(|item| item["displayName"] == name)
        .count()
}

#[tokio::test]
async fn throttling_comes_in_every_form() {
    let sim = Sim::start(SOURCE).await;
    for (retry, expected) in [
        (Value::Null, None),
        (json!("0"), Some("0")),
        (json!("1.5"), Some("1.5")),
        (json!(7), Some("7")),
    ] {
        sim.fault(json!({"kind": "throttle", "retry_after": retry}))
            .await;
        let answer = sim.send("GET", FILTERS, None).await;
        assert_eq!((answer.status, answer.code()), (429, "TooManyRequests"));
        let header = answer
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(header, expected);
    }
    sim.fault(json!({"kind": "throttle", "retry_after": "http-date"}))
        .await;
    let answer = sim.send("GET", FILTERS, None).await;
    assert!(
        answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .ends_with("GMT")
    );
    sim.fault(json!({"kind": "throttle", "retry_after": "9", "nested": true}))
        .await;
    let answer = sim.send("GET", FILTERS, None).await;
    let inner: Value =
        serde_json::from_str(answer.body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["RetryAfter"], json!("9"));
    assert_eq!(sim.send("GET", FILTERS, None).await.status, 200);
}

#[tokio::test]
async fn an_answer_can_fail_before_and_after_its_effect() {
    let sim = Sim::start(SOURCE).await;
    for (kind, lost, effects) in [
        (
            json!({"kind": "status_before_effect", "status": 503}),
            false,
            0,
        ),
        (
            json!({"kind": "status_after_effect", "status": 500}),
            false,
            1,
        ),
        (json!({"kind": "cut_before_effect"}), true, 0),
        (json!({"kind": "cut_after_effect"}), true, 1),
        (json!({"kind": "truncate_body_after_effect"}), true, 1),
    ] {
        let name = kind["kind"].as_str().unwrap().to_owned();
        let mut spec = kind;
        spec["method"] = json!("POST");
        spec["path_regex"] = json!("assignmentFilters$");
        sim.fault(spec).await;
        let answer = sim.try_send("POST", FILTERS, Some(&filter(&name))).await;
        if lost {
            assert!(answer.is_err(), "{name} was answered");
        } else {
            assert!(answer.unwrap().status >= 500);
        }
        assert_eq!(count(&sim, &name).await, effects, "{name}");
        let journal = sim
            .control(
                "GET",
                &format!("/__sim/journal?writes_only=true&tenant={SOURCE}"),
                json!({}),
            )
            .await;
        let last = journal["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["fault"], json!(name));
        assert_eq!(
            last["effect"],
            json!(if effects == 1 { "created" } else { "none" })
        );
    }
}

#[tokio::test]
async fn pages_can_fail_or_be_empty() {
    let sim = Sim::start(SOURCE).await;
    sim.fault(json!({"kind": "empty_page", "path_regex": "configurationPolicies$"}))
        .await;
    let page = sim.get(SETTINGS_CATALOG).await;
    assert_eq!(page["value"], json!([]));
    assert_eq!(
        sim.all(page["@odata.nextLink"].as_str().unwrap())
            .await
            .len(),
        31
    );
    sim.fault(json!({"kind": "page_fails", "status": 502}))
        .await;
    let page = sim.get(SETTINGS_CATALOG).await;
    let next = page["@odata.nextLink"].as_str().unwrap();
    assert_eq!(sim.send("GET", next, None).await.status, 502);
    assert_eq!(sim.send("GET", next, None).await.status, 200);
    sim.fault(json!({"kind": "malformed_json"})).await;
    assert_eq!(sim.send("GET", FILTERS, None).await.body, Value::Null);
}

#[tokio::test]
async fn created_objects_can_lack_their_id_be_late_or_lose_a_setting() {
    let sim = Sim::start(SOURCE).await;
    sim.fault(json!({"kind": "created_without_id", "method": "POST"}))
        .await;
    let answer = sim.send("POST", FILTERS, Some(&filter("no id"))).await;
    assert!(answer.status == 201 && answer.body.get("id").is_none());
    sim.fault(json!({"kind": "delayed_visibility", "method": "POST", "ms": 600}))
        .await;
    let answer = sim.send("POST", FILTERS, Some(&filter("late"))).await;
    let item = format!("{FILTERS}/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(sim.send("GET", &item, None).await.status, 404);
    assert_eq!(count(&sim, "late").await, 0);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sim.send("GET", &item, None).await.status, 200);
    sim.fault(json!({"kind": "drop_setting", "method": "POST", "path": "description"}))
        .await;
    let mut body = filter("forgetful");
    body["description"] = json!("never stored");
    let answer = sim.send("POST", FILTERS, Some(&body)).await;
    assert_eq!(answer.body["description"], Value::Null);
}

#[tokio::test]
async fn slow_answers_approvals_prohibitions_and_changes_behind() {
    let sim = Sim::start(SOURCE).await;
    let started = Instant::now();
    sim.fault(json!({"kind": "slow", "ms": 300})).await;
    sim.get(FILTERS).await;
    sim.fault(json!({"kind": "slow_after_effect", "ms": 300}))
        .await;
    sim.get(FILTERS).await;
    assert!(started.elapsed() >= Duration::from_millis(600));
    sim.fault(json!({"kind": "approval_required", "status": 412, "code": "abc"}))
        .await;
    let answer = sim.send("POST", FILTERS, Some(&filter("x"))).await;
    assert_eq!(answer.status, 412);
    assert_eq!(answer.headers["x-msft-approval-code"], "abc");
    sim.fault(json!({"kind": "forbid", "skip": 1, "times": 2, "method": "POST"}))
        .await;
    for expected in [201, 403, 403, 201] {
        assert_eq!(
            sim.send("POST", FILTERS, Some(&filter("counted")))
                .await
                .status,
            expected
        );
    }
    let listed = sim.control("GET", "/__sim/faults", json!({})).await;
    assert_eq!(listed["items"][3]["hits"], json!(2));
    sim.fault(
        json!({"kind": "change_behind", "collection": "assignmentFilters", "name": "iPads",
        "patch": {"description": "changed by somebody"}}),
    )
    .await;
    let ipads = sim
        .all(FILTERS)
        .await
        .into_iter()
        .find(|item| item["displayName"] == "iPads")
        .unwrap();
    assert_eq!(ipads["description"], json!("changed by somebody"));
    sim.fault(json!({"kind": "wrong_tid_token", "tid": TARGET}))
        .await;
    let token = sim.login(SOURCE).await;
    let payload = token.split('.').nth(1).unwrap();
    let text = String::from_utf8(decode(payload)).unwrap();
    assert!(text.contains(TARGET));
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}
