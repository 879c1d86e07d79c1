//! Lists, pages and what Graph leaves out of them.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn settings_catalog_pages_by_twenty_five_and_hides_settings() {
    let sim = Sim::start(SOURCE).await;
    let page = sim.get(SETTINGS_CATALOG).await;
    assert_eq!(page["value"].as_array().unwrap().len(), 25);
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with(sim.running.base_url()));
    assert!(page["value"][0].get("settings").is_none());
    let all = sim.all(SETTINGS_CATALOG).await;
    assert_eq!(all.len(), 31);
    let big = all
        .iter()
        .find(|policy| policy["name"] == "Win - Office - Hardening")
        .unwrap();
    let path = format!(
        "{SETTINGS_CATALOG}('{}')/settings",
        big["id"].as_str().unwrap()
    );
    let first = sim.get(&path).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 25);
    assert_eq!(sim.all(&path).await.len(), 62);
    assert_eq!(
        sim.get(&format!("{path}?$top=1000")).await["value"]
            .as_array()
            .unwrap()
            .len(),
        62
    );
    assert_eq!(big["settingCount"], json!(62));
    let expanded = sim
        .get(&format!("{SETTINGS_CATALOG}?$expand=assignments"))
        .await;
    assert_eq!(expanded["value"][0]["assignments"], json!([]));
}

#[tokio::test]
async fn compliance_actions_need_a_nested_expansion() {
    let sim = Sim::start(SOURCE).await;
    let plain = sim.get(COMPLIANCE).await;
    assert!(plain["value"][0].get("scheduledActionsForRule").is_none());
    let half = sim
        .get(&format!("{COMPLIANCE}?$expand=scheduledActionsForRule"))
        .await;
    assert!(
        half["value"][0]["scheduledActionsForRule"][0]
            .get("scheduledActionConfigurations")
            .is_none()
    );
    let query =
        "?$expand=assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)";
    let whole = sim.get(&format!("{COMPLIANCE}{query}")).await;
    let actions = &whole["value"][0]["scheduledActionsForRule"][0]["scheduledActionConfigurations"];
    assert_eq!(actions[0]["actionType"], json!("block"));
    assert!(
        !whole["value"][0]["assignments"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn secrets_are_masked_and_shown_only_on_request() {
    let sim = Sim::start(SOURCE).await;
    let all = sim.all(CONFIGURATIONS).await;
    let policy = all
        .iter()
        .find(|p| p["displayName"] == "Win - Custom - Wireless Key")
        .unwrap();
    let secret = policy["omaSettings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["isEncrypted"] == true)
        .unwrap();
    assert_eq!(secret["value"], json!("****"));
    let path = format!(
        "{CONFIGURATIONS}/{}/getOmaSettingPlainTextValue(secretReferenceValueId='{}')",
        policy["id"].as_str().unwrap(),
        secret["secretReferenceValueId"].as_str().unwrap()
    );
    assert_eq!(
        sim.get(&path).await["value"],
        json!("correct horse battery staple")
    );
    let unknown = path.replace("secretReferenceValueId='", "secretReferenceValueId='0");
    assert_eq!(sim.send("GET", &unknown, None).await.status, 404);
}

#[tokio::test]
async fn filters_selections_and_versions_are_honoured() {
    let sim = Sim::start(SOURCE).await;
    let found = sim
        .get("/v1.0/groups?$filter=displayName eq 'Kiosk Devices'&$select=id,displayName")
        .await;
    let group = found["value"][0].as_object().unwrap();
    assert_eq!(group.keys().collect::<Vec<_>>(), ["displayName", "id"]);
    let rings = sim
        .get(&format!(
            "{CONFIGURATIONS}?$filter=isof('microsoft.graph.windowsUpdateForBusinessConfiguration')"
        ))
        .await;
    assert_eq!(rings["value"].as_array().unwrap().len(), 3);
    let reusable = "/beta/deviceManagement/reusablePolicySettings";
    let plain = sim.get(reusable).await;
    assert!(plain["value"][0].get("settingInstance").is_none());
    let chosen = sim
        .get(&format!("{reusable}?$select=id,settingInstance"))
        .await;
    assert!(chosen["value"][0]["settingInstance"].is_object());
    let stable = sim.get(CONDITIONAL_ACCESS).await;
    let beta = sim.get("/beta/identity/conditionalAccess/policies").await;
    assert!(
        stable["value"][0]["conditions"]
            .get("deviceStates")
            .is_none()
    );
    assert!(beta["value"][0]["conditions"].get("deviceStates").is_some());
    let strong = stable["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| !p["grantControls"]["authenticationStrength"].is_null())
        .unwrap();
    assert!(strong["grantControls"]["authenticationStrength"]["allowedCombinations"].is_array());
}

#[tokio::test]
async fn a_batch_answers_each_part_in_no_order() {
    let sim = Sim::start(SOURCE).await;
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/deviceManagement/roleScopeTags"},
        {"id": "2", "method": "GET", "url": "/deviceManagement/roleScopeTags/77"},
        {"id": "3", "method": "GET", "url": "/groups?$top=1"},
    ]});
    let answer = sim.send("POST", "/beta/$batch", Some(&batch)).await;
    let responses = answer.body["responses"].as_array().unwrap();
    let status = |id: &str| responses.iter().find(|r| r["id"] == id).unwrap()["status"].clone();
    assert_eq!(
        (status("1"), status("2"), status("3")),
        (json!(200), json!(404), json!(200))
    );
    let many: Vec<_> = (0..21)
        .map(|id| json!({"id": id.to_string(), "method": "GET", "url": "/groups"}))
        .collect();
    let refused = sim
        .send("POST", "/beta/$batch", Some(&json!({ "requests": many })))
        .await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn request_ids_come_back() {
    let sim = Sim::start(SOURCE).await;
    let answer = sim
        .client
        .get(sim.url("/beta/deviceManagement/roleScopeTags"))
        .bearer_auth(&sim.token)
        .header("client-request-id", "my-own-id")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["client-request-id"], "my-own-id");
    assert!(answer.headers().contains_key("request-id") && answer.headers().contains_key("date"));
}

#[tokio::test]
async fn the_settings_of_the_tenant_are_one_object_and_shown_when_named() {
    let sim = Sim::start(SOURCE).await;
    let plain = sim.get("/beta/deviceManagement").await;
    assert!(plain.get("settings").is_none());
    let named = sim.get("/beta/deviceManagement?$select=settings").await;
    assert_eq!(named["settings"]["secureByDefault"], json!(true));
    assert!(named.get("id").is_none());
    let assignments = sim.all("/beta/deviceManagement/roleAssignments").await;
    assert!(
        assignments
            .iter()
            .all(|one| one.get("roleDefinition").is_none())
    );
    let id = assignments[0]["id"].as_str().unwrap();
    let path =
        format!("/beta/deviceManagement/roleAssignments/{id}?$expand=roleDefinition,roleScopeTags");
    let whole = sim.get(&path).await;
    assert_eq!(
        whole["roleDefinition"]["displayName"],
        json!("Role - Helpdesk")
    );
    assert_eq!(
        whole["roleScopeTags"][0]["displayName"],
        json!("Helpdesk EMEA")
    );
}
