//! App policies: parts that have actions of their own, identifiers that do not fit, apps that are not
//! there.

use serde_json::{Value, json};

use super::{Bad, bad, with, without};
use crate::harness::*;

pub async fn cases(sim: &Sim) -> Vec<Bad> {
    let mut cases = Vec::new();
    for path in APP_POLICIES {
        let items = sim.all(path).await;
        let item = format!("{path}/{}", items[0]["id"].as_str().unwrap());
        let body = app_policy(&items[0]);
        cases.extend(object(path, &item, &body));
        if *path == APP_CONFIGURATIONS {
            cases.extend(device_configuration(path, &item, &body));
        } else {
            cases.extend(managed(path, &item, &body));
        }
    }
    cases.extend(store_apps(sim).await);
    for (path, of) in [
        ("/beta/deviceAppManagement/policySets", "policySet"),
        (
            "/beta/deviceAppManagement/mdmWindowsInformationProtectionPolicies",
            "mdmWindowsInformationProtectionPolicy",
        ),
    ] {
        let kind = format!("#microsoft.graph.{of}");
        cases.push(Bad {
            method: "POST",
            path: path.to_owned(),
            body: Some(json!({"@odata.type": kind, "displayName": "x"})),
            status: 405,
            says: "not allowed",
        });
    }
    cases
}

