//! Transforms JSON bodies between what is sent, what is stored and what is read.
//!
//! Pure; judges nothing.

use serde_json::{Map, Value, json};

use crate::schema::{Access, Property, Schema, Version};

/// Removes transport annotations; `@odata.type` stays because it is part of the value.
pub(crate) fn strip_annotations(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| {
                name == "@odata.type" || !(name.contains('@') || name.starts_with('#'))
            });
            members.values_mut().for_each(strip_annotations);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_annotations),
        _ => {}
    }
}

/// PATCH: members replace, nested objects of the same type merge, arrays replace wholly.
pub(crate) fn merge(before: &Map<String, Value>, patch: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = before.clone();
    for (name, value) in patch {
        let combined = match (merged.get(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) if same_type(old, new) => {
                Value::Object(merge(old, new))
            }
            _ => value.clone(),
        };
        merged.insert(name.clone(), combined);
    }
    merged
}

fn same_type(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    new.get("@odata.type")
        .is_none_or(|kind| old.get("@odata.type") == Some(kind))
}

/// Adds what the service returns for properties nobody set. With `deep`, inside nested objects too.
pub(crate) fn fill_defaults(
    schema: &Schema,
    kind: &str,
    body: &mut Map<String, Value>,
    version: Version,
    deep: bool,
) {
    for (name, property) in schema.list_properties(kind, version) {
        if property.navigation.is_some() || property.access == Access::Unlisted || name == "id" {
            continue;
        }
        match body.get_mut(name) {
            None => {
                body.insert(name.to_owned(), default_value(schema, property));
            }
            Some(value @ Value::Null) if property.collection => *value = json!([]),
            Some(Value::Object(inner)) if deep => {
                let inner_kind = nested_kind(schema, inner, &property.kind);
                fill_defaults(schema, &inner_kind, inner, version, deep);
            }
            Some(_) => {}
        }
    }
}

fn nested_kind(schema: &Schema, body: &Map<String, Value>, declared: &str) -> String {
    body.get("@odata.type")
        .and_then(Value::as_str)
        .and_then(|annotation| schema.resolve_annotation(annotation))
        .unwrap_or(declared)
        .to_owned()
}

fn default_value(schema: &Schema, property: &Property) -> Value {
    if property.collection {
        return json!([]);
    }
    if property.nullable {
        return Value::Null;
    }
    if let Some(enumeration) = schema.find_enumeration(&property.kind) {
        return enumeration
            .members
            .first()
            .map_or(Value::Null, |member| json!(member));
    }
    match property.kind.as_str() {
        "Boolean" => json!(false),
        "Int16" | "Int32" | "Int64" | "Double" | "Single" | "Decimal" | "Byte" => json!(0),
        "String" => json!(""),
        "DateTimeOffset" => json!("0001-01-01T00:00:00Z"),
        _ => Value::Null,
    }
}

/// Removes what only beta knows.
pub(crate) fn restrict_to_v1(
    schema: &Schema,
    kind: &str,
    body: &mut Map<String, Value>,
    deep: bool,
) {
    if schema.is_open(kind) || schema.find_type(kind).is_none() {
        return;
    }
    body.retain(|name, _| {
        name.contains('@') || schema.find_property(kind, name, Version::V1).is_some()
    });
    if !deep {
        return;
    }
    for (name, value) in body.iter_mut() {
        let Some(property) = schema.find_property(kind, name, Version::V1) else {
            continue;
        };
        if let Value::Object(inner) = value {
            let inner_kind = nested_kind(schema, inner, &property.kind);
            restrict_to_v1(schema, &inner_kind, inner, deep);
        }
    }
}

/// The first member of an enumeration that Graph shows by this word only; those after it came later.
const NEWER: &str = "unknownFutureValue";

/// Shows enumeration members that came later as what callers get who did not ask for their names.
pub(crate) fn mask_newer(schema: &Schema, kind: &str, body: &mut Map<String, Value>) {
    for (name, value) in body.iter_mut() {
        let Some(property) = schema.find_property(kind, name, Version::Beta) else {
            continue;
        };
        mask_value(schema, property, value);
    }
}

fn mask_value(schema: &Schema, property: &Property, value: &mut Value) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| mask_value(schema, property, item)),
        Value::Object(inner) => {
            let kind = nested_kind(schema, inner, &property.kind);
            mask_newer(schema, &kind, inner);
        }
        Value::String(text) => {
            let Some(enumeration) = schema.find_enumeration(&property.kind) else {
                return;
            };
            let newer = enumeration
                .members
                .iter()
                .skip_while(|member| *member != NEWER);
            let newer: Vec<&String> = newer.skip(1).collect();
            let words: Vec<&str> = text
                .split(',')
                .map(|word| {
                    let is_newer = newer.iter().any(|member| *member == word);
                    if is_newer { NEWER } else { word }
                })
                .collect();
            *text = words.join(",");
        }
        _ => {}
    }
}

/// Reads a dotted path.
pub(crate) fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |current, step| match current {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
}
