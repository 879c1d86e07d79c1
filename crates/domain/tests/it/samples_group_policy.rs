//! Administrative templates as Graph answers them.

use serde_json::{Value, json};

use crate::samples::assignments;

pub(crate) const PROXY: &str = "0a000000-0000-4000-8000-0000000000d1";
pub(crate) const BLOCKED: &str = "0a000000-0000-4000-8000-0000000000d2";
pub(crate) const OWN: &str = "0a000000-0000-4000-8000-0000000000d3";
pub(crate) const FLAGS: &str = "0a000000-0000-4000-8000-0000000000d4";

pub(crate) fn definition(id: &str, class: &str, name: &str, policy_type: &str) -> Value {
    json!({
        "id": id,
        "classType": class,
        "displayName": name,
        "explainText": "A page of words.",
        "categoryPath": "\\Microsoft Edge\\Proxy server",
        "supportedOn": "Microsoft Edge 77",
        "policyType": policy_type,
        "hasRelatedDefinitions": false,
        "lastModifiedDateTime": "2026-01-02T03:04:05Z"
    })
}

/// A value of a field; `kind` without its common beginning.
pub(crate) fn field(number: u8, kind: &str, label: &str, value: &Value) -> Value {
    let member = if value.is_array() { "values" } else { "value" };
    json!({
        "@odata.type": format!("#microsoft.graph.groupPolicyPresentationValue{kind}"),
        "id": format!("0a000000-0000-4000-8000-0000000001{number:02x}"),
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        member: value,
        "presentation": {
            "@odata.type": "#microsoft.graph.groupPolicyPresentationTextBox",
            "id": format!("0a000000-0000-4000-8000-0000000002{number:02x}"),
            "label": label,
            "maxLength": 1023,
            "lastModifiedDateTime": "2026-01-02T03:04:05Z"
        }
    })
}

pub(crate) fn value(number: u8, definition: &Value, enabled: bool, fields: &[Value]) -> Value {
    json!({
        "id": format!("0a000000-0000-4000-8000-0000000003{number:02x}"),
        "enabled": enabled,
        "configurationType": "policy",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "definition": definition,
        "presentationValues": fields
    })
}

/// Every type of field, a definition that is off, and one of an uploaded file.
pub(crate) fn template() -> Value {
    let proxy = definition(PROXY, "machine", "Proxy settings", "admxBacked");
    let flags = definition(FLAGS, "machine", "Proxy limits", "admxBacked");
    let blocked = definition(BLOCKED, "user", "Block all extensions", "admxBacked");
    let own = definition(OWN, "machine", "Our intranet", "admxIngested");
    json!({
        "id": "0a000000-0000-4000-8000-000000000001",
        "displayName": "Edge - Proxy",
        "description": "Administrative template",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "policyConfigurationIngestionType": "mixed",
        "roleScopeTagIds": ["0"],
        "definitionValues": [
            value(1, &proxy, true, &[
                field(1, "Text", "Server", &json!("proxy.example:8080")),
                field(2, "List", "Bypass", &json!([{"name": "*", "value": null}])),
                field(3, "MultiText", "Remarks", &json!(["one line"])),
            ]),
            value(2, &flags, true, &[
                field(4, "Decimal", "Connections", &json!(32)),
                field(5, "LongDecimal", "Bytes", &json!(8_589_934_592_u64)),
                field(6, "Boolean", "Strict", &json!(true)),
            ]),
            value(3, &blocked, false, &[]),
            value(4, &own, true, &[field(7, "Text", "Address", &json!("intranet"))]),
        ],
        "assignments": assignments()
    })
}

/// One object of the type of this file.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![("groupPolicyConfigurations", template())]
}