/// Apps by their description alone.
async fn store_apps(sim: &Sim) -> Vec<Bad> {
    let path = "/beta/deviceAppManagement/mobileApps";
    let body = json!({"@odata.type": "#microsoft.graph.webApp", "displayName": "x",
        "publisher": "p", "appUrl": "https://x.example"});
    let items = sim.all(path).await;
    let own = items.iter().find(|item| item["displayName"] == "Intranet");
    let item = format!("{path}/{}", own.unwrap()["id"].as_str().unwrap());
    let sent = |name: &str, value: Value| with(&body, name, value);
    let changed = |value: Value| {
        with(
            &json!({"@odata.type": body["@odata.type"]}),
            "appUrl",
            value,
        )
    };
    let elsewhere = json!({"@odata.id": "https://graph.example/beta/deviceAppManagement/mobileAppCategories('1')"});
    let unassigned = json!({"mobileAppAssignments": [
        {"target": {"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}]});
    let lob = json!({"@odata.type": "#microsoft.graph.win32LobApp", "displayName": "x", "publisher": "p"});
    vec![
        bad("POST", path, lob, "needs its content"),
        bad("POST", path, without(&body, "publisher"), "is required"),
        bad(
            "POST",
            path,
            sent("publishingState", json!("published")),
            "read-only",
        ),
        bad(
            "POST",
            path,
            sent("isFeatured", json!(true)),
            "cannot be written",
        ),
        bad(
            "POST",
            path,
            sent("packageIdentifier", json!("x")),
            "does not exist on type",
        ),
        bad(
            "PATCH",
            &item,
            changed(json!("https://y.example")),
            "cannot be written",
        ),
        bad(
            "POST",
            format!("{item}/categories/$ref"),
            elsewhere,
            "not one of this Graph",
        ),
        bad("POST", format!("{item}/assign"), unassigned, "intent"),
    ]
}

fn object(path: &'static str, item: &str, body: &Value) -> Vec<Bad> {
    vec![
        bad("POST", path, without(body, "displayName"), "is required"),
        bad(
            "POST",
            path,
            with(body, "inventedProperty", json!(1)),
            "does not exist on type",
        ),
        bad("POST", path, with(body, "version", json!("7")), "read-only"),
        bad(
            "POST",
            path,
            with(body, "roleScopeTagIds", json!(["4711"])),
            "Scope Tags validation failed",
        ),
        bad(
            "POST",
            path,
            with(body, "assignments", json!([])),
            "cannot be written with its owner",
        ),
        Bad {
            method: "PUT",
            path: item.to_owned(),
            body: Some(body.clone()),
            status: 405,
            says: "not allowed",
        },
    ]
}

fn managed(path: &'static str, item: &str, body: &Value) -> Vec<Bad> {
    let action = format!("{item}/targetApps");
    let named = |kind: &str, property: &str, id: &str| json!({"mobileAppIdentifier": {"@odata.type": format!("#microsoft.graph.{kind}"), property: id}});
    let mac = named("macAppIdentifier", "bundleId", "com.example.app");
    let windows = path.contains("windows");
    let fitting = if windows {
        named("windowsAppIdentifier", "windowsAppId", "com.example.app")
    } else if path.contains("android") {
        named("androidMobileAppIdentifier", "packageId", "com.example.app")
    } else {
        named("iosMobileAppIdentifier", "bundleId", "com.example.app")
    };
    let target = |members: Value| json!({"assignments": [{ "target": members }]});
    let mut cases = vec![
        bad(
            "POST",
            path,
            with(body, "apps", json!([fitting])),
            "cannot be written with its owner",
        ),
        bad(
            "POST",
            path,
            with(body, "deployedAppCount", json!(3)),
            "read-only",
        ),
        bad(
            "PATCH",
            item,
            json!({"displayName": "x", "apps": []}),
            "cannot be updated",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"apps": [mac]}),
            "does not fit",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"apps": [fitting, fitting]}),
            "more than once",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"apps": [{}]}),
            "needs a mobileAppIdentifier",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"apps": [{"bundleId": "com.example.app"}]}),
            "does not exist on type",
        ),
        bad(
            "POST",
            action.clone(),
            json!({}),
            "missing or not a collection",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"apps": [], "targetedApps": []}),
            "not a valid parameter",
        ),
        Bad {
            method: "PATCH",
            path: action.clone(),
            body: Some(json!({"apps": []})),
            status: 405,
            says: "not allowed",
        },
        // There is no target "all users" here.
        bad(
            "POST",
            format!("{item}/assign"),
            target(json!({"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"})),
            "is not supported here",
        ),
        bad(
            "POST",
            format!("{item}/assign"),
            target(
                json!({"@odata.type": "#microsoft.graph.groupAssignmentTarget",
                "groupId": "22222222-2222-4222-8222-222222222222"}),
            ),
            "was not found",
        ),
    ];
    if windows {
        cases.push(bad(
            "POST",
            action,
            json!({"apps": [fitting], "appGroupType": "selectedPublicApps"}),
            "not a valid parameter",
        ));
    } else {
        cases.push(bad(
            "POST",
            action,
            json!({"apps": [fitting], "appGroupType": "someApps"}),
            "not a member",
        ));
    }
    if path.ends_with("targetedManagedAppConfigurations") {
        cases.push(bad(
            "POST",
            path,
            with(body, "settings", json!([])),
            "cannot be written with its owner",
        ));
        cases.push(bad(
            "POST",
            format!("{item}/changeSettings"),
            json!({"settings": [{"settingDefinitionId": "x"}]}),
            "does not exist on type",
        ));
    } else {
        cases.push(bad(
            "POST",
            format!("{item}/changeSettings"),
            json!({"settings": []}),
            "segment",
        ));
    }
    cases
}

fn device_configuration(path: &'static str, item: &str, body: &Value) -> Vec<Bad> {
    let nobody = "22222222-2222-4222-8222-222222222222";
    let kind = body["@odata.type"].clone();
    vec![
        bad("POST", path, without(body, "@odata.type"), "@odata.type"),
        bad(
            "POST",
            path,
            with(body, "targetedMobileApps", json!([nobody])),
            "was not found",
        ),
        bad(
            "POST",
            path,
            without(body, "targetedMobileApps"),
            "is required",
        ),
        bad(
            "PATCH",
            item,
            json!({"@odata.type": kind, "targetedMobileApps": []}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item,
            json!({"@odata.type": "#microsoft.graph.androidForWorkMobileAppConfiguration"}),
            "cannot be changed",
        ),
        bad(
            "POST",
            format!("{item}/assign"),
            json!({"mobileAppAssignments": []}),
            "not a valid parameter",
        ),
    ]
}
