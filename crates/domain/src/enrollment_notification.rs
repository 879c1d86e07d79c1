//! What an enrolment notification is made of: for each way to reach people (email, push) a message
//! template, and its texts.
//!
//! The service makes the templates by itself, some moments after the notification, and the
//! notification names them by ids of its own tenant (`Email_{guid}`, `Push_{guid}`). Read whole, the
//! member with those names holds the templates themselves. Decides what is kept of them, which
//! template a call goes to and what a live notification may look like between two calls; sends
//! nothing.

use serde_json::{Map, Value, json};

use crate::policy_type::{Adapter, PolicyType};
use crate::steps::{StepKind, WriteStep};

/// Member with the names of the templates; read whole, with the templates.
pub const TEMPLATES: &str = "notificationTemplates";
/// Collection of all templates of a tenant.
pub const COLLECTION: &str = "/deviceManagement/notificationMessageTemplates";
/// Member of a template with its texts, and their collection below it.
pub const MESSAGES: &str = "localizedNotificationMessages";
/// Member of a template: what of the company is shown.
pub(crate) const BRANDING: &str = "brandingOptions";
/// Members of the notification that the service answers with the same words whatever was sent: the
/// templates say what holds.
pub const ECHOES: [&str; 4] = [
    BRANDING,
    "defaultLocale",
    "notificationMessageTemplateId",
    "templateType",
];
/// Stands for the id of a template that the service has not made yet.
const NOT_YET: &str = "00000000-0000-0000-0000-000000000000";

/// One name of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateName {
    /// `email` or `push`, in lower case.
    pub kind: String,
    /// Its id; `None` where the service has not made it yet.
    pub id: Option<String>,
}

/// Whether objects of the row have templates that are read beside them.
pub fn has_templates(row: &PolicyType) -> bool {
    row.adapter == Adapter::EnrollmentNotification
}

/// The names in an item as Graph answers it; `None` where one cannot be read.
pub fn names_of(item: &Value) -> Option<Vec<TemplateName>> {
    let names = match item.get(TEMPLATES) {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(names) => names.as_array()?,
    };
    names
        .iter()
        .map(|name| {
            let (kind, id) = name.as_str()?.split_once('_')?;
            let word = |text: &str, extra: &[u8]| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
            };
            (word(kind, b"") && word(id, b"-")).then(|| TemplateName {
                kind: kind.to_ascii_lowercase(),
                id: (id != NOT_YET).then(|| id.to_owned()),
            })
        })
        .collect()
}

/// A template as the notification holds it once read; without one, only that it is to come.
pub fn entry(name: &TemplateName, template: Option<(&Value, Vec<Value>)>) -> Value {
    let mut entry = Map::new();
    entry.insert("kind".to_owned(), json!(name.kind));
    if let Some(id) = &name.id {
        entry.insert("id".to_owned(), json!(id));
    }
    if let Some((template, messages)) = template {
        if let Some(branding) = template.get(BRANDING).filter(|value| !value.is_null()) {
            entry.insert(BRANDING.to_owned(), branding.clone());
        }
        entry.insert(MESSAGES.to_owned(), Value::Array(messages));
    }
    Value::Object(entry)
}

/// Brings what was read into order: templates by kind, and nothing beside them that only repeats.
pub(crate) fn settle(content: &mut Value) {
    let Value::Object(members) = content else {
        return;
    };
    let Some(Value::Array(templates)) = members.get_mut(TEMPLATES) else {
        return;
    };
    if templates.is_empty() {
        return;
    }
    templates.sort_by(|a, b| kind_of(a).cmp(kind_of(b)));
    for name in ECHOES {
        members.remove(name);
    }
}

/// The templates of a captured content.
pub(crate) fn templates(content: &Value) -> impl Iterator<Item = &Value> {
    let templates = content.get(TEMPLATES).and_then(Value::as_array);
    templates.into_iter().flatten()
}

/// `email` or `push`.
pub(crate) fn kind_of(template: &Value) -> &str {
    template
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The template of a kind.
pub(crate) fn of_kind<'c>(content: &'c Value, kind: &str) -> Option<&'c Value> {
    templates(content).find(|template| kind_of(template) == kind)
}

/// The texts of a template.
pub(crate) fn messages_of(template: &Value) -> Vec<&Value> {
    let messages = template.get(MESSAGES).and_then(Value::as_array);
    messages.into_iter().flatten().collect()
}

/// The body member that asks for templates of the kinds of a content.
pub(crate) fn asked_for(content: &Value) -> Vec<Value> {
    templates(content)
        .map(|template| json!(format!("{}_{NOT_YET}", kind_of(template))))
        .collect()
}

