//! Device preparation policies: whose they are, their device group, what their settings name.

use domain::capture;
use domain::device_preparation::{TARGETS, groups_of};
use domain::policy_type::{self, PolicyType};
use domain::verify;
use serde_json::{Value, json};

use crate::model::{self, KEEP, MAP};
use crate::samples::{GROUP, OTHER_GROUP, assignments, choice, simple};

const APP: &str = "0a990000-0000-4000-8000-000000000001";
const SCRIPT: &str = "0a990000-0000-4000-8000-000000000002";
const SET: &str = "setEnrollmentTimeDeviceMembershipTarget";

fn row() -> &'static PolicyType {
    policy_type::find("windowsDevicePreparationPolicies").unwrap()
}

fn list(definition: &str, values: &[Value]) -> Value {
    let values: Vec<Value> = values
        .iter()
        .map(|value| {
            json!({"@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue",
                "value": value})
        })
        .collect();
    json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingCollectionInstance",
        "settingDefinitionId": definition,
        "simpleSettingCollectionValue": values
    })
}

pub(crate) fn policy() -> Value {
    let prefix = "enrollment_autopilot_dpp";
    let app = format!("{{\"id\":\"{APP}\",\"type\":\"#microsoft.graph.win32LobApp\"}}");
    let instances = [
        choice(
            &format!("{prefix}_deploymentmode"),
            &format!("{prefix}_deploymentmode_0"),
            &json!([]),
        ),
        simple(&format!("{prefix}_timeout"), "Integer", &json!(60)),
        simple(
            &format!("{prefix}_devicesecuritygroupids"),
            "String",
            &json!(GROUP),
        ),
        list(&format!("{prefix}_allowedappids"), &[json!(app)]),
        list(&format!("{prefix}_allowedscriptids"), &[json!(SCRIPT)]),
    ];
    let settings: Vec<Value> = instances
        .iter()
        .enumerate()
        .map(|(id, instance)| json!({"id": id.to_string(), "settingInstance": instance}))
        .collect();
    json!({
        "id": "0e000000-0000-4000-8000-0000000000f1",
        "name": "Autopilot - User driven",
        "description": "For new devices",
        "platforms": "windows10",
        "technologies": "enrollment",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "settingCount": 5,
        "creationSource": null,
        "roleScopeTagIds": ["0"],
        "priorityMetaData": {"priority": 8},
        "templateReference": {
            "templateId": "80d33118-b7b4-40d8-b15f-81be745e053f_1",
            "templateFamily": "enrollmentConfiguration",
            "templateDisplayName": "Device Preparation",
            "templateDisplayVersion": "Version 1"
        },
        "settings": settings,
        TARGETS: [{"targetId": GROUP, "targetType": "staticSecurityGroup"}],
        "assignments": assignments()
    })
}

pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![("windowsDevicePreparationPolicies", policy())]
}

#[test]
fn a_policy_of_the_collection_is_of_one_type_whatever_is_said_of_its_template() {
    let catalog = policy_type::find("configurationPolicies").unwrap();
    let of = |object: &Value| {
        let both = (
            capture::belongs(row(), object),
            capture::belongs(catalog, object),
        );
        assert_ne!(both.0, both.1, "{object}");
        both.0
    };
    assert!(of(&policy()));
    let mut bare = policy();
    bare["templateReference"] = json!({"templateId": "80D33118-b7b4-40d8-b15f-81be745e053f_2"});
    assert!(of(&bare), "a policy just made is found without its family");
    bare["templateReference"]["templateId"] = json!("a6157a7f-aa00-42d9-ac82-7d2479f545db_1");
    assert!(of(&bare));
    bare["templateReference"] = json!({"templateId": "0ccc0000-0000-4000-8000-0000000000c1_1",
        "templateFamily": "enrollmentConfiguration"});
    assert!(of(&bare));
    bare["platforms"] = json!("iOS");
    assert!(!of(&bare));
    bare["platforms"] = json!("windows10");
    for other in [
        json!(null),
        json!({"templateId": "", "templateFamily": "none"}),
    ] {
        bare["templateReference"] = other;
        assert!(!of(&bare));
    }
}

