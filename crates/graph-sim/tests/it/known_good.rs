//! Requests the real service takes: all of them must be taken here.

use serde_json::{Value, json};

use crate::harness::*;

/// One request and what should come of it.
async fn accept(sim: &Sim, count: &mut usize, method: &str, path: &str, body: &Value) -> Value {
    let answer = sim.send(method, path, Some(body)).await;
    assert!(
        (200..300).contains(&answer.status),
        "{method} {path} -> {}: {}\n{body}",
        answer.status,
        answer.message()
    );
    *count += 1;
    answer.body
}

#[tokio::test]
async fn at_least_two_hundred_good_requests_are_accepted() {
    accept_all(Sim::start(SOURCE).await).await;
}

#[tokio::test]
async fn the_contract_accepts_the_same_good_requests() {
    if let Some(contract) = contract() {
        accept_all(Sim::start_with(SOURCE, Some(contract)).await).await;
    }
}

async fn accept_all(sim: Sim) {
    let objects = writable_objects(&sim).await;
    let mut count = 0;
    for (path, id, body) in &objects {
        let item = format!("{path}/{id}");
        let created = accept(&sim, &mut count, "POST", path, body).await;
        let new = format!("{path}/{}", created["id"].as_str().unwrap());
        let mut patch = json!({"displayName": "Renamed by a test"});
        if *path == SETTINGS_CATALOG {
            patch = json!({"name": "Renamed by a test", "description": null});
            let mut whole = body.clone();
            whole["description"] = json!("Replaced as a whole.");
            accept(&sim, &mut count, "PUT", &new, &whole).await;
        }
        if let Some(kind) = body.get("@odata.type") {
            patch["@odata.type"] = kind.clone();
        }
        accept(&sim, &mut count, "PATCH", &new, &patch).await;
        if [SETTINGS_CATALOG, COMPLIANCE, CONFIGURATIONS].contains(path) {
            let assignments: Vec<Value> = sim
                .all(&format!("{item}/assignments"))
                .await
                .iter()
                .map(|entry| json!({"target": entry["target"]}))
                .collect();
            // A group the tenant lacks cannot be assigned; the corpus has it in the source only.
            let sent = json!({ "assignments": assignments });
            accept(&sim, &mut count, "POST", &format!("{new}/assign"), &sent).await;
            accept(
                &sim,
                &mut count,
                "POST",
                &format!("{new}/assign"),
                &json!({"assignments": []}),
            )
            .await;
        }
        if *path == COMPLIANCE {
            let sent =
                json!({"deviceComplianceScheduledActionForRules": body["scheduledActionsForRule"]});
            accept(
                &sim,
                &mut count,
                "POST",
                &format!("{new}/scheduleActionsForRules"),
                &sent,
            )
            .await;
        }
    }
    foundations(&sim, &mut count).await;
    app_policies(&sim, &mut count).await;
    administration(&sim, &mut count).await;
    enrollment(&sim, &mut count).await;
    eprintln!("{count} good requests accepted");
    assert!(count >= 200, "{count}");
    sim.running.stop();
}

