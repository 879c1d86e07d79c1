//! Administrative templates: their definitions, and what a call that brings values may say.
//!
//! Built-in definitions have one id in every tenant; those of an uploaded ADMX file have others with
//! every upload.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Part, Scene};
use crate::answer::Refusal;
use crate::check::Check;
use crate::schema::Version;
use crate::state::{Object, Tenant};

/// Key of the policies.
pub(crate) const TEMPLATES: &str = "groupPolicyConfigurations";
/// Key of the definitions.
pub(crate) const DEFINITIONS: &str = "groupPolicyDefinitions";
/// Where a policy keeps its values.
pub(crate) const VALUES: &str = "definitionValues";
const PRESENTATIONS: &str = "presentationValues";

pub(super) const CONFIGURATIONS: CollectionRule = CollectionRule {
    key: TEMPLATES,
    paths: &["deviceManagement/groupPolicyConfigurations"],
    entity: "groupPolicyConfiguration",
    assign: Some(AssignRule {
        entity: "groupPolicyConfigurationAssignment",
        ..ASSIGN
    }),
    parts: &[
        Part {
            segment: VALUES,
            page: 3,
            nested: &["definition", PRESENTATIONS],
            expands_in_list: false,
        },
        ASSIGNMENTS,
    ],
    required: &["displayName"],
    judge: judge_template,
    complete: complete_template,
    ..INTUNE
};

pub(super) const DEFINITION_RULE: CollectionRule = CollectionRule {
    key: DEFINITIONS,
    paths: &["deviceManagement/groupPolicyDefinitions"],
    entity: "groupPolicyDefinition",
    page: 4,
    create: false,
    patch: false,
    delete: false,
    scope_tags: None,
    parts: &[Part {
        segment: "presentations",
        ..ASSIGNMENTS
    }],
    ..INTUNE
};

fn judge_template(
    scene: &Scene<'_>,
    _: crate::check::Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    for name in [VALUES, "policyConfigurationIngestionType"] {
        if body.contains_key(name) {
            return Err(scene.refuse(format!("Property {name} cannot be set here.")));
        }
    }
    Ok(())
}

/// Values have ids; the policy knows where its definitions come from.
fn complete_template(scene: &Scene<'_>, object: &mut Object) {
    let owner = object.id.clone();
    let own_id = |name: &str| Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
    let mut sources = BTreeSet::new();
    if let Some(Value::Array(values)) = object.body.get_mut(VALUES) {
        for value in values.iter_mut().filter_map(Value::as_object_mut) {
            let definition = id_of(value.get("definition"));
            let custom = scene
                .tenant
                .find(DEFINITIONS, &definition)
                .is_some_and(|definition| definition.text("policyType") == Some("admxIngested"));
            sources.insert(custom);
            let id = own_id(&format!("{owner}/{definition}"));
            value.entry("id").or_insert_with(|| json!(id));
            value
                .entry("configurationType")
                .or_insert_with(|| json!("policy"));
            if let Some(Value::Array(inner)) = value.get_mut(PRESENTATIONS) {
                for field in inner.iter_mut().filter_map(Value::as_object_mut) {
                    let presentation = id_of(field.get("presentation"));
                    let id = own_id(&format!("{owner}/{definition}/{presentation}"));
                    field.entry("id").or_insert_with(|| json!(id));
                }
            }
        }
    }
    let kind = match (sources.contains(&true), sources.contains(&false)) {
        (true, true) => "mixed",
        (true, false) => "custom",
        (false, true) => "builtIn",
        (false, false) => "unknown",
    };
    object
        .body
        .insert("policyConfigurationIngestionType".to_owned(), json!(kind));
}

fn id_of(value: Option<&Value>) -> String {
    let id = value.and_then(|value| value.get("id")?.as_str());
    id.unwrap_or_default().to_owned()
}

