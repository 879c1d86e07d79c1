//! What can be told of an item whose inside cannot be parsed (nested beyond any sense, usually):
//! its flat members. Decides nothing.

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

#[cfg(test)]
mod tests {
    use super::*;

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
