//! What stays with the source's object: operations that somebody began on it, its rank among the
//! others. It is no part of any comparison or body, and stays in the captured content to be told.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::{self, pattern};
use crate::policy_type::PolicyType;

/// JSON Pointer -> digest of the value, where something stands there.
pub(crate) fn standing(row: &PolicyType, content: &Value) -> BTreeMap<String, String> {
    let places = row.left_behind.iter();
    places
        .filter_map(|(place, _)| {
            let value = pattern::get(content, place).filter(|value| says_something(value))?;
            Some((pointer(place), json::digest(value)))
        })
        .collect()
}

/// Takes it out of a content.
pub(crate) fn strip(row: &PolicyType, content: &mut Value) {
    for (place, _) in row.left_behind {
        pattern::remove(content, place);
    }
}

/// What the source has and the other side has not, or has otherwise: pointers and their words.
pub(crate) fn differing(
    row: &PolicyType,
    source: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Vec<String> {
    let places = row.left_behind.iter();
    places
        .filter_map(|(place, words)| {
            let at = pointer(place);
            let ours = source.get(&at)?;
            (other.get(&at) != Some(ours)).then(|| format!("{words} ({at})"))
        })
        .collect()
}

fn pointer(place: &str) -> String {
    json::below("", place)
}

/// A switch that is off, and nothing, say that there is nothing to tell.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
    }
}
