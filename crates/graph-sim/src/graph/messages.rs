//! The localized messages of notification templates, written one by one.

use serde_json::{Map, Value, json};

use super::read::{self, find};
use super::{Call, Done};
use crate::answer::{Answer, Refusal};
use crate::body;
use crate::check::Check;
use crate::clock;
use crate::journal::Effect;
use crate::rules::{CollectionRule, Scene};
use crate::state::{Tenant, World};

/// The stored messages of a template.
fn messages(tenant: &Tenant, rule: &CollectionRule, id: &str) -> Result<Vec<Value>, Refusal> {
    let template = find(tenant, rule, id)?;
    Ok(template
        .body
        .get("localizedNotificationMessages")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default())
}

fn store_messages(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    id: &str,
    list: Vec<Value>,
) -> Result<(), Refusal> {
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let mut after = find(tenant, rule, id)?.clone();
        after.body.insert(
            "localizedNotificationMessages".to_owned(),
            Value::Array(list),
        );
        after.body.insert(
            "lastModifiedDateTime".to_owned(),
            json!(clock::graph_time()),
        );
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        (rule.complete)(&scene, &mut after);
        after
    };
    world.replace(tid, rule.key, changed);
    Ok(())
}

fn check_message(
    world: &World,
    call: &Call<'_>,
    own_id: Option<&str>,
    sent: &Map<String, Value>,
) -> Result<(), Refusal> {
    let check = Check {
        schema: &world.schema,
        version: call.version,
        own_id,
    };
    check
        .entity(sent, "localizedNotificationMessage")
        .map(|_| ())
        .map_err(|violation| Refusal::bad_request(violation.0))
}

fn locale_of(message: &Value) -> String {
    message
        .get("locale")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_lowercase()
}

/// Exactly one message is the default: the newest that says so.
fn settle_default(list: &mut [Value], chosen: &str) {
    for message in list.iter_mut() {
        let is_default = locale_of(message) == chosen.to_lowercase();
        if let Some(members) = message.as_object_mut() {
            members.insert("isDefault".to_owned(), json!(is_default));
        }
    }
}

pub(super) fn create(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let mut list = messages(read::tenant(world, tid)?, rule, id)?;
    let owner = find(read::tenant(world, tid)?, rule, id)?.id.clone();
    let sent = call.object()?;
    check_message(world, call, None, &sent)?;
    for name in ["locale", "subject", "messageTemplate"] {
        if sent
            .get(name)
            .and_then(Value::as_str)
            .is_none_or(|text| text.trim().is_empty())
        {
            return Err(Refusal::by_service(
                rule.family,
                format!("Property {name} is required."),
            ));
        }
    }
    let locale = sent
        .get("locale")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if list
        .iter()
        .any(|message| locale_of(message) == locale.to_lowercase())
    {
        return Err(Refusal::by_service(
            rule.family,
            format!("A message with the locale {locale} already exists."),
        ));
    }
    let mut message = Value::Object(sent);
    body::strip_annotations(&mut message);
    let message_id = format!("{owner}_{locale}");
    if let Some(members) = message.as_object_mut() {
        members.insert("id".to_owned(), json!(message_id));
        members.insert(
            "lastModifiedDateTime".to_owned(),
            json!(clock::graph_time()),
        );
        members.entry("isDefault").or_insert(json!(false));
    }
    let is_default = message.get("isDefault") == Some(&Value::Bool(true)) || list.is_empty();
    list.push(message);
    if is_default {
        settle_default(&mut list, &locale);
    }
    let shown = list.last().cloned().unwrap_or_default();
    store_messages(world, tid, rule, id, list)?;
    Ok(Done {
        answer: Answer::json(201, shown),
        effect: Effect::Created,
        object_id: Some(message_id),
    })
}

pub(super) fn update(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
    child: &str,
) -> Result<Done, Refusal> {
    let mut list = messages(read::tenant(world, tid)?, rule, id)?;
    let sent = call.object()?;
    check_message(world, call, Some(child), &sent)?;
    let slot = list
        .iter_mut()
        .find(|message| message.get("id").and_then(Value::as_str) == Some(child))
        .ok_or_else(|| Refusal::not_found(rule.family, "localizedNotificationMessage", child))?;
    if sent
        .get("locale")
        .is_some_and(|locale| Some(locale) != slot.get("locale"))
    {
        return Err(Refusal::by_service(
            rule.family,
            "The locale of a message cannot be changed.",
        ));
    }
    let was_default = slot.get("isDefault") == Some(&Value::Bool(true));
    if was_default && sent.get("isDefault") == Some(&Value::Bool(false)) {
        return Err(Refusal::by_service(
            rule.family,
            "isDefault cannot be set to false; set it to true on another message.",
        ));
    }
    let before = slot.as_object().cloned().unwrap_or_default();
    let mut merged = Value::Object(body::merge(&before, &sent));
    body::strip_annotations(&mut merged);
    if let Some(members) = merged.as_object_mut() {
        members.insert(
            "lastModifiedDateTime".to_owned(),
            json!(clock::graph_time()),
        );
    }
    let locale = locale_of(&merged);
    let becomes_default = merged.get("isDefault") == Some(&Value::Bool(true));
    *slot = merged.clone();
    if becomes_default {
        settle_default(&mut list, &locale);
    }
    store_messages(world, tid, rule, id, list)?;
    Ok(Done {
        answer: Answer::json(200, merged),
        effect: Effect::Updated,
        object_id: Some(child.to_owned()),
    })
}

pub(super) fn delete(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    id: &str,
    child: &str,
) -> Result<Done, Refusal> {
    let mut list = messages(read::tenant(world, tid)?, rule, id)?;
    let found = list
        .iter()
        .position(|message| message.get("id").and_then(Value::as_str) == Some(child))
        .ok_or_else(|| Refusal::not_found(rule.family, "localizedNotificationMessage", child))?;
    let message = list.remove(found);
    if message.get("isDefault") == Some(&Value::Bool(true)) {
        return Err(Refusal::by_service(
            rule.family,
            "The default message cannot be deleted.",
        ));
    }
    store_messages(world, tid, rule, id, list)?;
    Ok(Done {
        answer: Answer::empty(204),
        effect: Effect::Deleted,
        object_id: Some(child.to_owned()),
    })
}
