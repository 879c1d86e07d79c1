//! Create, update, replace and delete of top-level objects.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::read::{self, entity_answer, find, present};
use super::{Call, Done, links};
use crate::answer::{Answer, Family, Refusal};
use crate::body;
use crate::check::{Check, Write};
use crate::clock;
use crate::faults::Kind;
use crate::journal::Effect;
use crate::rules::{CollectionRule, Scene};
use crate::schema::Version;
use crate::state::{Object, Tenant, World};

/// Judges a body against the schema and the rules, and answers the type it is of.
fn judge(
    scene: &Scene<'_>,
    version: Version,
    write: Write,
    sent: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<String, Refusal> {
    let rule = scene.rule;
    if rule.polymorphic && !sent.contains_key("@odata.type") {
        return Err(Refusal::bad_request(format!(
            "Must specify valid information for parsing in the string: the '@odata.type' \
             annotation is required for type 'microsoft.graph.{}'.",
            rule.entity
        )));
    }
    let check = Check {
        schema: scene.schema,
        version,
        own_id: match before {
            Some(object) => Some(object.id.as_str()),
            None => chosen_id(rule, sent),
        },
    };
    let kind = check
        .entity(sent, rule.entity)
        .map_err(|violation| Refusal::bad_request(violation.0))?;
    if let Some(before) = before {
        judge_identity(scene, &kind, sent, before)?;
    }
    if write == Write::Merge {
        for part in rule.parts.iter().filter(|part| !sees_itself(part.segment)) {
            if sent.contains_key(part.segment) {
                return Err(scene.refuse(format!(
                    "The navigation property '{}' cannot be updated with its owner.",
                    part.segment
                )));
            }
        }
        for name in rule.required {
            if matches!(sent.get(*name), Some(Value::Null)) {
                return Err(scene.refuse(format!("Property {name} must not be null.")));
            }
        }
    } else {
        for name in rule.required {
            let missing = match sent.get(*name) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => text.trim().is_empty(),
                Some(_) => false,
            };
            if missing {
                return Err(scene.refuse(format!("Property {name} is required.")));
            }
        }
    }
    if let Some(Value::String(name)) = sent.get(rule.name_property) {
        if name.trim().is_empty() {
            return Err(scene.refuse(format!(
                "Property {} must not be empty.",
                rule.name_property
            )));
        }
        if name.chars().count() > 256 {
            return Err(scene.refuse(format!("Property {} is too long.", rule.name_property)));
        }
    }
    judge_scope_tags(scene, sent)?;
    if rule.key == "conditionalAccessPolicies" && version == Version::V1 {
        crate::rules::refuse_preview(scene, sent)?;
    }
    (rule.judge)(scene, write, sent, before)?;
    Ok(kind)
}

/// Parts whose own rules word the refusal.
fn sees_itself(segment: &str) -> bool {
    matches!(
        segment,
        "settings" | "scheduledActionsForRule" | "localizedNotificationMessages"
    )
}

fn judge_identity(
    scene: &Scene<'_>,
    kind: &str,
    sent: &Map<String, Value>,
    before: &Object,
) -> Result<(), Refusal> {
    let rule = scene.rule;
    if rule.polymorphic && before.kind().is_some_and(|old| old != kind) {
        return Err(Refusal::bad_request(format!(
            "The type of an existing object cannot be changed to 'microsoft.graph.{kind}'."
        )));
    }
    for name in rule.immutable {
        if let Some(value) = sent.get(*name)
            && Some(value) != before.body.get(*name)
        {
            return Err(scene.refuse(format!("Property {name} cannot be changed.")));
        }
    }
    Ok(())
}

fn judge_scope_tags(scene: &Scene<'_>, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(property) = scene.rule.scope_tags else {
        return Ok(());
    };
    let tags = sent
        .get(property)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    for tag in tags {
        let known = tag
            .as_str()
            .is_some_and(|id| scene.tenant.has("roleScopeTags", id));
        if !known {
            return Err(scene.refuse(format!("Scope Tags validation failed : ScopeTags {tag}")));
        }
    }
    Ok(())
}

