//! Reads the message templates of an enrolment notification, with their texts, as part of its item.
//!
//! The notification names them; each is read on its own. A template that the service has not made yet
//! is said to be missing; one that is named and not found makes the object unreadable for now. It
//! never counts as "no texts".

use domain::enrollment_notification::{self, COLLECTION, MESSAGES, TEMPLATES, TemplateName};
use domain::policy_type::PolicyType;
use serde_json::Value;

use crate::provider::Reader;
use crate::read_policy::{encode, read_all};
use crate::read_problem::ReadProblem;

/// Puts the templates in the place of their names.
pub(crate) async fn learn(
    reader: &Reader,
    row: &PolicyType,
    item: &mut Value,
) -> Result<(), ReadProblem> {
    if !enrollment_notification::has_templates(row) {
        return Ok(());
    }
    let names = enrollment_notification::names_of(item).ok_or_else(|| ReadProblem::Unusable {
        code: "notification_template_unreadable",
        message: format!("/{TEMPLATES} names a message template in a way that is not known."),
    })?;
    let mut templates = Vec::new();
    for name in &names {
        templates.push(read_template(reader, row, name).await?);
    }
    if let (Value::Object(members), false) = (item, templates.is_empty()) {
        members.insert(TEMPLATES.to_owned(), Value::Array(templates));
    }
    Ok(())
}

async fn read_template(
    reader: &Reader,
    row: &PolicyType,
    name: &TemplateName,
) -> Result<Value, ReadProblem> {
    let Some(id) = &name.id else {
        return Ok(enrollment_notification::entry(name, None));
    };
    let path = format!("{COLLECTION}/{}", encode(id));
    let template = reader
        .get(row.family, reader.version_of(row), &path)
        .await
        .map_err(not_there_yet)?;
    let messages = read_all(reader, row, &format!("{path}/{MESSAGES}"))
        .await
        .map_err(not_there_yet)?;
    Ok(enrollment_notification::entry(
        name,
        Some((&template, messages)),
    ))
}

/// The service makes a template some moments after the notification that names it.
fn not_there_yet(problem: ReadProblem) -> ReadProblem {
    match problem {
        ReadProblem::NotFound => ReadProblem::Unavailable {
            code: "notification_template_missing",
            message: "Graph does not show a message template that the notification names."
                .to_owned(),
        },
        other => other,
    }
}
