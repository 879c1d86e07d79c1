//! Values of administrative templates: the one action that changes them, and reading them with the
//! definitions and presentations they are of.

use serde_json::{Map, Value, json};

use super::read::{self, find};
use super::{Call, Done};
use crate::answer::Refusal;
use crate::clock;
use crate::faults::Kind;
use crate::rules::{self, CollectionRule, Scene};
use crate::state::World;

/// `POST {item}/updateDefinitionValues`: all of it, or nothing.
pub(super) fn update(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let mut after = find(tenant, rule, id)?.clone();
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let sent = call.object()?;
        let standing = values(&after.body, rules::VALUES);
        let mut list = rules::judge_values(&scene, call.base, &standing, &sent)?;
        for twist in call.twists {
            if let Kind::DropSetting { path, name } = twist {
                let dropped = path.as_ref().or(name.as_ref());
                list.retain(|value| {
                    let stood = standing
                        .iter()
                        .any(|there| there.get("id") == value.get("id"));
                    stood || text(value, "definition").as_ref() != dropped
                });
            }
        }
        after
            .body
            .insert(rules::VALUES.to_owned(), Value::Array(list));
        let now = json!(clock::graph_time());
        after.body.insert("lastModifiedDateTime".to_owned(), now);
        (rule.complete)(&scene, &mut after);
        after
    };
    Ok(Done::updated(world.replace(tid, rule.key, changed)))
}

/// `GET {item}/definitionValues`, or below one of them `presentationValues`.
pub(super) fn list(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    (id, value): (&str, Option<&str>),
) -> Result<Done, Refusal> {
    let (expandable, segment) = match value {
        None => ("definition", rules::VALUES.to_owned()),
        Some(value) => (
            "presentation",
            format!("{}('{value}')/presentationValues", rules::VALUES),
        ),
    };
    if let Some(other) = call.query.expand.iter().find(|e| e.name != expandable) {
        return Err(Refusal::bad_request(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{}'.",
            other.name
        )));
    }
    let expands = call.query.expansion(expandable).is_some();
    let tenant = read::tenant(world, tid)?;
    let object = find(tenant, rule, id)?;
    let of_policy = values(&object.body, rules::VALUES);
    let items: Vec<Value> = match value {
        None => of_policy
            .into_iter()
            .map(|item| {
                let definition = text(&item, "definition")
                    .and_then(|id| rules::definition(tenant, &id))
                    .map(|mut definition| {
                        definition.remove("presentations");
                        Value::Object(definition)
                    });
                shown(item, expandable, definition.filter(|_| expands))
            })
            .collect(),
        Some(value) => {
            let owner = of_policy
                .iter()
                .find(|item| item.get("id").and_then(Value::as_str) == Some(value))
                .ok_or_else(|| Refusal::not_found(rule.family, rules::VALUES, value))?;
            let fields = text(owner, "definition")
                .and_then(|id| rules::definition(tenant, &id))
                .map(|definition| values(&definition, "presentations"))
                .unwrap_or_default();
            let owner = owner.as_object().cloned().unwrap_or_default();
            values(&owner, "presentationValues")
                .into_iter()
                .map(|item| {
                    let id = text(&item, "presentation").unwrap_or_default();
                    let field = fields
                        .iter()
                        .find(|field| field.get("id") == Some(&json!(id)))
                        .cloned();
                    shown(item, expandable, field.filter(|_| expands))
                })
                .collect()
        }
    };
    let path = format!("{}('{}')/{segment}", rule.path(), object.id);
    let size = call.query.top.unwrap_or(PAGE);
    let answer = read::page(call, &path, items, size, &read::context(call, &path));
    Ok(Done::read(answer))
}

/// Short, so that whoever reads one page only is found out.
const PAGE: usize = 3;

fn values(body: &Map<String, Value>, name: &str) -> Vec<Value> {
    body.get(name)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// The id of what a stored value is of.
fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.get("id")?.as_str().map(str::to_owned)
}

fn shown(mut item: Value, of: &str, expanded: Option<Value>) -> Value {
    if let Some(members) = item.as_object_mut() {
        members.remove(of);
        members.remove("presentationValues");
        members.insert(
            "lastModifiedDateTime".to_owned(),
            json!(clock::graph_time()),
        );
        if let Some(expanded) = expanded {
            members.insert(of.to_owned(), expanded);
        }
    }
    item
}
