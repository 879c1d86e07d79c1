//! Mistakes with settings catalog policies.

use serde_json::{Value, json};

use super::{Bad, bad, with, without};
use crate::harness::*;

pub(super) fn cases(id: &str, body: &Value) -> Vec<Bad> {
    let path = SETTINGS_CATALOG;
    let item = format!("{path}/{id}");
    let prefix = "#microsoft.graph.deviceManagementConfiguration";
    let one = |instance: Value| with(body, "settings", json!([{ "settingInstance": instance }]));
    let choice = |value: Value| {
        one(
            json!({"@odata.type": format!("{prefix}ChoiceSettingInstance"),
            "settingDefinitionId": "some_setting", "choiceSettingValue": value}),
        )
    };
    let simple = |value: Value| {
        one(
            json!({"@odata.type": format!("{prefix}SimpleSettingInstance"),
            "settingDefinitionId": "some_setting", "simpleSettingValue": value}),
        )
    };
    let template = |id: &str| with(body, "templateReference", json!({ "templateId": id }));
    let twice = json!([body["settings"][0], body["settings"][0]]);
    vec![
        bad(
            "PATCH",
            item.clone(),
            json!({"settings": body["settings"]}),
            "PATCH",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"platforms": "linux"}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"templateReference": {"templateId": "804339ad-1553-4478-a742-138fb5807418_1"}}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"assignments": []}),
            "cannot be updated",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"name": null}),
            "must not be null",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"name": ""}),
            "must not be empty",
        ),
        bad("PUT", item.clone(), json!({"name": "x"}), "is required"),
        bad(
            "PUT",
            item,
            with(body, "technologies", json!("linuxMdm")),
            "cannot be changed",
        ),
        bad(
            "POST",
            path,
            with(body, "settingCount", json!(1)),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "isAssigned", json!(false)),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "createdDateTime", json!("2025-01-01T00:00:00Z")),
            "read-only",
        ),
        bad("POST", path, without(body, "settings"), "is required"),
        bad("POST", path, without(body, "platforms"), "is required"),
        bad(
            "POST",
            path,
            with(body, "platforms", json!("windows12")),
            "not a member",
        ),
        bad(
            "POST",
            path,
            with(body, "platforms", Value::Null),
            "does not allow null",
        ),
        bad(
            "POST",
            path,
            with(body, "technologies", json!("mdm,teleport")),
            "not a member",
        ),
        bad(
            "POST",
            path,
            with(body, "settings", twice),
            "Duplicate setting",
        ),
        bad("POST", path, with(body, "settings", json!([{}])), "missing"),
        bad(
            "POST",
            path,
            one(json!({"settingDefinitionId": "x"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            one(
                json!({"@odata.type": format!("{prefix}ChoiceSettingInstance"), "settingDefinitionId": "x"}),
            ),
            "does not match schema",
        ),
        bad(
            "POST",
            path,
            choice(json!({"value": "some_setting_1", "children": null})),
            "Property children",
        ),
        bad(
            "POST",
            path,
            choice(json!({"children": []})),
            "has no value",
        ),
        bad(
            "POST",
            path,
            choice(json!({"value": 1, "children": []})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(json!({"value": "text without type"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            simple(json!({"@odata.type": format!("{prefix}IntegerSettingValue"), "value": "5"})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(json!({"@odata.type": format!("{prefix}StringSettingValue"), "value": 5})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(
                json!({"@odata.type": format!("{prefix}ReferenceSettingValue"), "value": "33333333-3333-4333-8333-333333333333"}),
            ),
            "was not found",
        ),
        bad(
            "POST",
            path,
            simple(
                json!({"@odata.type": format!("{prefix}SecretSettingValue"), "value": "33333333-3333-4333-8333-333333333333", "valueState": "encryptedValueToken"}),
            ),
            "token",
        ),
        bad(
            "POST",
            path,
            template("804339AD-1553-4478-A742-138FB5807418_1"),
            "Invalid Reference id",
        ),
        bad(
            "POST",
            path,
            template("no-template"),
            "Invalid Reference id",
        ),
        bad(
            "POST",
            path,
            with(
                body,
                "templateReference",
                json!({"templateId": "", "templateDisplayName": "x"}),
            ),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(
                body,
                "templateReference",
                json!({"templateId": "804339ad-1553-4478-a742-138fb5807418_1", "templateFamily": "baseline"}),
            ),
            "does not match",
        ),
    ]
}