#[test]
fn group_apps_and_scripts_are_references_and_land_in_the_target() {
    let source = model::captured(row(), policy());
    let named = |kind: &str, id: &str| {
        source.references.iter().any(|used| {
            used.kind == kind
                && used.external_id == id
                && used.facet == domain::model::Facet::Settings
        })
    };
    assert!(named("group", GROUP) && named("mobile_app", APP) && named("platform_script", SCRIPT));
    assert!(
        source
            .references
            .iter()
            .any(|used| used.path.starts_with(&format!("/{TARGETS}")))
    );

    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row(), &source, None, &landing, MAP).unwrap();
    let order: Vec<&str> = written
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(order, ["create", "set_device_group", "assign"]);
    let bodies = serde_json::to_string(&written.steps)
        .unwrap()
        .to_lowercase();
    for foreign in [GROUP, APP, SCRIPT] {
        assert!(!bodies.contains(&foreign.to_lowercase()), "{foreign}");
    }
    let create = written.steps[0].body.as_ref().unwrap();
    assert!(create.get(TARGETS).is_none());
    let allowed =
        create.pointer("/settings/3/settingInstance/simpleSettingCollectionValue/0/value");
    let text = allowed.and_then(Value::as_str).unwrap();
    let app: Value = serde_json::from_str(text).unwrap();
    assert_eq!(app["type"], "#microsoft.graph.win32LobApp");
    assert_eq!(
        written.steps[1].body.as_ref().unwrap()[TARGETS][0]["@odata.type"],
        "#microsoft.graph.enrollmentTimeDeviceMembershipTarget"
    );

    // Without a place for the group nothing is built.
    let mut lost = landing;
    lost.retain(|(kind, _), _| kind != "group");
    let error = model::build(row(), &source, None, &lost, MAP).unwrap_err();
    assert_eq!(error.code, "reference_not_landed");
}

#[test]
fn only_another_group_is_set_and_none_is_cleared() {
    let source = model::captured(row(), policy());
    let (_, _, landing) = model::tenants(&source);
    let copy = model::build(row(), &source, None, &landing, MAP).unwrap();
    let standing = model::carry_out(row(), &copy, None);
    let calls = |source: &Value, there: &capture::RawPolicy| {
        let source = model::captured(row(), source.clone());
        let there = capture::capture(row(), there.clone(), &model::key()).unwrap();
        let written = model::build(row(), &source, Some(&there), &landing, KEEP).unwrap();
        let steps = written.steps.iter();
        steps
            .map(|step| {
                (
                    step.method.clone(),
                    step.path.rsplit('/').next().unwrap().to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let mut other = standing.clone();
    other.item[TARGETS] = json!([{"targetId": OTHER_GROUP, "targetType": "staticSecurityGroup"}]);
    assert_eq!(
        calls(&policy(), &other),
        [("POST".to_owned(), SET.to_owned())]
    );
    let mut without = policy();
    without[TARGETS] = json!([]);
    let clear = "clearEnrollmentTimeDeviceMembershipTarget".to_owned();
    assert_eq!(calls(&without, &standing), [("POST".to_owned(), clear)]);

    // Another group is a difference, one that does not stand fails the read-back.
    let seen = capture::capture(row(), other, &model::key()).unwrap();
    let none = std::collections::BTreeMap::new();
    let mismatch = verify::check(row(), &copy.expected, &seen, &none, MAP, true).unwrap_err();
    assert!(
        mismatch.iter().any(|m| format!("{m:?}").contains(TARGETS)),
        "{mismatch:?}"
    );
}

#[test]
fn an_answer_says_which_groups_there_are_or_nothing_at_all() {
    let status = json!({"targetId": GROUP, "validationSucceeded": true,
        "targetValidationErrorCode": "unknown"});
    let documented = json!({"value": {"validationSucceeded": true,
        "enrollmentTimeDeviceMembershipTargetValidationStatuses": [status]}});
    let group = json!([{"targetId": GROUP, "targetType": "staticSecurityGroup"}]);
    assert_eq!(groups_of(&documented), Some(group.clone()));
    assert_eq!(groups_of(&json!({ TARGETS: group })), Some(group.clone()));
    let wrapped = json!({"value": [{ TARGETS: group }]});
    assert_eq!(groups_of(&wrapped), Some(group));
    assert_eq!(
        groups_of(&json!({"value": {"validationSucceeded": false}})),
        Some(json!([]))
    );
    for other in [
        json!(null),
        json!({}),
        json!({"value": []}),
        json!({"value": {"id": "x"}}),
        json!({ TARGETS: [{"targetType": "staticSecurityGroup"}] }),
    ] {
        assert_eq!(groups_of(&other), None, "{other}");
    }

    // A group that the source itself does not accept is not carried on.
    let mut stale = documented;
    let entry = &mut stale["value"]["enrollmentTimeDeviceMembershipTargetValidationStatuses"][0];
    entry["validationSucceeded"] = json!(false);
    entry["targetValidationErrorCode"] = json!("securityGroupNotFound");
    let mut object = policy();
    object[TARGETS] = groups_of(&stale).unwrap();
    let source = model::captured(row(), object);
    let (_, _, landing) = model::tenants(&source);
    let error = model::build(row(), &source, None, &landing, MAP).unwrap_err();
    assert_eq!(error.code, "invalid_for_create");
    assert!(error.message.contains("securityGroupNotFound"));
}