async fn foundations(sim: &Sim, count: &mut usize) {
    let tag = accept(
        sim,
        count,
        "POST",
        TAGS,
        &json!({"displayName": "Site A", "description": ""}),
    )
    .await;
    let tag = tag["id"].as_str().unwrap().to_owned();
    assert!(tag.parse::<u32>().is_ok(), "scope tags have small numbers");
    accept(
        sim,
        count,
        "PATCH",
        &format!("{TAGS}/{tag}"),
        &json!({"description": "One site"}),
    )
    .await;
    let groups = sim
        .get("/v1.0/groups?$filter=displayName eq 'Kiosk Devices'")
        .await;
    let group = groups["value"][0]["id"].clone();
    let sent = json!({"assignments": [{"target":
        {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}]});
    accept(sim, count, "POST", &format!("{TAGS}/{tag}/assign"), &sent).await;

    let template = json!({"displayName": "New template", "brandingOptions": "includeCompanyLogo,includeContactInformation",
        "roleScopeTagIds": [tag]});
    let template = accept(sim, count, "POST", TEMPLATES, &template).await;
    let template = template["id"].as_str().unwrap().to_owned();
    let messages = format!("{TEMPLATES}/{template}/localizedNotificationMessages");
    for locale in ["en-us", "fr-fr", "de-de"] {
        let sent = json!({"locale": locale, "subject": "Subject", "messageTemplate": "Text", "isDefault": locale == "en-us"});
        let made = accept(sim, count, "POST", &messages, &sent).await;
        assert_eq!(made["id"], json!(format!("{template}_{locale}")));
    }
    let item = format!("{messages}/{template}_fr-fr");
    accept(
        sim,
        count,
        "PATCH",
        &item,
        &json!({"subject": "Autre", "isDefault": true}),
    )
    .await;
    let shown = sim.get(&format!("{TEMPLATES}/{template}")).await;
    assert_eq!(shown["defaultLocale"], json!("fr-fr"));
    let removed = sim
        .send("DELETE", &format!("{messages}/{template}_de-de"), None)
        .await;
    assert_eq!(removed.status, 204);
    *count += 1;
}

/// App policies: the object, then its apps, then its assignments.
async fn app_policies(sim: &Sim, count: &mut usize) {
    for path in APP_POLICIES {
        for item in sim.all(path).await {
            let body = app_policy(&item);
            let id = item["id"].as_str().unwrap();
            let made = accept(sim, count, "POST", path, &body).await;
            let new = format!("{path}/{}", made["id"].as_str().unwrap());
            if *path != APP_CONFIGURATIONS {
                let sent = json!({"apps": apps_of(sim, &format!("{path}/{id}")).await});
                accept(sim, count, "POST", &format!("{new}/targetApps"), &sent).await;
                let read = apps_of(sim, &new).await;
                assert_eq!(json!(read), sent["apps"], "{path}");
            }
            let mut patch = json!({"displayName": "Renamed"});
            if let Some(kind) = body.get("@odata.type") {
                patch["@odata.type"] = kind.clone();
            }
            accept(sim, count, "PATCH", &new, &patch).await;
            let everyone = json!({"assignments": [{"target": {
                "@odata.type": "#microsoft.graph.groupAssignmentTarget",
                "groupId": "acacacac-9df4-4c7d-9d50-4ef0226f57a9"}}]});
            let typed = "microsoft.graph.managedDeviceMobileAppConfiguration/assign";
            let (action, sent) = if *path == APP_CONFIGURATIONS {
                (typed, json!({"assignments": []}))
            } else {
                ("assign", everyone)
            };
            accept(sim, count, "POST", &format!("{new}/{action}"), &sent).await;
        }
    }
}

#[tokio::test]
async fn of_a_group_of_apps_the_service_makes_the_list() {
    let sim = Sim::start(SOURCE).await;
    let path = APP_POLICIES[0];
    let items = sim.all(path).await;
    let grouped = items
        .iter()
        .find(|item| item["appGroupType"] == "allCoreMicrosoftApps")
        .unwrap();
    let item = format!("{path}/{}", grouped["id"].as_str().unwrap());
    let before = apps_of(&sim, &item).await;
    assert!(!before.is_empty());
    let sent = json!({"appGroupType": "allCoreMicrosoftApps", "apps": []});
    let answer = sim
        .send("POST", &format!("{item}/targetApps"), Some(&sent))
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(apps_of(&sim, &item).await, before);
}

/// Ranks, single assignments, defaults, pictures.
async fn enrollment(sim: &Sim, count: &mut usize) {
    let d = "/beta/deviceManagement";
    let configurations = format!("{d}/deviceEnrollmentConfigurations");
    let kind = "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration";
    let body = json!({"@odata.type": kind, "displayName": "Second page"});
    let page = accept(sim, count, "POST", &configurations, &body).await;
    assert_eq!(page["priority"], json!(2));
    let page = format!("{configurations}/{}", page["id"].as_str().unwrap());
    let sent = json!({"priority": 1});
    accept(sim, count, "POST", &format!("{page}/setPriority"), &sent).await;
    assert_eq!(sim.get(&page).await["priority"], json!(1));
    let sent = json!({"enrollmentConfigurationAssignments": []});
    accept(sim, count, "POST", &format!("{page}/assign"), &sent).await;
    let hello = format!("{configurations}/{SOURCE}_DefaultWindowsHelloForBusiness");
    let sent = json!({"@odata.type": "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration",
        "pinMinimumLength": 8});
    accept(sim, count, "PATCH", &hello, &sent).await;

    let zero = "00000000-0000-0000-0000-000000000000";
    let body = json!({"@odata.type": "#microsoft.graph.deviceEnrollmentNotificationConfiguration",
        "displayName": "Second notification", "platformType": "ios", "roleScopeTagIds": ["0"],
        "brandingOptions": "includeCompanyName", "defaultLocale": "en-US",
        "notificationTemplates": [format!("email_{zero}"), format!("push_{zero}")]});
    let made = accept(sim, count, "POST", &configurations, &body).await;
    assert_eq!(made["brandingOptions"], "none");
    let name = made["notificationTemplates"][0].as_str().unwrap();
    let template = format!(
        "{d}/notificationMessageTemplates/{}",
        name.strip_prefix("Email_").unwrap()
    );
    // Its template comes some moments later.
    assert_eq!(sim.send("GET", &template, None).await.status, 404);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let sent =
        json!({"locale": "en-us", "subject": "s", "messageTemplate": "m", "isDefault": true});
    let texts = format!("{template}/localizedNotificationMessages");
    accept(sim, count, "POST", &texts, &sent).await;
    let sent = json!({"brandingOptions": "includeCompanyName"});
    accept(sim, count, "PATCH", &template, &sent).await;
    assert_eq!(
        sim.get(&template).await["displayName"],
        "EnrollmentNotificationInternalMEO"
    );
    let notification = format!("{configurations}/{}", made["id"].as_str().unwrap());
    let sent = json!({"@odata.type": "#microsoft.graph.deviceEnrollmentNotificationConfiguration",
        "description": "Told"});
    accept(sim, count, "PATCH", &notification, &sent).await;

    let profiles = format!("{d}/windowsAutopilotDeploymentProfiles");
    let body = json!({"@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "displayName": "Second profile", "deviceType": "windowsPc"});
    let profile = accept(sim, count, "POST", &profiles, &body).await;
    let profile = format!("{profiles}/{}", profile["id"].as_str().unwrap());
    let sent = json!({"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}});
    let path = format!("{profile}/assignments");
    let made = accept(sim, count, "POST", &path, &sent).await;
    let child = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(sim.send("DELETE", &child, None).await.status, 204);
    assert!(sim.all(&path).await.is_empty());

    let brandings = format!("{d}/intuneBrandingProfiles");
    let made = accept(
        sim,
        count,
        "POST",
        &brandings,
        &json!({"profileName": "New"}),
    )
    .await;
    let branding = format!("{brandings}/{}", made["id"].as_str().unwrap());
    let sent =
        json!({"showLogo": true, "themeColorLogo": {"type": "image/png", "value": "iVBORw0KGgo="}});
    accept(sim, count, "PATCH", &branding, &sent).await;
    assert!(sim.get(&branding).await["themeColorLogo"].is_null());
    let logo = sim.get(&format!("{branding}/themeColorLogo")).await;
    assert_eq!(logo["value"], json!("iVBORw0KGgo="));
}

#[tokio::test]
async fn a_created_policy_reads_back_whole() {
    let sim = Sim::start(SOURCE).await;
    for (path, id, body) in writable_objects(&sim).await {
        let answer = sim.send("POST", path, Some(&body)).await;
        let created = answer.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{path} {id}: {}", answer.message()))
            .to_owned();
        let mut read = sim.get(&format!("{path}/{created}")).await;
        if path == SETTINGS_CATALOG {
            read["settings"] = json!(sim.all(&format!("{path}/{created}/settings")).await);
        }
        let mut again = writable(path, &read);
        let mut expected = body.clone();
        // Scheduled actions are not part of a plain read, and masked secrets stay masked.
        for value in [&mut again, &mut expected] {
            value
                .as_object_mut()
                .unwrap()
                .remove("scheduledActionsForRule");
        }
        assert_eq!(again, expected, "{path} {id}");
    }
}

async fn administration(sim: &Sim, count: &mut usize) {
    let permissions = json!([{"resourceActions": [{
        "allowedResourceActions": ["Microsoft.Intune_Roles_Read"], "notAllowedResourceActions": []}]}]);
    let role = json!({"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition",
        "displayName": "New role", "rolePermissions": permissions, "roleScopeTagIds": ["0"]});
    let role = accept(sim, count, "POST", ROLES, &role).await;
    let item = format!("{ROLES}/{}", role["id"].as_str().unwrap());
    let patch = json!({"description": "Reads", "rolePermissions": permissions});
    accept(sim, count, "PATCH", &item, &patch).await;

    let strength = json!({"displayName": "New strength", "description": null,
        "allowedCombinations": ["fido2", "password,sms"]});
    let strength = accept(sim, count, "POST", STRENGTHS, &strength).await;
    let item = format!("{STRENGTHS}/{}", strength["id"].as_str().unwrap());
    let key = json!({"@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"], "allowedAAGUIDs": ["486be2ef-983b-41d6-8e08-000000000001"]});
    let configurations = format!("{item}/combinationConfigurations");
    let made = accept(sim, count, "POST", &configurations, &key).await;
    assert_eq!(sim.all(&configurations).await.len(), 1);
    let one = format!("{configurations}/{}", made["id"].as_str().unwrap());
    accept(sim, count, "PATCH", &one, &key).await;
    let action = format!("{item}/updateAllowedCombinations");
    let sent = json!({"allowedCombinations": ["fido2"]});
    accept(sim, count, "POST", &action, &sent).await;
    let answer = sim.send("DELETE", &one, None).await;
    assert_eq!(answer.status, 204);
    accept(
        sim,
        count,
        "PATCH",
        &item,
        &json!({"displayName": "Renamed"}),
    )
    .await;

    let context = json!({"id": "c50", "displayName": "New context", "isAvailable": true});
    let made = accept(sim, count, "POST", CONTEXTS, &context).await;
    assert_eq!(made["id"], json!("c50"));
    let patch = json!({"displayName": "Renamed", "isAvailable": false});
    accept(sim, count, "PATCH", &format!("{CONTEXTS}/c50"), &patch).await;
    accept(sim, count, "PATCH", &format!("{CONTEXTS}/c51"), &patch).await;
}