/// What is stored of a body: no annotations, no identity, no assignments.
pub(super) fn storable(mut sent: Map<String, Value>, twists: &[Kind]) -> Map<String, Value> {
    for twist in twists {
        if let Kind::DropSetting { path, name } = twist {
            drop_setting(
                &mut sent,
                path.as_deref().or(name.as_deref()).unwrap_or_default(),
            );
        }
    }
    let mut value = Value::Object(sent);
    body::strip_annotations(&mut value);
    let mut members = value.as_object().cloned().unwrap_or_default();
    for name in ["id", "assignments", "isAssigned", "settingCount"] {
        members.remove(name);
    }
    members
}

/// Silently forgets a property (dotted path) or a settings catalog setting (definition id).
fn drop_setting(sent: &mut Map<String, Value>, wanted: &str) {
    if let Some(Value::Array(settings)) = sent.get_mut("settings") {
        settings.retain(|setting| {
            body::at_path(setting, "settingInstance.settingDefinitionId").and_then(Value::as_str)
                != Some(wanted)
        });
    }
    if let Some(Value::Array(settings)) = sent.get_mut("omaSettings") {
        settings.retain(|setting| setting.get("omaUri").and_then(Value::as_str) != Some(wanted));
    }
    let mut steps: Vec<&str> = wanted.split('.').collect();
    let Some(last) = steps.pop() else { return };
    let mut current = sent;
    for step in steps {
        let Some(Value::Object(inner)) = current.get_mut(step) else {
            return;
        };
        current = inner;
    }
    current.remove(last);
}

/// Fills what the service fills on every write.
pub(super) fn stamp(scene: &Scene<'_>, kind: &str, body: &mut Map<String, Value>, first: bool) {
    let now = json!(clock::graph_time());
    let has = |name: &str| {
        scene
            .schema
            .find_property(kind, name, Version::Beta)
            .is_some()
    };
    if first && has("createdDateTime") {
        body.insert("createdDateTime".to_owned(), now.clone());
    }
    for name in ["lastModifiedDateTime", "modifiedDateTime"] {
        if has(name) {
            let value = if first && name == "modifiedDateTime" {
                Value::Null
            } else {
                now.clone()
            };
            body.insert(name.to_owned(), value);
        }
    }
    if scene
        .schema
        .find_property(kind, "version", Version::Beta)
        .is_some_and(|p| p.kind == "Int32")
    {
        let old = body.get("version").and_then(Value::as_i64).unwrap_or(0);
        body.insert("version".to_owned(), json!(if first { 1 } else { old + 1 }));
    }
    if let Some(property) = scene.rule.scope_tags {
        let empty = body
            .get(property)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty);
        if empty {
            body.insert(property.to_owned(), json!(["0"]));
        }
    }
}

/// The id of a new object where the caller chooses it.
fn chosen_id<'a>(rule: &CollectionRule, sent: &'a Map<String, Value>) -> Option<&'a str> {
    (rule.key == crate::rules::CONTEXTS)
        .then(|| sent.get("id")?.as_str())
        .flatten()
}

pub(super) fn new_id(tenant: &Tenant, rule: &CollectionRule, sent: &Map<String, Value>) -> String {
    if let Some(id) = chosen_id(rule, sent) {
        return id.to_owned();
    }
    if rule.key != "roleScopeTags" {
        return Uuid::new_v4().to_string();
    }
    let highest = tenant
        .list(rule.key)
        .iter()
        .filter_map(|tag| tag.id.parse::<u64>().ok())
        .max();
    (highest.unwrap_or(0) + 1).to_string()
}

pub(super) fn create(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
) -> Result<Done, Refusal> {
    create_at(world, tid, call, rule, None)
}

