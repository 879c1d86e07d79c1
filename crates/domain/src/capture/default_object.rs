//! The object that every tenant has from its first day, where a type has one.
//!
//! It is known by a member or by its id, whatever it is called. What the service itself says about it
//! is left out: nobody can write that.

use serde_json::Value;

use crate::json::{self, pattern};
use crate::policy_type::PolicyType;

/// Whether an item (as listed) or a captured content is that object.
pub(crate) fn is(row: &PolicyType, item: &Value) -> bool {
    let Some(rule) = row.default_object else {
        return false;
    };
    let told =
        pattern::get(item, rule.property).is_some_and(|value| json::canonical(value) == rule.value);
    told || item
        .get("id")
        .and_then(Value::as_str)
        .is_some_and(|id| has_marker(row, id))
}

fn has_marker(row: &PolicyType, id: &str) -> bool {
    row.default_object
        .and_then(|rule| rule.id_marker)
        .is_some_and(|marker| id.contains(marker))
}

/// Makes the content say outright that it is that object, and drops what the service fixed in it.
/// Answers whether it is.
pub(super) fn normalize(row: &PolicyType, external_id: &str, content: &mut Value) -> bool {
    let Some(rule) = row.default_object else {
        return false;
    };
    if !is(row, content) && !has_marker(row, external_id) {
        return false;
    }
    if let (Value::Object(members), Ok(value)) = (&mut *content, serde_json::from_str(rule.value)) {
        members.insert(rule.property.to_owned(), value);
    }
    for place in rule.fixed {
        pattern::remove(content, place);
    }
    true
}
