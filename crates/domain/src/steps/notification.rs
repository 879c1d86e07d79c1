//! Localised messages of a notification template: one call per locale.
//!
//! A message can become the default but never stop being it; the one that takes over is written
//! first, and locales that the source does not have are removed last.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{StepError, StepKind, WriteStep, refuse, step};
use crate::policy_type::PolicyType;

const COLLECTION: &str = "localizedNotificationMessages";

/// The template that messages belong to.
pub(super) struct Place {
    /// Its path.
    pub(super) path: String,
    /// The same with its variable part named.
    pub(super) template: String,
    /// What stands for its id in the ids of its messages.
    pub(super) id: String,
    /// What the names of steps say before the locale.
    pub(super) prefix: String,
}

/// The object of a row itself.
pub(super) fn itself(row: &PolicyType) -> Place {
    Place {
        path: format!("{}/{{item}}", row.path),
        template: format!("{}/{{item}}", row.path),
        id: "{item}".to_owned(),
        prefix: String::new(),
    }
}

struct Message {
    locale: String,
    subject: Value,
    text: Value,
    default: bool,
}

/// Messages of a new template.
pub(super) fn create(
    row: &PolicyType,
    place: &Place,
    content: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    for message in messages(content)? {
        steps.push(post(row, place, &message));
    }
    Ok(())
}

/// Messages of a template that stands.
pub(super) fn update(
    row: &PolicyType,
    place: &Place,
    content: &Value,
    target: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    let standing: BTreeMap<String, Message> = messages(target)?
        .into_iter()
        .map(|message| (message.locale.to_ascii_lowercase(), message))
        .collect();
    let wanted = messages(content)?;
    for message in &wanted {
        match standing.get(&message.locale.to_ascii_lowercase()) {
            None => steps.push(post(row, place, message)),
            Some(there) if differs(message, there) => {
                let mut patch = child(
                    row,
                    place,
                    &there.locale,
                    "message",
                    "PATCH",
                    StepKind::Replace,
                );
                patch.body = Some(body(message, false));
                steps.push(patch);
            }
            Some(_) => {}
        }
    }
    for (locale, there) in &standing {
        let kept = wanted
            .iter()
            .any(|message| message.locale.eq_ignore_ascii_case(locale));
        if !kept {
            steps.push(child(
                row,
                place,
                &there.locale,
                "delete_message",
                "DELETE",
                StepKind::DeleteChild,
            ));
        }
    }
    Ok(())
}

fn differs(wanted: &Message, there: &Message) -> bool {
    wanted.subject != there.subject
        || wanted.text != there.text
        || (wanted.default && !there.default)
}

/// The messages, the default first, then by locale.
fn messages(content: &Value) -> Result<Vec<Message>, StepError> {
    let mut found = Vec::new();
    for item in content
        .get(COLLECTION)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let locale = item
            .get("locale")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let usable = !locale.is_empty()
            && locale.len() <= 35
            && locale
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !usable {
            return refuse(
                "invalid_for_create",
                format!("/{COLLECTION} holds a message without a usable locale."),
            );
        }
        found.push(Message {
            locale: locale.to_owned(),
            subject: item.get("subject").cloned().unwrap_or(Value::Null),
            text: item.get("messageTemplate").cloned().unwrap_or(Value::Null),
            default: item.get("isDefault") == Some(&Value::Bool(true)),
        });
    }
    found.sort_by(|a, b| (!a.default, &a.locale).cmp(&(!b.default, &b.locale)));
    Ok(found)
}

fn body(message: &Message, with_locale: bool) -> Value {
    let mut body = Map::new();
    if with_locale {
        body.insert("locale".to_owned(), Value::String(message.locale.clone()));
    }
    body.insert("subject".to_owned(), message.subject.clone());
    body.insert("messageTemplate".to_owned(), message.text.clone());
    if message.default {
        body.insert("isDefault".to_owned(), Value::Bool(true));
    }
    Value::Object(body)
}

fn post(row: &PolicyType, place: &Place, message: &Message) -> WriteStep {
    let kind = StepKind::CreateChild {
        collection: COLLECTION.to_owned(),
        key: "locale".to_owned(),
        value: message.locale.clone(),
    };
    let locale = message.locale.to_ascii_lowercase();
    let mut step = step(
        row,
        &format!("message:{}{locale}", place.prefix),
        kind,
        "POST",
        "",
        Some(body(message, true)),
    );
    step.path = format!("{}/{COLLECTION}", place.path);
    step.path_template = messages_template(place);
    step
}

/// A call on one message: its id is the template's and the locale.
fn child(
    row: &PolicyType,
    place: &Place,
    locale: &str,
    name: &str,
    method: &str,
    kind: StepKind,
) -> WriteStep {
    let locale = locale.to_ascii_lowercase();
    let name = format!("{name}:{}{locale}", place.prefix);
    let mut step = step(row, &name, kind, method, "", None);
    step.path = format!("{}/{COLLECTION}/{}_{locale}", place.path, place.id);
    step.path_template = message_template(place);
    step
}

/// The path of one message with its variable parts named.
fn message_template(place: &Place) -> String {
    format!("{}/{COLLECTION}/{{item}}_{{locale}}", place.template)
}

/// The path of the messages with its variable part named.
fn messages_template(place: &Place) -> String {
    format!("{}/{COLLECTION}", place.template)
}

/// Every call on the messages of a template at this path.
pub(super) fn templates(place: &Place) -> [(&'static str, String); 3] {
    [
        ("POST", messages_template(place)),
        ("PATCH", message_template(place)),
        ("DELETE", message_template(place)),
    ]
}