/// The values of a policy after a call, or why it is refused. `base` is this Graph's own address.
pub(crate) fn judge_values(
    scene: &Scene<'_>,
    base: &str,
    standing: &[Value],
    sent: &Map<String, Value>,
) -> Result<Vec<Value>, Refusal> {
    if let Some(other) = sent
        .keys()
        .find(|name| !["added", "updated", "deletedIds"].contains(&name.as_str()))
    {
        return Err(Refusal::bad_request(format!(
            "The parameter '{other}' in the request payload is not a valid parameter for the operation."
        )));
    }
    let list = |name: &str| match sent.get(name) {
        None | Some(Value::Null) => Ok(&[][..]),
        Some(Value::Array(items)) => Ok(items.as_slice()),
        Some(_) => Err(Refusal::bad_request(format!(
            "The parameter '{name}' is not a collection."
        ))),
    };
    let mut values = standing.to_vec();
    let place = |values: &[Value], id: Option<&Value>| {
        let id = id.and_then(Value::as_str).unwrap_or_default().to_owned();
        values
            .iter()
            .position(|value| value.get("id").and_then(Value::as_str) == Some(id.as_str()))
            .ok_or_else(|| scene.refuse(format!("The definition value '{id}' does not exist.")))
    };
    for id in list("deletedIds")? {
        let at = place(&values, Some(id))?;
        values.remove(at);
    }
    for entry in list("updated")? {
        let at = place(&values, entry.get("id"))?;
        let before = values.get(at).cloned().unwrap_or_default();
        let after = judge_value(scene, base, entry, Some(&before))?;
        if id_of(before.get("definition")) != id_of(after.get("definition")) {
            return Err(scene.refuse("The definition of a value cannot be changed."));
        }
        if let Some(slot) = values.get_mut(at) {
            *slot = after;
        }
    }
    for entry in list("added")? {
        let value = judge_value(scene, base, entry, None)?;
        let definition = id_of(value.get("definition"));
        if values
            .iter()
            .any(|there| id_of(there.get("definition")) == definition)
        {
            return Err(scene.refuse(format!(
                "The policy already has a value of the definition '{definition}'."
            )));
        }
        values.push(value);
    }
    Ok(values)
}

fn judge_value(
    scene: &Scene<'_>,
    base: &str,
    entry: &Value,
    before: Option<&Value>,
) -> Result<Value, Refusal> {
    let sent = entry
        .as_object()
        .ok_or_else(|| Refusal::bad_request("A definition value is not an object."))?;
    let own_id = before.and_then(|before| before.get("id")?.as_str());
    let mut fields = Vec::new();
    let mut free = sent.clone();
    let inner = match free.remove(PRESENTATIONS) {
        Some(Value::Array(inner)) => inner,
        None => Vec::new(),
        Some(_) => {
            return Err(Refusal::bad_request(
                "'presentationValues' is not a collection.",
            ));
        }
    };
    let check = Check {
        schema: scene.schema,
        version: Version::Beta,
        own_id,
    };
    check
        .entity(&free, "groupPolicyDefinitionValue")
        .map_err(|violation| Refusal::bad_request(violation.0))?;
    if !sent.contains_key("enabled") {
        return Err(scene.refuse("Property enabled is required."));
    }
    let link = format!("{base}/beta/deviceManagement/{DEFINITIONS}");
    let bound = sent.get("definition@odata.bind").and_then(Value::as_str);
    let (definition, rest) = bound
        .and_then(|bound| key_below(bound, &link))
        .ok_or_else(|| Refusal::bad_request("'definition@odata.bind' is not a valid link."))?;
    let found = scene
        .tenant
        .find(DEFINITIONS, definition)
        .filter(|_| rest.is_empty())
        .ok_or_else(|| scene.refuse(format!("The definition '{definition}' does not exist.")))?;
    let link = format!("{link}('{definition}')/presentations");
    let standing = before.and_then(|before| before.get(PRESENTATIONS)?.as_array());
    for field in &inner {
        let standing = standing.map_or(&[][..], Vec::as_slice);
        fields.push(judge_field(scene, &link, found, field, standing)?);
    }
    let mut value = json!({
        "enabled": sent.get("enabled"),
        "configurationType": sent.get("configurationType").cloned().unwrap_or(json!("policy")),
        "definition": {"id": found.id},
        "presentationValues": fields,
    });
    if let Some(members) = value.as_object_mut() {
        let id = own_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        members.insert("id".to_owned(), json!(id));
    }
    Ok(value)
}

