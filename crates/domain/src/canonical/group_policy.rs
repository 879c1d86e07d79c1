//! The canonical form of an administrative template policy: values by definition, and in each the
//! values of its presentations by label; ids of neither.

use serde_json::{Map, Value};

use super::{Reading, tree};
use crate::group_policy::{PRESENTATIONS, VALUES, definition_id, definition_name, label, rename};
use crate::json;

/// Puts the values under what they are values of. Raw, a definition is known by its id in its own
/// tenant; by meaning, by its class, path and name.
pub(super) fn arrange(content: &mut Value, reading: Reading<'_>) {
    if let Reading::MeaningWith(_, overrides) = reading {
        rename(content, overrides);
    }
    let Value::Object(members) = content else {
        return;
    };
    let values = match members.remove(VALUES) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values,
        Some(arranged) => {
            members.insert(VALUES.to_owned(), arranged);
            return;
        }
    };
    let named = values.into_iter().map(|value| {
        let name = value.get("definition").map(|definition| match reading {
            Reading::Raw => definition_id(definition),
            Reading::Meaning(_) | Reading::MeaningWith(..) => definition_name(definition),
        });
        (name.unwrap_or_default(), node(value))
    });
    let arranged = by_name(named.collect());
    members.insert(VALUES.to_owned(), arranged);
}

/// One value as it is compared with another of the same definition.
pub(crate) fn definition_value(value: &Value) -> Value {
    let mut node = node(value.clone());
    tree::normalize(&mut node);
    node
}

fn node(value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    for name in ["id", "definition"] {
        members.remove(name);
    }
    if members.get("configurationType").and_then(Value::as_str) == Some("policy") {
        members.remove("configurationType");
    }
    if let Some(Value::Array(inner)) = members.remove(PRESENTATIONS)
        && !inner.is_empty()
    {
        let named = inner
            .into_iter()
            .map(|value| (label(&value).to_owned(), inner_node(value)));
        members.insert(PRESENTATIONS.to_owned(), by_name(named.collect()));
    }
    Value::Object(members)
}

fn inner_node(value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    for name in ["id", "presentation"] {
        members.remove(name);
    }
    Value::Object(members)
}

/// A repeated name gets a number.
fn by_name(mut named: Vec<(String, Value)>) -> Value {
    named.sort_by_cached_key(|(name, node)| (name.clone(), json::canonical(node)));
    let mut arranged = Map::new();
    for (name, node) in named {
        let mut unique = name.clone();
        let mut count = 1;
        while arranged.contains_key(&unique) {
            count += 1;
            unique = format!("{name}#{count}");
        }
        arranged.insert(unique, node);
    }
    Value::Object(arranged)
}
