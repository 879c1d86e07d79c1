//! Exports of administrative templates: one file may be nothing but the values, each bound to its
//! definition by a link, with yes and no as text.
//!
//! What such a link names is a built-in definition: it is made in every tenant, under its own id.

use serde_json::{Map, Value, json};

use crate::rules::{self, DEFINITIONS, TEMPLATES, VALUES};
use crate::state::{Object, World};

/// The one template that a list of bound values is; the file's name is all it has for a name.
pub(super) fn of_values(value: Value, file: &str) -> Value {
    let bound = |item: &Value| item.get("definition@odata.bind").is_some();
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(bound) => {
            let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
            let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            json!({"displayName": name, VALUES: items})
        }
        other => other,
    }
}

/// Takes the values of a template out of its body.
pub(super) fn take(key: &str, body: &mut Map<String, Value>) -> Vec<Value> {
    if key != TEMPLATES {
        return Vec::new();
    }
    match body.remove(VALUES) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

/// Makes the definitions that values are of and answers the values as a tenant stores them.
pub(super) fn furnish(world: &mut World, values: Vec<Value>) -> Vec<Value> {
    let mut stored = Vec::with_capacity(values.len());
    for value in values {
        let Some(id) = named(&value, "definition") else {
            continue;
        };
        let mut fields = Vec::new();
        let mut presentations = Vec::new();
        let inner = value.get("presentationValues").and_then(Value::as_array);
        for field in inner.into_iter().flatten() {
            let (Some(of), Some(kind)) = (named(field, "presentation"), field.get("@odata.type"))
            else {
                continue;
            };
            let label = field.get("presentation").and_then(|of| of.get("label"));
            presentations.push(json!({"@odata.type": presentation_type(kind), "id": of,
                "label": label.cloned().unwrap_or_else(|| json!(format!("Field {of}")))}));
            let mut kept = field.as_object().cloned().unwrap_or_default();
            kept.retain(|name, _| ["@odata.type", "value", "values"].contains(&name.as_str()));
            kept.insert("presentation".to_owned(), json!({"id": of}));
            fields.push(Value::Object(kept));
        }
        let known = value.get("definition").and_then(Value::as_object).cloned();
        define(world, &id, known.unwrap_or_default(), &presentations);
        let enabled = match value.get("enabled") {
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(Value::Bool(enabled)) => *enabled,
            _ => false,
        };
        stored.push(json!({"definition": {"id": id}, "enabled": enabled,
            "presentationValues": fields}));
    }
    stored
}

/// The id of what a value is of, embedded or linked.
fn named(value: &Value, member: &str) -> Option<String> {
    let embedded = value.get(member).and_then(|of| of.get("id")?.as_str());
    let linked = value
        .get(format!("{member}@odata.bind"))
        .and_then(Value::as_str)
        .and_then(|link| link.strip_suffix("')")?.rsplit_once("('"))
        .map(|(_, id)| id);
    embedded.or(linked).map(str::to_owned)
}

fn presentation_type(value: &Value) -> String {
    let kind = value.as_str().unwrap_or_default();
    let kind = kind.rsplit("groupPolicyPresentationValue").next();
    let field = match kind.unwrap_or_default() {
        "Boolean" => "CheckBox",
        "Decimal" => "DecimalTextBox",
        "LongDecimal" => "LongDecimalTextBox",
        "List" => "ListBox",
        "MultiText" => "MultiTextBox",
        _ => "TextBox",
    };
    format!("#microsoft.graph.groupPolicyPresentation{field}")
}

/// Puts a definition and its presentations into every tenant that lacks them.
fn define(world: &mut World, id: &str, known: Map<String, Value>, presentations: &[Value]) {
    let Some(rule) = rules::by_key(DEFINITIONS) else {
        return;
    };
    let mut body = known;
    body.retain(|name, _| name != "id" && !name.contains('@') && name != "presentations");
    for (name, value) in [
        ("displayName", json!(format!("Definition {id}"))),
        ("classType", json!("machine")),
        ("categoryPath", json!("\\Exported")),
        ("policyType", json!("admxBacked")),
        ("presentations", json!([])),
    ] {
        body.entry(name).or_insert(value);
    }
    world
        .definitions
        .entry(id.to_lowercase())
        .or_insert(Object {
            id: id.to_owned(),
            body,
            ..Object::default()
        });
    if let Some(shared) = world.definitions.get_mut(&id.to_lowercase()) {
        add_presentations(shared, presentations);
    }
    let shared = world.definitions.get(&id.to_lowercase()).cloned();
    for tenant in world.tenants.values_mut() {
        match tenant.find_mut(rule.key, id) {
            Some(definition) => add_presentations(definition, presentations),
            None => tenant.list_mut(rule).extend(shared.clone()),
        }
    }
}

fn add_presentations(definition: &mut Object, presentations: &[Value]) {
    let standing = definition
        .body
        .entry("presentations")
        .or_insert_with(|| json!([]));
    if let Value::Array(standing) = standing {
        for presentation in presentations {
            if !standing
                .iter()
                .any(|there| there.get("id") == presentation.get("id"))
            {
                standing.push(presentation.clone());
            }
        }
    }
}
