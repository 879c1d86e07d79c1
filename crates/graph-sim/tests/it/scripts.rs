//! Scripts, reusable settings and compliance policies made of settings: what the service takes and
//! what it refuses.

use serde_json::{Value, json};

use crate::harness::*;

const PLATFORM: &str = "/beta/deviceManagement/deviceManagementScripts";
const SHELL: &str = "/beta/deviceManagement/deviceShellScripts";
const ATTRIBUTES: &str = "/beta/deviceManagement/deviceCustomAttributeShellScripts";
const REMEDIATIONS: &str = "/beta/deviceManagement/deviceHealthScripts";
const DISCOVERY: &str = "/beta/deviceManagement/deviceComplianceScripts";
const LINUX: &str = "/beta/deviceManagement/compliancePolicies";
const REUSABLE: &str = "/beta/deviceManagement/reusablePolicySettings";

/// The first object of a collection, whole, and what a careful caller writes of it.
async fn first(sim: &Sim, path: &str) -> (String, Value) {
    let listed = sim.all(path).await;
    let own = |item: &&Value| item["isGlobalScript"] != json!(true);
    let id = listed.iter().find(own).unwrap()["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let mut body = writable(path, &sim.get(&format!("{path}/{id}")).await);
    for owned in [
        "isGlobalScript",
        "highestAvailableVersion",
        "referencingConfigurationPolicyCount",
    ] {
        body.as_object_mut().unwrap().remove(owned);
    }
    if path == REUSABLE {
        let named = sim
            .get(&format!("{path}/{id}?$select=settingInstance"))
            .await;
        body["settingInstance"] = named["settingInstance"].clone();
    }
    if path == LINUX {
        let settings = sim.all(&format!("{path}/{id}/settings")).await;
        let expand = "$expand=scheduledActionConfigurations";
        let rules = format!("{path}/{id}/scheduledActionsForRule?{expand}");
        body["scheduledActionsForRule"] = json!(sim.all(&rules).await);
        body["settings"] = json!(settings);
        body = writable(path, &body);
    }
    (id, body)
}

async fn accepted(sim: &Sim, method: &str, path: &str, body: &Value) -> Value {
    let answer = sim.send(method, path, Some(body)).await;
    assert!(
        answer.status < 300,
        "{method} {path}: {}\n{body}",
        answer.message()
    );
    answer.body
}

async fn refused(sim: &Sim, method: &str, path: &str, body: &Value, says: &str) {
    let answer = sim.send(method, path, Some(body)).await;
    let message = answer.message();
    assert!(
        (400..500).contains(&answer.status),
        "{method} {path}: {}",
        answer.status
    );
    assert!(
        message.contains(says),
        "{method} {path}: {message} / {says}"
    );
}

fn changed(body: &Value, name: &str, value: Value) -> Value {
    let mut changed = body.clone();
    changed[name] = value;
    changed
}

#[tokio::test]
async fn what_the_service_takes_is_taken() {
    accept_all(Sim::start(SOURCE).await).await;
    if let Some(contract) = contract() {
        accept_all(Sim::start_with(SOURCE, Some(contract)).await).await;
    }
}

async fn accept_all(sim: Sim) {
    let all = json!({"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"});
    let schedule = json!({"@odata.type": "#microsoft.graph.deviceHealthScriptRunOnceSchedule",
        "interval": 1, "date": "2027-01-01", "time": "08:00:00", "useUtc": true});
    for (path, wrapper) in [
        (PLATFORM, "deviceManagementScriptAssignments"),
        (SHELL, "deviceManagementScriptAssignments"),
        (ATTRIBUTES, "deviceManagementScriptAssignments"),
        (REMEDIATIONS, "deviceHealthScriptAssignments"),
        (DISCOVERY, ""),
        (LINUX, "assignments"),
        (REUSABLE, ""),
    ] {
        let (_, body) = first(&sim, path).await;
        let new = accepted(&sim, "POST", path, &body).await;
        let item = format!("{path}/{}", new["id"].as_str().unwrap());
        if path == LINUX || path == REUSABLE {
            let mut whole = changed(&body, "description", json!("Replaced."));
            let rules = whole
                .as_object_mut()
                .unwrap()
                .remove("scheduledActionsForRule");
            accepted(&sim, "PUT", &item, &whole).await;
            if let Some(rules) = rules {
                let kept = sim.all(&format!("{item}/scheduledActionsForRule")).await;
                assert_eq!(kept.len(), 1, "a replacement keeps the actions");
                let sent = json!({"scheduledActions": rules});
                accepted(&sim, "POST", &format!("{item}/setScheduledActions"), &sent).await;
            }
        } else {
            accepted(&sim, "PATCH", &item, &json!({"description": "Changed."})).await;
        }
        if wrapper.is_empty() {
            continue;
        }
        let mut entry = json!({"target": all});
        if path == REMEDIATIONS {
            entry["runRemediationScript"] = json!(true);
            entry["runSchedule"] = schedule.clone();
        }
        accepted(
            &sim,
            "POST",
            &format!("{item}/assign"),
            &json!({wrapper: [entry]}),
        )
        .await;
        let read = sim.all(&format!("{item}/assignments")).await;
        assert_eq!(read[0]["runSchedule"], entry["runSchedule"], "{path}");
    }
    sim.running.stop();
}

#[tokio::test]
async fn contents_are_on_the_item_and_never_in_a_list() {
    let sim = Sim::start(SOURCE).await;
    for (path, member) in [
        (PLATFORM, "scriptContent"),
        (SHELL, "scriptContent"),
        (ATTRIBUTES, "scriptContent"),
        (REMEDIATIONS, "detectionScriptContent"),
        (REMEDIATIONS, "remediationScriptContent"),
        (DISCOVERY, "detectionScriptContent"),
    ] {
        let listed = sim.all(path).await;
        assert!(listed.iter().all(|item| item[member].is_null()), "{path}");
        let item = format!("{path}/{}", listed[0]["id"].as_str().unwrap());
        assert!(sim.get(&item).await[member].is_string(), "{item}");
    }
    let item = sim.all(REUSABLE).await[0]["id"].clone();
    let plain = sim
        .get(&format!("{REUSABLE}/{}", item.as_str().unwrap()))
        .await;
    assert!(plain.get("settingInstance").is_none());
    let policy = sim.all(LINUX).await[0]["id"].clone();
    let parts = format!(
        "{LINUX}/{}/scheduledActionsForRule",
        policy.as_str().unwrap()
    );
    let bare = sim.all(&parts).await;
    assert!(bare[0].get("scheduledActionConfigurations").is_none());
}

#[tokio::test]
async fn what_the_service_refuses_is_refused() {
    let sim = Sim::start(SOURCE).await;
    for path in [
        PLATFORM,
        SHELL,
        ATTRIBUTES,
        REMEDIATIONS,
        DISCOVERY,
        LINUX,
        REUSABLE,
    ] {
        let (id, body) = first(&sim, path).await;
        let item = format!("{path}/{id}");
        refused(
            &sim,
            "POST",
            path,
            &changed(&body, "invented", json!(1)),
            "does not exist on type",
        )
        .await;
        if path != REUSABLE {
            let tagged = changed(&body, "roleScopeTagIds", json!(["4711"]));
            refused(&sim, "POST", path, &tagged, "Scope Tags validation failed").await;
        }
        if ![LINUX, REUSABLE].contains(&path) {
            refused(&sim, "PUT", &item, &body, "not allowed").await;
            let content = if body.get("scriptContent").is_some() {
                "scriptContent"
            } else {
                "detectionScriptContent"
            };
            refused(
                &sim,
                "POST",
                path,
                &changed(&body, content, json!("no base64!")),
                "Cannot convert",
            )
            .await;
            refused(
                &sim,
                "POST",
                path,
                &changed(&body, content, Value::Null),
                "required",
            )
            .await;
            refused(
                &sim,
                "PATCH",
                &item,
                &json!({content: null}),
                "must not be null",
            )
            .await;
        }
        if ![DISCOVERY, REUSABLE, LINUX].contains(&path) {
            let sent = json!({"assignments": []});
            refused(
                &sim,
                "POST",
                &format!("{item}/assign"),
                &sent,
                "not a valid parameter",
            )
            .await;
        }
    }
    let (attribute, _) = first(&sim, ATTRIBUTES).await;
    let renamed = json!({"displayName": "Another name"});
    refused(
        &sim,
        "PATCH",
        &format!("{ATTRIBUTES}/{attribute}"),
        &renamed,
        "cannot be changed",
    )
    .await;
    let (script, _) = first(&sim, REMEDIATIONS).await;
    for kept in [
        "version",
        "deviceHealthScriptType",
        "highestAvailableVersion",
    ] {
        let sent = json!({kept: "deviceHealthScript"});
        refused(
            &sim,
            "PATCH",
            &format!("{REMEDIATIONS}/{script}"),
            &sent,
            "cannot be set",
        )
        .await;
    }
    let listed = sim.all(REMEDIATIONS).await;
    let global = listed
        .iter()
        .find(|item| item["isGlobalScript"] == json!(true))
        .unwrap();
    let item = format!("{REMEDIATIONS}/{}", global["id"].as_str().unwrap());
    refused(
        &sim,
        "PATCH",
        &item,
        &json!({"description": "Mine"}),
        "supplied by Microsoft",
    )
    .await;
    trees(&sim).await;
}

async fn trees(sim: &Sim) {
    let (policy, body) = first(sim, LINUX).await;
    let item = format!("{LINUX}/{policy}");
    refused(sim, "PUT", &item, &body, "use setScheduledActions").await;
    refused(
        sim,
        "PATCH",
        &item,
        &json!({"settings": body["settings"]}),
        "cannot be updated by PATCH",
    )
    .await;
    let mut lonely = body.clone();
    lonely
        .as_object_mut()
        .unwrap()
        .remove("scheduledActionsForRule");
    refused(sim, "POST", LINUX, &lonely, "At least one block action").await;
    refused(
        sim,
        "POST",
        &format!("{item}/scheduleActionsForRules"),
        &json!({}),
        "",
    )
    .await;
    let sent = json!({"scheduledActions": [{"scheduledActionConfigurations": []}]});
    refused(
        sim,
        "POST",
        &format!("{item}/setScheduledActions"),
        &sent,
        "must have action",
    )
    .await;
    let text = body.to_string();
    let reusable = sim.all(REUSABLE).await;
    let used = reusable
        .iter()
        .find(|item| text.contains(item["id"].as_str().unwrap()))
        .unwrap();
    let unknown = text.replace(
        used["id"].as_str().unwrap(),
        "44444444-4444-4444-8444-444444444444",
    );
    let unknown: Value = serde_json::from_str(&unknown).unwrap();
    refused(sim, "POST", LINUX, &unknown, "was not found").await;
    let answer = sim
        .send(
            "DELETE",
            &format!("{REUSABLE}/{}", used["id"].as_str().unwrap()),
            None,
        )
        .await;
    assert_eq!(answer.status, 400, "{}", answer.message());
    let (setting, body) = first(sim, REUSABLE).await;
    let item = format!("{REUSABLE}/{setting}");
    let other = changed(&body, "settingDefinitionId", json!("another"));
    refused(sim, "PUT", &item, &other, "cannot be changed").await;
    refused(
        sim,
        "PUT",
        &item,
        &changed(&body, "settingInstance", Value::Null),
        "required",
    )
    .await;
    refused(
        sim,
        "POST",
        REUSABLE,
        &changed(&body, "version", json!(2)),
        "read-only",
    )
    .await;
    let expanded = sim
        .send("GET", &format!("{REUSABLE}?$expand=settingInstance"), None)
        .await;
    assert_eq!(expanded.status, 400);
}
