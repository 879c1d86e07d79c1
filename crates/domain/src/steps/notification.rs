//! Localised messages of a notification template: one call per locale.
//!
//! A message can become the default but never stop being it; the one that takes over is written
//! first, and locales that the source does not have are removed last.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{StepError, StepKind, WriteStep, refuse, step};
use crate::policy_type::PolicyType;

const COLLECTION: &str = "localizedNotificationMessages";

struct Message {
    locale: String,
    subject: Value,
    text: Value,
    default: bool,
}

/// Messages of a new template.
pub(super) fn create(
    row: &PolicyType,
    content: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    for message in messages(content)? {
        steps.push(post(row, &message));
    }
    Ok(())
}

/// Messages of a template that stands.
pub(super) fn update(
    row: &PolicyType,
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
            None => steps.push(post(row, message)),
            Some(there) if differs(message, there) => {
                let mut patch = child(row, &there.locale, "message", "PATCH", StepKind::Replace);
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

fn post(row: &PolicyType, message: &Message) -> WriteStep {
    let kind = StepKind::CreateChild {
        collection: COLLECTION.to_owned(),
        key: "locale".to_owned(),
        value: message.locale.clone(),
    };
    step(
        row,
        &format!("message:{}", message.locale.to_ascii_lowercase()),
        kind,
        "POST",
        &format!("/{{item}}/{COLLECTION}"),
        Some(body(message, true)),
    )
}

/// A call on one message: its id is the template's and the locale.
fn child(row: &PolicyType, locale: &str, name: &str, method: &str, kind: StepKind) -> WriteStep {
    let locale = locale.to_ascii_lowercase();
    let mut step = step(row, &format!("{name}:{locale}"), kind, method, "", None);
    step.path = format!("{}/{{item}}/{COLLECTION}/{{item}}_{locale}", row.path);
    step.path_template = message_template(row);
    step
}

/// The path of one message with its variable parts named.
pub(super) fn message_template(row: &PolicyType) -> String {
    format!("{}/{{item}}/{COLLECTION}/{{item}}_{{locale}}", row.path)
}

/// The path of the messages with its variable part named.
pub(super) fn messages_template(row: &PolicyType) -> String {
    format!("{}/{{item}}/{COLLECTION}", row.path)
}