fn create_at(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: Option<&str>,
) -> Result<Done, Refusal> {
    let mut sent = call.object()?;
    if let Some(id) = id {
        sent.insert("id".to_owned(), json!(id));
    }
    let object = {
        let tenant = read::tenant(world, tid)?;
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let kind = judge(&scene, call.version, Write::Create, &sent, None)?;
        let links = links::bound(&scene, call, &kind, &mut sent)?;
        let mut object = Object {
            id: new_id(tenant, rule, &sent),
            links,
            body: storable(sent, call.twists),
            ..Object::default()
        };
        if rule.polymorphic {
            object.body.insert(
                "@odata.type".to_owned(),
                json!(format!("#microsoft.graph.{kind}")),
            );
        }
        stamp(&scene, &kind, &mut object.body, true);
        (rule.complete)(&scene, &mut object);
        object
    };
    let answer = {
        let tenant = read::tenant(world, tid)?;
        let mut shown = present(&world.schema, tenant, rule, &object, call, false);
        if call
            .twists
            .iter()
            .any(|twist| matches!(twist, Kind::CreatedWithoutId))
        {
            shown.remove("id");
        }
        entity_answer(call, rule, 201, shown)
    };
    let id = object.id.clone();
    let mut object = object;
    object.visible_at = call.twists.iter().find_map(|twist| match twist {
        Kind::DelayedVisibility { ms } => Some(Instant::now() + Duration::from_millis(*ms)),
        _ => None,
    });
    world.keep(tid, rule, object, true);
    Ok(Done {
        answer,
        effect: Effect::Created,
        object_id: Some(id),
    })
}

pub(super) fn update(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    if rule.key == crate::rules::CONTEXTS && find(read::tenant(world, tid)?, rule, id).is_err() {
        // Graph makes a context that does not exist: the PATCH of a free id is a create.
        return create_at(world, tid, call, rule, Some(id));
    }
    let write = if call.method == "PUT" {
        Write::Replace
    } else {
        Write::Merge
    };
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let before = find(tenant, rule, id)?;
        let sent = call.object()?;
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let kind = judge(&scene, call.version, write, &sent, Some(before))?;
        let sent = storable(sent, call.twists);
        let mut after = before.clone();
        after.body = if write == Write::Merge {
            body::merge(&before.body, &sent)
        } else {
            let mut whole = sent;
            for name in [
                "createdDateTime",
                "version",
                "creationSource",
                "scheduledActionsForRule",
                super::device_group::KEPT,
            ] {
                if let Some(value) = before.body.get(name) {
                    whole.insert(name.to_owned(), value.clone());
                }
            }
            whole
        };
        if let Some(kind) = before.body.get("@odata.type") {
            after.body.insert("@odata.type".to_owned(), kind.clone());
        }
        stamp(&scene, &kind, &mut after.body, false);
        (rule.complete)(&scene, &mut after);
        after
    };
    let answer = if write == Write::Replace || rule.family == Family::ConditionalAccess {
        Answer::empty(204)
    } else {
        let tenant = read::tenant(world, tid)?;
        let shown = present(&world.schema, tenant, rule, &changed, call, false);
        entity_answer(call, rule, 200, shown)
    };
    let id = world.replace(tid, rule.key, changed);
    Ok(Done {
        answer,
        effect: Effect::Updated,
        object_id: Some(id),
    })
}

pub(super) fn delete(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let id = {
        let tenant = read::tenant(world, tid)?;
        let object = find(tenant, rule, id)?;
        if rule.key == "roleScopeTags" && object.id == "0" {
            return Err(Refusal::by_service(
                rule.family,
                "The built-in scope tag cannot be deleted.",
            ));
        }
        if is_used(tenant, rule, &object.id) {
            return Err(Refusal::by_service(
                rule.family,
                format!(
                    "{} {} is in use and cannot be deleted.",
                    rule.entity, object.id
                ),
            ));
        }
        object.id.clone()
    };
    if let Some(tenant) = world.tenant_mut(tid) {
        tenant.list_mut(rule).retain(|object| object.id != id);
    }
    Ok(Done {
        answer: Answer::empty(204),
        effect: Effect::Deleted,
        object_id: Some(id),
    })
}

/// Whether anything else in the tenant mentions the object.
fn is_used(tenant: &Tenant, rule: &CollectionRule, id: &str) -> bool {
    let in_body = matches!(
        rule.key,
        "namedLocations" | "reusablePolicySettings" | "deviceComplianceScripts"
    );
    if !in_body && rule.key != "assignmentFilters" {
        return false;
    }
    let quoted = format!("\"{id}\"");
    tenant
        .objects
        .iter()
        .filter(|(key, _)| **key != rule.key)
        .any(|(_, objects)| {
            objects.iter().any(|object| {
                object
                    .assignments
                    .iter()
                    .any(|entry| entry.to_string().contains(&quoted))
                    || (in_body
                        && Value::Object(object.body.clone())
                            .to_string()
                            .contains(&quoted))
            })
        })
}
