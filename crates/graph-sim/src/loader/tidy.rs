//! Makes an exported object one that a tenant could hold: no transport noise, right types, right
//! spelling, no properties Graph does not have.

use serde_json::{Map, Value, json};

use crate::body;
use crate::check::fits_primitive;
use crate::rules::CollectionRule;
use crate::schema::{Access, Property, Schema, Version};

/// What was changed on the way.
#[derive(Default)]
pub(super) struct Notes {
    pub dropped: Vec<String>,
    pub repaired: Vec<String>,
}

/// Tidies a body in place and takes its assignments out of it.
pub(super) fn tidy(
    schema: &Schema,
    rule: &CollectionRule,
    object: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Vec<Value> {
    let mut value = Value::Object(std::mem::take(object));
    body::strip_annotations(&mut value);
    let mut members = value.as_object().cloned().unwrap_or_default();
    let assignments = match members.remove("assignments") {
        Some(Value::Array(items)) => items,
        Some(single @ Value::Object(_)) => {
            notes
                .repaired
                .push("assignments: one object instead of a list".to_owned());
            vec![single]
        }
        _ => Vec::new(),
    };
    if rule.name_property == "name"
        && !members.contains_key("name")
        && let Some(name) = members.remove("displayName")
    {
        members.insert("name".to_owned(), name);
    }
    if schema.find_type(rule.entity).is_some() {
        fit_object(schema, rule.entity, &mut members, "", notes);
    }
    if rule.key == "deviceCompliancePolicies" {
        let empty = members
            .get("scheduledActionsForRule")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty);
        if empty {
            notes
                .repaired
                .push("scheduledActionsForRule: was missing".to_owned());
            members.insert("scheduledActionsForRule".to_owned(), json!([{"ruleName": "PasswordRequired",
                "scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 0}]}]));
        }
    }
    if rule.key == "conditionalAccessPolicies" && !members.contains_key("state") {
        notes.repaired.push("state: was missing".to_owned());
        members.insert("state".to_owned(), json!("disabled"));
    }
    *object = members;
    assignments
}

fn fit_object(
    schema: &Schema,
    declared: &str,
    members: &mut Map<String, Value>,
    at: &str,
    notes: &mut Notes,
) {
    let kind = members
        .get("@odata.type")
        .and_then(Value::as_str)
        .and_then(|annotation| schema.resolve_annotation(annotation))
        .unwrap_or(declared)
        .to_owned();
    if members.contains_key("@odata.type") {
        members.insert(
            "@odata.type".to_owned(),
            json!(format!("#microsoft.graph.{kind}")),
        );
    }
    let open = schema.is_open(&kind)
        || schema
            .find_type(&kind)
            .is_none_or(|found| found.is_abstract);
    for (name, mut value) in std::mem::take(members) {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        if name == "@odata.type" || name == "id" {
            members.insert(name, value);
            continue;
        }
        let exact = if schema.find_property(&kind, &name, Version::Beta).is_some() {
            Some(name.clone())
        } else {
            schema.respell(&kind, &name).map(str::to_owned)
        };
        let Some(exact) = exact else {
            if open {
                members.insert(name, value);
            } else {
                notes.dropped.push(path);
            }
            continue;
        };
        let Some(property) = schema.find_property(&kind, &exact, Version::Beta) else {
            continue;
        };
        if property.navigation == Some(false)
            || (property.access == Access::Unlisted && value.is_null())
        {
            continue;
        }
        if property.access != Access::Unlisted {
            fit_value(schema, property, &mut value, &path, notes);
        }
        if value.is_null() && !property.nullable && !property.collection {
            notes
                .repaired
                .push(format!("{path}: null where none is allowed"));
            continue;
        }
        members.insert(exact, value);
    }
}

fn fit_value(
    schema: &Schema,
    property: &Property,
    value: &mut Value,
    path: &str,
    notes: &mut Notes,
) {
    if property.collection {
        if !value.is_array() && !value.is_null() {
            notes
                .repaired
                .push(format!("{path}: one value instead of a list"));
            *value = Value::Array(vec![value.take()]);
        }
        if let Value::Array(items) = value {
            items.retain(|item| !item.is_null());
            for item in items {
                fit_single(schema, property, item, path, notes);
            }
        }
        return;
    }
    if let Value::Array(items) = value
        && let [only] = items.as_mut_slice()
    {
        *value = only.take();
        notes
            .repaired
            .push(format!("{path}: a list instead of one value"));
    }
    fit_single(schema, property, value, path, notes);
}

fn fit_single(
    schema: &Schema,
    property: &Property,
    value: &mut Value,
    path: &str,
    notes: &mut Notes,
) {
    let kind = property.kind.as_str();
    if let Value::Object(members) = value {
        fit_object(schema, kind, members, path, notes);
        return;
    }
    let repaired = match (kind, &*value) {
        (_, Value::Null) => None,
        ("Boolean", Value::String(text)) => {
            text.to_lowercase().parse::<bool>().ok().map(Value::Bool)
        }
        ("Int16" | "Int32" | "Int64", Value::String(text)) => {
            text.parse::<i64>().ok().map(|number| json!(number))
        }
        ("Int16" | "Int32" | "Int64", Value::Number(number)) if number.is_f64() => number
            .as_f64()
            .and_then(|float| format!("{float:.0}").parse::<i64>().ok())
            .map(|n| json!(n)),
        ("DateTimeOffset", Value::String(text)) => powershell_date(text).map(Value::String),
        ("String", other) if !other.is_string() && !fits_primitive(kind, other) => {
            Some(json!(other.to_string()))
        }
        (_, Value::String(text)) => schema.find_enumeration(kind).and_then(|enumeration| {
            let exact = enumeration
                .members
                .iter()
                .find(|member| member.eq_ignore_ascii_case(text))?;
            (exact != text).then(|| json!(exact))
        }),
        _ => None,
    };
    if let Some(repaired) = repaired {
        notes
            .repaired
            .push(format!("{path}: {value} became {repaired}"));
        *value = repaired;
    }
}

/// `/Date(1613000000000)/`, as PowerShell writes it.
fn powershell_date(text: &str) -> Option<String> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let digits = inner
        .find(['+', '-'])
        .filter(|at| *at > 0)
        .map_or(inner, |at| inner.get(..at).unwrap_or(inner));
    let date = chrono::DateTime::from_timestamp_millis(digits.parse().ok()?)?;
    Some(date.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