fn judge_field(
    scene: &Scene<'_>,
    link: &str,
    definition: &Object,
    entry: &Value,
    standing: &[Value],
) -> Result<Value, Refusal> {
    let sent = entry
        .as_object()
        .ok_or_else(|| Refusal::bad_request("A presentation value is not an object."))?;
    let own_id = sent.get("id").and_then(Value::as_str);
    let stands = |id: &str| {
        standing
            .iter()
            .any(|field| field.get("id").and_then(Value::as_str) == Some(id))
    };
    if own_id.is_some_and(|id| !stands(id)) {
        return Err(scene.refuse("The presentation value does not exist."));
    }
    let check = Check {
        schema: scene.schema,
        version: Version::Beta,
        own_id,
    };
    let kind = check
        .entity(sent, "groupPolicyPresentationValue")
        .map_err(|violation| Refusal::bad_request(violation.0))?;
    let bound = sent.get("presentation@odata.bind").and_then(Value::as_str);
    let (presentation, _) = bound
        .and_then(|bound| key_below(bound, link))
        .ok_or_else(|| Refusal::bad_request("'presentation@odata.bind' is not a valid link."))?;
    let fields = definition.body.get("presentations");
    let field = fields
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|field| field.get("id").and_then(Value::as_str) == Some(presentation))
        .ok_or_else(|| {
            scene.refuse(format!("The presentation '{presentation}' does not exist."))
        })?;
    if !takes(field, &kind) {
        return Err(scene.refuse(format!(
            "The presentation '{presentation}' does not take a value of type '{kind}'."
        )));
    }
    let mut stored = sent.clone();
    stored.retain(|name, _| ["@odata.type", "value", "values"].contains(&name.as_str()));
    let id = own_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    stored.insert("id".to_owned(), json!(id));
    stored.insert("presentation".to_owned(), json!({"id": presentation}));
    Ok(Value::Object(stored))
}

fn takes(field: &Value, kind: &str) -> bool {
    let field = field
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim_start_matches("#microsoft.graph.groupPolicyPresentation");
    let kind = kind.trim_start_matches("groupPolicyPresentationValue");
    match kind {
        "Boolean" => field == "CheckBox",
        "Decimal" => field == "DecimalTextBox",
        "LongDecimal" => field == "LongDecimalTextBox",
        "List" => field == "ListBox",
        "MultiText" => field == "MultiTextBox",
        _ => ["TextBox", "DropdownList", "ComboBox"].contains(&field),
    }
}

/// The key of a link below a collection, and what follows it.
fn key_below<'l>(link: &'l str, collection: &str) -> Option<(&'l str, &'l str)> {
    let rest = link.strip_prefix(collection)?.strip_prefix("('")?;
    rest.split_once("')")
}

/// What a definition or presentation reads as.
pub(crate) fn definition(tenant: &Tenant, id: &str) -> Option<Map<String, Value>> {
    let found = tenant.find(DEFINITIONS, id)?;
    let mut body = found.body.clone();
    body.insert("id".to_owned(), json!(found.id));
    Some(body)
}

/// A definition of every tenant.
pub(super) fn built_in() -> Vec<(&'static str, String, Value)> {
    let field = |number: u8, kind: &str, label: &str| {
        json!({"@odata.type": format!("#microsoft.graph.groupPolicyPresentation{kind}"),
            "id": format!("5fd0cc11-7a1f-4f7a-9b6d-0000000003{number:02x}"), "label": label})
    };
    let definition = |number: u8, class: &str, name: &str, fields: Value| {
        let id = format!("5fd0cc11-7a1f-4f7a-9b6d-0000000002{number:02x}");
        let body = json!({"displayName": name, "classType": class, "policyType": "admxBacked",
            "categoryPath": "\\Microsoft Edge\\Network settings", "explainText": "A page of words.",
            "hasRelatedDefinitions": false, "presentations": fields});
        (DEFINITIONS, id, body)
    };
    vec![
        definition(
            1,
            "machine",
            "Proxy server",
            json!([
                field(0, "Text", "Give the address of the server"),
                field(1, "TextBox", "Address"),
                field(2, "ListBox", "Bypass"),
                field(3, "MultiTextBox", "Remarks"),
            ]),
        ),
        definition(
            2,
            "machine",
            "Limits",
            json!([
                field(4, "DecimalTextBox", "Connections"),
                field(5, "LongDecimalTextBox", "Bytes"),
                field(6, "CheckBox", "Strict"),
                field(7, "DropdownList", ""),
            ]),
        ),
        definition(3, "machine", "Allow guests", json!([])),
        definition(4, "user", "Allow guests", json!([])),
        definition(5, "machine", "Sign in at start", json!([])),
    ]
}
