//! Mistakes with Windows updates, enrolment configurations, Autopilot, terms and branding.

use serde_json::{Value, json};

use super::{Bad, bad};
use crate::harness::*;

const D: &str = "/beta/deviceManagement";

async fn first(sim: &Sim, collection: &str, wanted: impl Fn(&Value) -> bool) -> String {
    let items = sim.all(&format!("{D}/{collection}")).await;
    let found = items.iter().find(|item| wanted(item)).unwrap();
    format!("{D}/{collection}/{}", found["id"].as_str().unwrap())
}

fn forbidden(method: &'static str, path: &str, body: Value) -> Bad {
    Bad {
        method,
        path: path.to_owned(),
        body: Some(body),
        status: 403,
        says: "restricted",
    }
}

pub(super) async fn cases(sim: &Sim) -> Vec<Bad> {
    let mut cases = updates(sim).await;
    cases.extend(configurations(sim).await);
    cases.extend(others(sim).await);
    cases
}

async fn updates(sim: &Sim) -> Vec<Bad> {
    let feature = format!("{D}/windowsFeatureUpdateProfiles");
    let drivers = first(sim, "windowsDriverUpdateProfiles", |_| true).await;
    let past = json!({"displayName": "x", "featureUpdateVersion": "Windows 11, version 25H2",
        "rolloutSettings": {"offerStartDateTimeInUTC": "2020-01-01T00:00:00Z"}});
    let everybody = json!({"assignments": [
        {"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]});
    vec![
        bad("POST", &feature, past, "An error has occurred"),
        bad("POST", &feature, json!({"displayName": "x"}), "is required"),
        bad(
            "POST",
            &feature,
            json!({"displayName": "x", "featureUpdateVersion": "v", "endOfSupportDate": "2030-01-01T00:00:00Z"}),
            "cannot be written",
        ),
        bad(
            "PATCH",
            &drivers,
            json!({"approvalType": "manual"}),
            "cannot be",
        ),
        bad(
            "PATCH",
            &drivers,
            json!({"newUpdates": 3}),
            "cannot be written",
        ),
        bad(
            "POST",
            format!("{drivers}/assign"),
            everybody,
            "not supported",
        ),
    ]
}

async fn configurations(sim: &Sim) -> Vec<Bad> {
    let list = "deviceEnrollmentConfigurations";
    let kind = |name: &str| format!("#microsoft.graph.{name}");
    let page = kind("windows10EnrollmentCompletionPageConfiguration");
    let is = |item: &Value, kind: &str, default: bool| {
        item["@odata.type"] == json!(kind)
            && item["id"].as_str().unwrap().contains("_Default") == default
    };
    let own = first(sim, list, |item| is(item, &page, false)).await;
    let default = first(sim, list, |item| is(item, &page, true)).await;
    let limit = kind("deviceEnrollmentLimitConfiguration");
    let hello = kind("deviceEnrollmentWindowsHelloForBusinessConfiguration");
    let all = format!("{D}/{list}");
    let notice = kind("deviceEnrollmentNotificationConfiguration");
    let standing = first(sim, list, |item| item["@odata.type"] == json!(notice)).await;
    let asked = |names: Value| {
        json!({"@odata.type": notice, "displayName": "x", "platformType": "ios",
            "notificationTemplates": names})
    };
    let typed = |name: &str, value: Value| json!({"@odata.type": page, name: value});
    vec![
        forbidden(
            "POST",
            &all,
            json!({"@odata.type": limit, "displayName": "x", "limit": 3}),
        ),
        bad("POST", &all, asked(json!([])), "is not valid"),
        bad(
            "POST",
            &all,
            asked(json!(["Email_3f881c29-a38e-4a83-abeb-b1a6312de85a"])),
            "is not valid",
        ),
        bad(
            "POST",
            &all,
            json!({"@odata.type": notice, "displayName": "x", "platformType": "ios"}),
            "is required",
        ),
        bad(
            "PATCH",
            &standing,
            json!({"@odata.type": notice, "notificationTemplates": ["email_00000000-0000-0000-0000-000000000000"]}),
            "cannot be replaced",
        ),
        bad(
            "PATCH",
            &standing,
            json!({"@odata.type": notice, "platformType": "windows"}),
            "cannot be written",
        ),
        bad(
            "POST",
            &all,
            json!({"@odata.type": hello, "displayName": "x"}),
            "exists already",
        ),
        bad(
            "POST",
            &all,
            json!({"@odata.type": page, "displayName": "x", "priority": 1}),
            "cannot be written",
        ),
        bad(
            "PATCH",
            &own,
            typed("priority", json!(1)),
            "cannot be written",
        ),
        bad(
            "PATCH",
            &own,
            json!({"showInstallationProgress": true}),
            "@odata.type",
        ),
        bad(
            "PATCH",
            &default,
            typed("displayName", json!("x")),
            "cannot be written",
        ),
        bad(
            "PATCH",
            &own,
            typed(
                "selectedMobileAppIds",
                json!(["66666666-6666-4666-8666-666666666666"]),
            ),
            "does not exist",
        ),
        bad(
            "POST",
            format!("{own}/assign"),
            json!({"assignments": []}),
            "not a valid parameter",
        ),
        bad(
            "POST",
            format!("{default}/assign"),
            json!({"enrollmentConfigurationAssignments": []}),
            "default object",
        ),
        bad(
            "POST",
            format!("{own}/setPriority"),
            json!({"priority": 1}),
            "already",
        ),
        bad(
            "POST",
            format!("{own}/setPriority"),
            json!({"priority": 9}),
            "out of range",
        ),
        bad(
            "POST",
            format!("{default}/setPriority"),
            json!({"priority": 1}),
            "no priority",
        ),
    ]
}

async fn others(sim: &Sim) -> Vec<Bad> {
    let autopilot = first(sim, "windowsAutopilotDeploymentProfiles", |_| true).await;
    let profiles = format!("{D}/windowsAutopilotDeploymentProfiles");
    let kind = "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile";
    let brandings = format!("{D}/intuneBrandingProfiles");
    let default = first(sim, "intuneBrandingProfiles", |item| {
        item["isDefaultProfile"] == json!(true)
    })
    .await;
    let assignment = sim.all(&format!("{autopilot}/assignments")).await[0].clone();
    let again = Bad {
        method: "POST",
        path: format!("{autopilot}/assignments"),
        body: Some(
            json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
            "groupId": assignment["target"]["groupId"]}}),
        ),
        status: 409,
        says: "already",
    };
    let gone = Bad {
        method: "DELETE",
        path: format!("{autopilot}/assignments/nobody"),
        body: None,
        status: 404,
        says: "",
    };
    vec![
        again,
        gone,
        bad(
            "POST",
            &profiles,
            json!({"@odata.type": kind, "displayName": "x", "locale": ""}),
            "locale",
        ),
        Bad {
            method: "POST",
            path: profiles.clone(),
            body: Some(json!({"@odata.type": kind, "displayName": "a-b"})),
            status: 500,
            says: "An error has occurred",
        },
        bad(
            "PATCH",
            &autopilot,
            json!({"@odata.type": kind, "managementServiceAppId": "x"}),
            "cannot be written",
        ),
        bad(
            "POST",
            &brandings,
            json!({"profileName": "x", "showLogo": true}),
            "cannot be sent on create",
        ),
        bad(
            "PATCH",
            &default,
            json!({"profileName": "x"}),
            "cannot be written",
        ),
        bad(
            "PATCH",
            &default,
            json!({"isDefaultProfile": false}),
            "cannot be written",
        ),
    ]
}
