//! Administrative templates of the synthetic tenants, and the definitions of an uploaded ADMX file.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Draft, Names, Side, all_devices};
use crate::rules::DEFINITIONS;

/// Equal in both tenants, and different; the third exists in the source alone.
pub(super) const EQUAL: [&str; 1] = ["ADMX - Guests"];
pub(super) const DIFFERENT: [&str; 1] = ["ADMX - Edge Network"];

/// The id of a built-in definition or of one of its fields.
fn built_in(group: u8, number: u8) -> String {
    format!("5fd0cc11-7a1f-4f7a-9b6d-00000000{group:02x}{number:02x}")
}

/// The id that an upload gave to something.
fn uploaded(tenant: &str, what: &str) -> String {
    let seed = format!("{}/admx/{what}", tenant.to_lowercase());
    Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()).to_string()
}

/// Definitions of uploaded files: the target has one of the two.
pub(super) fn definitions(side: Side, tenant: &str) -> Vec<Draft> {
    let definition = |name: &str| {
        let field = json!([{"@odata.type": "#microsoft.graph.groupPolicyPresentationTextBox",
            "id": uploaded(tenant, &format!("{name}/field")), "label": "Address"}]);
        Draft::new(
            DEFINITIONS,
            json!({"id": uploaded(tenant, name), "displayName": name, "classType": "machine",
                "categoryPath": "\\Contoso Agent", "policyType": "admxIngested",
                "presentations": field}),
        )
    };
    let mut drafts = vec![definition("Agent server")];
    if side == Side::Source {
        drafts.push(definition("Agent proxy"));
    }
    drafts
}

fn template(name: &str, values: &[Value]) -> Draft {
    Draft::new(
        "groupPolicyConfigurations",
        json!({"displayName": name, "description": "Administrative template.",
            "roleScopeTagIds": ["0"], "definitionValues": values}),
    )
}

fn value(definition: &str, enabled: bool, fields: &[Value]) -> Value {
    json!({"definition": {"id": definition}, "enabled": enabled, "presentationValues": fields})
}

fn field(id: &str, kind: &str, said: &Value) -> Value {
    let member = if said.is_array() { "values" } else { "value" };
    json!({"@odata.type": format!("#microsoft.graph.groupPolicyPresentationValue{kind}"),
        "presentation": {"id": id}, member: said})
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let tenant = &names.0.id;
    let own = |name: &str| {
        let id = uploaded(tenant, &format!("{name}/field"));
        let said = json!("agent.contoso.internal");
        value(&uploaded(tenant, name), true, &[field(&id, "Text", &said)])
    };
    vec![
        template("ADMX - Guests", &[value(&built_in(2, 3), false, &[])]),
        template(
            "ADMX - Edge Network",
            &[
                value(
                    &built_in(2, 1),
                    true,
                    &[
                        field(&built_in(3, 1), "Text", &json!("proxy.internal:8080")),
                        field(
                            &built_in(3, 2),
                            "List",
                            &json!([{"name": "*", "value": null}]),
                        ),
                        field(&built_in(3, 3), "MultiText", &json!(["one", "two"])),
                    ],
                ),
                value(
                    &built_in(2, 2),
                    true,
                    &[
                        field(&built_in(3, 4), "Decimal", &json!(32)),
                        field(&built_in(3, 5), "LongDecimal", &json!(8_589_934_592_u64)),
                        field(&built_in(3, 6), "Boolean", &json!(true)),
                        field(&built_in(3, 7), "Text", &json!("on")),
                    ],
                ),
                value(&built_in(2, 3), false, &[]),
                value(&built_in(2, 4), true, &[]),
                value(&built_in(2, 5), true, &[]),
            ],
        )
        .assigned(vec![all_devices()]),
        template(
            "ADMX - Agent",
            &[own("Agent server"), value(&built_in(2, 5), true, &[])],
        )
        .assigned(vec![names.include("Pilot Devices")]),
        template("ADMX - Agent Proxy", &[own("Agent proxy")]),
    ]
}
