//! Mistakes with device configuration profiles.

use serde_json::{Value, json};

use super::{Bad, bad, with};
use crate::harness::*;

pub(super) fn cases(id: &str, body: &Value) -> Vec<Bad> {
    let path = CONFIGURATIONS;
    let item = format!("{path}/{id}");
    let setting = |members: Value| {
        let mut setting = json!({"@odata.type": "#microsoft.graph.omaSettingString",
            "displayName": "One", "omaUri": "./a", "value": "x"});
        setting
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        with(body, "omaSettings", json!([setting]))
    };
    let same = body["omaSettings"][0].clone();
    vec![
        bad(
            "POST",
            path,
            setting(json!({"secretReferenceValueId": "x"})),
            "SecretReferenceValueId invalid for create",
        ),
        bad(
            "POST",
            path,
            setting(json!({"isEncrypted": true})),
            "read-only",
        ),
        bad("POST", path, setting(json!({"omaUri": ""})), "OmaUri"),
        bad(
            "POST",
            path,
            setting(json!({"displayName": ""})),
            "DisplayName",
        ),
        bad(
            "POST",
            path,
            setting(json!({"value": null})),
            "does not allow null",
        ),
        bad("POST", path, setting(json!({"value": 3})), "Cannot convert"),
        bad(
            "POST",
            path,
            setting(json!({"@odata.type": "#microsoft.graph.omaSettingInteger"})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            setting(json!({"@odata.type": "#microsoft.graph.omaSetting"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            with(body, "omaSettings", json!([same, same])),
            "more than once",
        ),
        bad("POST", path, with(body, "version", json!(2)), "read-only"),
        bad(
            "POST",
            path,
            with(body, "supportsScopeTags", json!(true)),
            "read-only",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration"}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item,
            json!({"@odata.type": body["@odata.type"], "assignments": []}),
            "cannot be updated",
        ),
    ]
}
