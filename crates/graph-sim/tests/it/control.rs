//! The control endpoints: tenants, provisioning, copies, the journal.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_empty_tenant_can_be_provisioned_and_filled() {
    let mut sim = Sim::start(SOURCE).await;
    let kinds = json!({"from": SOURCE, "kinds": ["groups", "roleScopeTags", "assignmentFilters",
        "users", "termsOfUse", "notificationMessageTemplates", "namedLocations",
        "reusablePolicySettings", "deviceComplianceScripts"]});
    let path = format!("/__sim/tenants/{EMPTY}");
    let made = sim
        .control("POST", &format!("{path}/provision"), kinds.clone())
        .await;
    assert_eq!(made["created"]["groups"], json!(13));
    let again = sim
        .control("POST", &format!("{path}/provision"), kinds)
        .await;
    assert_eq!(again["created"]["groups"], json!(0));
    let copy = json!({"from": SOURCE, "fraction": 0.34, "change": true});
    let copied = sim
        .control("POST", &format!("{path}/copy-objects"), copy)
        .await;
    let copied = copied["copied"].as_array().unwrap().len();
    assert!((18..=26).contains(&copied), "{copied}");
    let source = sim.all("/v1.0/groups").await;
    sim.token = sim.login(EMPTY).await;
    let groups = sim.all("/v1.0/groups").await;
    assert_eq!(groups.len(), source.len());
    assert!(
        groups
            .iter()
            .all(|group| source.iter().all(|other| other["id"] != group["id"]))
    );
    let policy = &sim.all(SETTINGS_CATALOG).await[0];
    assert_eq!(policy["description"], json!("Changed in this tenant."));
}

#[tokio::test]
async fn objects_change_behind_the_callers_back() {
    let sim = Sim::start(SOURCE).await;
    let path = format!("/__sim/tenants/{SOURCE}/objects/assignmentFilters");
    let made = sim
        .control(
            "POST",
            &path,
            json!({"displayName": "Raw", "platform": "macOS", "rule": "r"}),
        )
        .await;
    let item = format!("{path}/{}", made["id"].as_str().unwrap());
    sim.control("PATCH", &item, json!({"rule": "(other)"}))
        .await;
    let graph = format!("{FILTERS}/{}", made["id"].as_str().unwrap());
    assert_eq!(sim.get(&graph).await["rule"], json!("(other)"));
    sim.control("DELETE", &item, json!({})).await;
    assert_eq!(sim.send("GET", &graph, None).await.status, 404);
}

#[tokio::test]
async fn the_journal_tells_who_did_what() {
    let sim = Sim::start(SOURCE).await;
    sim.get(FILTERS).await;
    sim.control("DELETE", "/__sim/journal", json!({})).await;
    let body =
        json!({"displayName": "Seen", "platform": "macOS", "rule": "(device.model -eq \"x\")"});
    let made = sim.send("POST", FILTERS, Some(&body)).await;
    sim.send("PATCH", &format!("{FILTERS}/nobody"), Some(&json!({})))
        .await;
    let journal = sim.control("GET", "/__sim/journal", json!({})).await;
    let items = journal["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0]["path_template"],
        json!("/deviceManagement/assignmentFilters")
    );
    assert_eq!(items[0]["effect"], json!("created"));
    assert_eq!(items[0]["object_id"], made.body["id"]);
    assert_eq!(items[0]["body"], body);
    assert_eq!(items[0]["body_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(
        items[1]["path_template"],
        json!("/deviceManagement/assignmentFilters/{id}")
    );
    assert_eq!(items[1]["status"], json!(404));
    let since = items[0]["seq"].as_u64().unwrap();
    let later = sim
        .control("GET", &format!("/__sim/journal?since={since}"), json!({}))
        .await;
    assert_eq!(later["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tenants_and_their_limits_are_set_while_running() {
    let mut sim = Sim::start(SOURCE).await;
    let id = "eeeeeeee-0000-4000-8000-000000000005";
    sim.control(
        "POST",
        "/__sim/tenants",
        json!({"id": id, "builtin": "target"}),
    )
    .await;
    sim.token = sim.login(id).await;
    assert!(!sim.all(COMPLIANCE).await.is_empty());
    let options = json!({"conditional_access_limit": true, "write_limit": true});
    sim.control("PUT", &format!("/__sim/tenants/{id}/options"), options)
        .await;
    assert_eq!(sim.send("GET", LOCATIONS, None).await.status, 200);
    let early = sim.send("GET", LOCATIONS, None).await;
    assert_eq!(early.status, 429);
    assert!(!early.headers.contains_key("retry-after"));
    let mut statuses = Vec::new();
    for _ in 0..101 {
        statuses.push(sim.send("POST", TAGS, Some(&json!({}))).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 1);
    let health = sim.control("GET", "/__sim/health", json!({})).await;
    assert_eq!(health["tenants"].as_array().unwrap().len(), 4);
}
