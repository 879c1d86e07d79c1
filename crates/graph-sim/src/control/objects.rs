//! Raw objects: read whole, created, changed and removed without any rule.

use serde_json::{Map, Value, json};

use super::{Misuse, read};
use crate::body;
use crate::graph::{insert_behind, shown_links};
use crate::pipeline::Request;
use crate::query::decode_pairs;
use crate::rules;
use crate::state::{Object, World};

/// Merges a patch into a stored object; `assignments` replaces the assignments.
pub(crate) fn patch_object(object: &mut Object, patch: &Map<String, Value>) {
    let mut patch = patch.clone();
    if let Some(Value::Array(assignments)) = patch.remove("assignments") {
        object.assignments = assignments;
    }
    if let Some(links) = patch.remove("links") {
        object.links = serde_json::from_value(links).unwrap_or_default();
    }
    patch.remove("id");
    object.body = body::merge(&object.body, &patch);
}

fn raw(object: &Object) -> Value {
    let mut shown = object.body.clone();
    shown.insert("id".to_owned(), json!(object.id));
    shown.insert("assignments".to_owned(), json!(object.assignments));
    if let Some(links) = shown_links(object) {
        shown.insert("links".to_owned(), links);
    }
    Value::Object(shown)
}

pub(super) fn route(
    world: &mut World,
    request: &Request,
    tid: &str,
    segments: &[&str],
) -> Result<Value, Misuse> {
    let rule = |key: &str| rules::by_key(key).ok_or_else(|| Misuse::unknown("this collection"));
    match (request.method.as_str(), segments) {
        ("GET", []) => {
            let wanted = decode_pairs(&request.query)
                .into_iter()
                .find(|(name, _)| name == "collection")
                .map(|(_, value)| value);
            let tenant = world
                .tenant(tid)
                .ok_or_else(|| Misuse::unknown("this tenant"))?;
            let Some(key) = wanted else {
                let all: Map<String, Value> = tenant
                    .objects
                    .iter()
                    .map(|(key, objects)| {
                        (
                            (*key).to_owned(),
                            objects.iter().map(raw).collect::<Value>(),
                        )
                    })
                    .collect();
                return Ok(Value::Object(all));
            };
            rule(&key)?;
            let items: Vec<Value> = tenant.list(&key).iter().map(raw).collect();
            Ok(json!({ "items": items }))
        }
        ("POST", [key]) => {
            let rule = rule(key)?;
            let mut sent: Map<String, Value> = read(request)?;
            let id = sent
                .remove("id")
                .and_then(|id| id.as_str().map(str::to_owned));
            let assignments = match sent.remove("assignments") {
                Some(Value::Array(assignments)) => assignments,
                _ => Vec::new(),
            };
            let id = insert_behind(world, tid, rule, id, sent, assignments)
                .ok_or_else(|| Misuse::unknown("this tenant"))?;
            Ok(json!({ "id": id }))
        }
        ("PATCH", [key, id]) => {
            let rule = rule(key)?;
            let patch: Map<String, Value> = read(request)?;
            let object = world
                .tenant_mut(tid)
                .and_then(|tenant| tenant.find_mut(rule.key, id))
                .ok_or_else(|| Misuse::unknown("this object"))?;
            patch_object(object, &patch);
            Ok(raw(object))
        }
        ("DELETE", [key, id]) => {
            let rule = rule(key)?;
            let tenant = world
                .tenant_mut(tid)
                .ok_or_else(|| Misuse::unknown("this tenant"))?;
            let list = tenant.list_mut(rule);
            let before = list.len();
            list.retain(|object| !object.id.eq_ignore_ascii_case(id));
            if list.len() == before {
                Err(Misuse::unknown("this object"))
            } else {
                Ok(json!({}))
            }
        }
        _ => Err(Misuse::unknown("this control endpoint")),
    }
}
