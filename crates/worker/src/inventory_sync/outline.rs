//! What can be told of an item whose inside cannot be parsed (nested beyond any sense, usually): its
//! flat members; and what is kept of a name or id that no index could hold. Decides nothing.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The members of an item that are neither objects nor arrays; an empty object when it is none.
pub(crate) fn flat(raw: &RawValue) -> Value {
    let Ok(members) = serde_json::from_str::<HashMap<String, Box<RawValue>>>(raw.get()) else {
        return Value::Object(Map::new());
    };
    let mut seen = Map::new();
    for (name, value) in members {
        if value.get().starts_with(['{', '[']) {
            continue;
        }
        if let Ok(value) = serde_json::from_str(value.get()) {
            seen.insert(name, value);
        }
    }
    Value::Object(seen)
}

/// Longest id or name that is kept, in bytes. An index of PostgreSQL takes 2,700.
const KEPT_BYTES: usize = 1_000;

/// The text, or the beginning of a longer one with a digest of the whole: two long ones never
/// become one.
pub(crate) fn bounded(text: &str) -> String {
    if text.len() <= KEPT_BYTES {
        return text.to_owned();
    }
    let start: String = text.chars().take(60).collect();
    format!("{start}... ({})", domain::json::digest_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_stays_itself() {
        assert_eq!(bounded("short"), "short");
        let (one, other) = ("\u{10ffff}".repeat(90_000), "\u{10ffff}".repeat(90_001));
        assert!(bounded(&one).chars().count() < 400);
        assert_ne!(bounded(&one), bounded(&other));
        assert_eq!(bounded(&one), bounded(&one));
    }

    #[test]
    fn id_and_name_survive_any_depth() {
        let deep = format!(
            r#"{{"id":"1","name":"n","x":{}{}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        let raw = RawValue::from_string(deep).unwrap_or_default();
        assert!(serde_json::from_str::<Value>(raw.get()).is_err());
        assert_eq!(flat(&raw), serde_json::json!({"id": "1", "name": "n"}));
    }
}
