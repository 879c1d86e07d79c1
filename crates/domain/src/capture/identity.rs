//! Which policies of two tenants are the same subject: the exact name and the row's parts.

use serde_json::{Map, Value};

use super::default_object;
use crate::json::{self, pattern};
use crate::policy_type::{Adapter, PolicyType};

/// Canonical JSON `{"name", "parts"}`. The object that every tenant has is known by its kind: its
/// name, which a service translates and people change, is null here.
pub(crate) fn key(row: &PolicyType, name: &str, item: &Value) -> String {
    let parts: Map<String, Value> = row
        .identity
        .iter()
        .map(|place| ((*place).to_owned(), part(row, place, item)))
        .collect();
    let name = (!default_object::is(row, item)).then_some(name);
    json::canonical(&serde_json::json!({"name": name, "parts": parts}))
}

/// Whether a list item is the app of an identity key under another name: its kind and its package or
/// bundle id say so.
pub(crate) fn is_same_app(row: &PolicyType, identity_key: &str, item: &Value) -> bool {
    if row.adapter != Adapter::App {
        return false;
    }
    let Ok(wanted) = serde_json::from_str::<Value>(identity_key) else {
        return false;
    };
    let text = |place: &str| match wanted.get("parts").and_then(|parts| parts.get(place)) {
        Some(Value::String(text)) => text.to_lowercase(),
        _ => String::new(),
    };
    let of_item = |place: &str| match part(row, place, item) {
        Value::String(text) => text.to_lowercase(),
        _ => String::new(),
    };
    let packages = ["packageIdentifier", "bundleId", "packageId"];
    text("@odata.type") == of_item("@odata.type")
        && packages
            .iter()
            .any(|place| !text(place).is_empty() && text(place) == of_item(place))
}

fn part(row: &PolicyType, place: &str, item: &Value) -> Value {
    let default = row
        .defaults
        .iter()
        .find(|(path, _)| path == &place)
        .and_then(|(_, text)| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let value = match pattern::get(item, place) {
        None | Some(Value::Null) => default,
        Some(value) => value.clone(),
    };
    let Value::String(text) = value else {
        return value;
    };
    if place == "@odata.type" {
        return Value::String(text.trim_start_matches('#').to_owned());
    }
    // Versions of one template are one subject: the family is what stands before `_version`.
    if place.ends_with("templateId") {
        let family = text.split('_').next().unwrap_or_default();
        return Value::String(family.to_ascii_lowercase());
    }
    if row.flags.contains(&place) {
        return crate::canonical::flag_set(&text);
    }
    Value::String(text)
}
