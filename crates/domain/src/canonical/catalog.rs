//! The canonical tree of a settings catalogue policy: settings by definition, groups and value
//! lists as bags, template references and ids gone.
//!
//! The order of a value list means nothing unless the setting's definition says so, and no
//! definition is part of a policy: lists are compared as bags.

use serde_json::{Map, Value};

use super::tree::{canonical_number, is_guid};
use crate::json;

/// The settings by definition. One instance alone is a tree of one; anything else that is no array
/// is already a tree (or not one at all).
pub(super) fn tree(settings: Value) -> Value {
    let settings = match settings {
        Value::Array(settings) => settings,
        instance if instance.get("settingDefinitionId").is_some() => vec![instance],
        other => return other,
    };
    let instances = settings
        .into_iter()
        .map(|setting| match setting {
            Value::Object(mut members) => match members.remove("settingInstance") {
                Some(instance) => with_neighbours(instance, members),
                None => Value::Object(members),
            },
            other => other,
        })
        .collect();
    by_definition(instances)
}

/// What Graph may come to say beside an instance is part of the setting, and not hidden.
fn with_neighbours(mut instance: Value, neighbours: Map<String, Value>) -> Value {
    if let Value::Object(members) = &mut instance {
        for (name, value) in neighbours {
            if name != "id" && !name.starts_with('@') && !value.is_null() {
                members.entry(name).or_insert(value);
            }
        }
    }
    instance
}

/// Instances by their definition; a repeated definition (which Graph refuses) gets a number.
fn by_definition(instances: Vec<Value>) -> Value {
    let mut nodes: Vec<(String, Value)> = instances
        .into_iter()
        .filter(|instance| !instance.is_null())
        .map(|instance| {
            let definition = instance
                .get("settingDefinitionId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_ascii_lowercase();
            (definition, node(instance))
        })
        .collect();
    nodes.sort_by_cached_key(|(definition, node)| (definition.clone(), json::canonical(node)));
    let mut tree = Map::new();
    for (definition, node) in nodes {
        let mut name = definition.clone();
        let mut count = 1;
        while tree.contains_key(&name) {
            count += 1;
            name = format!("{definition}#{count}");
        }
        tree.insert(name, node);
    }
    Value::Object(tree)
}

/// One instance or value without what says nothing.
fn node(value: Value) -> Value {
    match value {
        Value::Object(members) if is_marker(&members) => Value::Object(members),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter_map(|(name, member)| Some((name.clone(), member_of(&name, member)?)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(node).collect()),
        Value::String(text) if is_guid(&text) => Value::String(text.to_ascii_lowercase()),
        Value::Number(number) => canonical_number(&number),
        other => other,
    }
}

fn member_of(name: &str, member: Value) -> Option<Value> {
    match (name, member) {
        (_, Value::Null)
        | ("settingDefinitionId" | "settingInstanceTemplateReference" | "@odata.type", _) => None,
        // Which version of the template a value came from says nothing; that the template's
        // default stands in place of the value does.
        ("settingValueTemplateReference", reference) => {
            let uses_default = reference.get("useTemplateDefault") == Some(&Value::Bool(true));
            uses_default.then_some(Value::Bool(true))
        }
        ("children", Value::Array(children)) => {
            (!children.is_empty()).then(|| by_definition(children))
        }
        (name, Value::Array(items)) if name.ends_with("CollectionValue") => {
            let mut items: Vec<Value> = items.into_iter().map(node).collect();
            json::sort_bag(&mut items);
            Some(Value::Array(items))
        }
        (_, member) => Some(node(member)),
    }
}

fn is_marker(members: &Map<String, Value>) -> bool {
    members.len() == 1 && (members.contains_key("$secret") || members.contains_key("ref"))
}
