//! Mistakes with the device group of device preparation policies.

use serde_json::{Value, json};

use super::{Bad, bad};
use crate::harness::*;

const TYPE: &str = "#microsoft.graph.enrollmentTimeDeviceMembershipTarget";

pub(super) async fn cases(sim: &Sim) -> Vec<Bad> {
    let setting = json!({"settingInstance": {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
        "settingDefinitionId": "enrollment_autopilot_dpp_timeout",
        "simpleSettingValue": {
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
            "value": 60}}});
    let policy = |template: Value| {
        json!({"name": "Prep", "platforms": "windows10", "technologies": "enrollment",
            "settings": [setting], "templateReference": template})
    };
    let wanted = policy(json!({"templateId": "80d33118-b7b4-40d8-b15f-81be745e053f_1"}));
    let made = sim.send("POST", SETTINGS_CATALOG, Some(&wanted)).await;
    assert_eq!(made.status, 201);
    let item = format!("{SETTINGS_CATALOG}/{}", made.body["id"].as_str().unwrap());
    let plain = sim
        .send("POST", SETTINGS_CATALOG, Some(&policy(json!(null))))
        .await;
    let plain = format!("{SETTINGS_CATALOG}/{}", plain.body["id"].as_str().unwrap());

    let groups = sim.all("/v1.0/groups").await;
    let target = json!({"@odata.type": TYPE, "targetType": "staticSecurityGroup",
        "targetId": groups[0]["id"]});
    let list = |targets: &[&Value]| json!({"enrollmentTimeDeviceMembershipTargets": targets});
    let call =
        |item: &str, verb: &str| format!("{item}/{verb}EnrollmentTimeDeviceMembershipTarget");
    let is_set = async |id: Value, done: bool| {
        let mut target = target.clone();
        target["targetId"] = id;
        let answer = sim
            .send("POST", &call(&item, "set"), Some(&list(&[&target])))
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["value"]["validationSucceeded"], json!(done));
    };
    // A good one stays through a bad one and through a replacement, and only the action answers it.
    is_set(groups[0]["id"].clone(), true).await;
    is_set(json!("0e000000-0000-4000-8000-0000000000ff"), false).await;
    assert_eq!(sim.send("PUT", &item, Some(&wanted)).await.status, 204);
    let there = sim.send("POST", &call(&item, "retrieve"), None).await;
    let statuses = &there.body["value"]["enrollmentTimeDeviceMembershipTargetValidationStatuses"];
    assert_eq!(statuses[0]["targetId"], groups[0]["id"], "{there:?}");
    let shown = sim.get(&item).await;
    assert!(shown.get("enrollmentTimeDeviceMembershipTargets").is_none());

    let set = |body: Value, says: &'static str| bad("POST", call(&item, "set"), body, says);
    let without = |name: &str| super::without(&target, name);
    vec![
        set(json!({}), "missing or not a collection"),
        set(list(&[]), "Exactly one"),
        set(list(&[&target, &target]), "Exactly one"),
        set(list(&[&without("@odata.type")]), "does not say its type"),
        set(
            list(&[&without("targetId")]),
            "needs targetType and targetId",
        ),
        set(
            list(&[&without("targetType")]),
            "needs targetType and targetId",
        ),
        bad(
            "POST",
            call(&plain, "set"),
            list(&[&target]),
            "is not supported",
        ),
        bad(
            "POST",
            SETTINGS_CATALOG,
            super::with(&wanted, "enrollmentTimeDeviceMembershipTargets", json!([])),
            "enrollmentTimeDeviceMembershipTargets",
        ),
    ]
}