/// What stands in a path for the id of the notification's own template of a kind.
pub(crate) fn place_of(kind: &str) -> String {
    format!("{{template:{kind}}}")
}

/// The kind of template that a call goes to, where it goes to one.
fn goes_to(step: &WriteStep) -> Option<&str> {
    let (_, rest) = step.path.split_once("{template:")?;
    rest.split('}').next()
}

/// The call with the id of the template in its path, as the live notification names it. `None`: the
/// service has not made it.
pub fn with_template(step: &WriteStep, live: &Value) -> Option<WriteStep> {
    let Some(kind) = goes_to(step) else {
        return Some(step.clone());
    };
    let id = of_kind(live, kind)?.get("id")?.as_str()?;
    let mut step = step.clone();
    step.path = step.path.replace(&place_of(kind), id);
    Some(step)
}

/// Whether a call goes to a template of the notification.
pub fn goes_to_template(step: &WriteStep) -> bool {
    goes_to(step).is_some()
}

/// Whether a live notification has the text that a call makes.
pub fn has_message(step: &WriteStep, live: &Value) -> bool {
    let (Some(kind), StepKind::CreateChild { value, .. }) = (goes_to(step), &step.kind) else {
        return false;
    };
    of_kind(live, kind).is_some_and(|template| {
        let mut messages = messages_of(template).into_iter();
        messages.any(|message| locale_of(message).eq_ignore_ascii_case(value))
    })
}

fn locale_of(message: &Value) -> &str {
    message
        .get("locale")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Takes out of a content what is written after the notification itself: texts and branding.
pub fn without_texts(content: &mut Value) {
    let templates = content.get_mut(TEMPLATES).and_then(Value::as_array_mut);
    for template in templates.into_iter().flatten() {
        if let Value::Object(members) = template {
            members.remove(BRANDING);
            members.insert(MESSAGES.to_owned(), json!([]));
        }
    }
}

/// What the templates of a live notification may look like between two calls of its own subject: each
/// part as it was reviewed or as it is planned. `None` where the content has no templates.
pub fn between(reviewed: &Value, planned: &Value, live: &Value, fresh: bool) -> Option<Value> {
    let list = planned.get(TEMPLATES)?.as_array()?;
    let between = list.iter().map(|planned| {
        let kind = kind_of(planned);
        match (of_kind(reviewed, kind), of_kind(live, kind)) {
            (Some(was), Some(is)) if is.get("id").is_some() => one_between(was, planned, is, fresh),
            // Not there yet, or nobody's: the plan says what is missing.
            _ => planned.clone(),
        }
    });
    Some(between.collect())
}

fn one_between(was: &Value, will: &Value, is: &Value, fresh: bool) -> Value {
    let mut between = Map::new();
    between.insert("kind".to_owned(), json!(kind_of(will)));
    let branding = is.get(BRANDING);
    let known = branding == was.get(BRANDING) || branding == will.get(BRANDING);
    let branding = if fresh || known {
        branding
    } else {
        will.get(BRANDING)
    };
    if let Some(branding) = branding {
        between.insert(BRANDING.to_owned(), branding.clone());
    }
    let (was, will, is) = (messages_of(was), messages_of(will), messages_of(is));
    let mut messages: Vec<Value> = Vec::new();
    for message in &is {
        if says(&was, message) || says(&will, message) {
            messages.push((*message).clone());
        }
    }
    let has = |side: &[&Value], locale: &str| {
        let mut side = side.iter();
        side.any(|message| locale_of(message).eq_ignore_ascii_case(locale))
    };
    for message in &will {
        let locale = locale_of(message);
        let shown = messages
            .iter()
            .any(|shown| locale_of(shown).eq_ignore_ascii_case(locale));
        let pending = !has(&is, locale) && !has(&was, locale);
        if !shown && !pending {
            messages.push((*message).clone());
        }
    }
    between.insert(MESSAGES.to_owned(), Value::Array(messages));
    Value::Object(between)
}

/// Whether a side has the same text. Which one is the default moves by itself with each call.
fn says(side: &[&Value], message: &Value) -> bool {
    let same = |other: &&Value| {
        let equal = |name: &str| other.get(name) == message.get(name);
        locale_of(other).eq_ignore_ascii_case(locale_of(message))
            && equal("subject")
            && equal("messageTemplate")
    };
    side.iter().any(same)
}

#[cfg(test)]
#[path = "enrollment_notification_test.rs"]
mod enrollment_notification_test;
