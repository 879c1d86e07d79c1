//! Objects that stand there by nobody's request: loaded, or changed behind the caller's back.

use serde_json::{Map, Value, json};

use super::write::{new_id, stamp, storable};
use crate::rules::{CollectionRule, Scene};
use crate::schema::Schema;
use crate::state::{Object, World};

/// Stores an object without judging it: for loaders and for changes behind the caller's back.
pub(crate) fn insert_behind(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    id: Option<String>,
    mut sent: Map<String, Value>,
    assignments: Vec<Value>,
) -> Option<String> {
    let links = super::links::take(&mut sent);
    let object = {
        let tenant = world.tenant(tid)?;
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let dates: Vec<(String, Value)> = [
            "createdDateTime",
            "lastModifiedDateTime",
            "modifiedDateTime",
            "version",
        ]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), sent.get(name)?.clone())))
        .collect();
        let id = id.unwrap_or_else(|| new_id(tenant, rule, &sent));
        let mut object = Object {
            id,
            body: storable(sent, &[]),
            assignments,
            links,
            ..Object::default()
        };
        own_assignments(&world.schema, rule, &mut object);
        let kind = object.kind().unwrap_or(rule.entity).to_owned();
        stamp(&scene, &kind, &mut object.body, true);
        object.body.extend(dates);
        (rule.complete)(&scene, &mut object);
        object
    };
    let id = object.id.clone();
    world.keep(tid, rule, object, false);
    Some(id)
}

/// Gives assignments the ids the service would give them.
fn own_assignments(schema: &Schema, rule: &CollectionRule, object: &mut Object) {
    for members in object
        .assignments
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        let target = members.get("target").cloned().unwrap_or_default();
        let kind = target
            .get("@odata.type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = match target.get("groupId").and_then(Value::as_str) {
            Some(group) => group.to_lowercase(),
            None if kind.ends_with("allDevicesAssignmentTarget") => {
                super::actions::ALL_DEVICES.to_owned()
            }
            None => super::actions::ALL_USERS.to_owned(),
        };
        members.insert("id".to_owned(), json!(format!("{}_{key}", object.id)));
        let assign = rule.assign.as_ref();
        if assign.is_some_and(|assign| super::actions::tells_source(schema, assign)) {
            members.insert("source".to_owned(), json!("direct"));
            members.insert("sourceId".to_owned(), json!(object.id));
        }
    }
}
