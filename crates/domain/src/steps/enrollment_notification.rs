//! The calls on the templates of an enrolment notification: their texts, then their branding. They
//! go to templates that the service makes, whose ids the live notification tells.

use serde_json::{Map, Value, json};

use super::notification::{self, Place};
use super::{StepError, StepKind, WriteStep, refuse, step};
use crate::enrollment_notification::{
    BRANDING, COLLECTION, MESSAGES, TEMPLATES, asked_for, kind_of, of_kind, place_of, templates,
};
use crate::policy_type::PolicyType;

/// Path of one template with its variable part named.
pub(super) fn template_template() -> String {
    format!("{COLLECTION}/{{item}}")
}

/// The create body names the kinds of templates to make; the rest is written to them.
pub(super) fn shape(body: &mut Value) {
    let asked = asked_for(body);
    let first = templates(body).next();
    let branding = of_kind(body, "email")
        .or(first)
        .and_then(|template| template.get(BRANDING).cloned());
    let locale = first.and_then(default_locale);
    let Value::Object(members) = body else {
        return;
    };
    if asked.is_empty() {
        return;
    }
    members.insert(TEMPLATES.to_owned(), Value::Array(asked));
    members.insert(
        BRANDING.to_owned(),
        branding.unwrap_or_else(|| json!("none")),
    );
    if let Some(locale) = locale {
        members.insert("defaultLocale".to_owned(), locale);
    }
}

fn default_locale(template: &Value) -> Option<Value> {
    let messages = template.get(MESSAGES)?.as_array()?;
    let default = messages
        .iter()
        .find(|message| message.get("isDefault") == Some(&Value::Bool(true)));
    default.or(messages.first())?.get("locale").cloned()
}

/// Adds the calls; `target` is the reviewed content of a notification that stands.
pub(super) fn write(
    row: &PolicyType,
    content: &Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    check(content, target)?;
    for template in templates(content) {
        let kind = kind_of(template);
        let standing = target.and_then(|target| of_kind(target, kind));
        let place = place(kind);
        match standing {
            None => notification::create(row, &place, template, steps)?,
            Some(standing) => notification::update(row, &place, template, standing, steps)?,
        }
        let there = standing.and_then(|standing| standing.get(BRANDING));
        if let Some(branding) = template.get(BRANDING)
            && there != Some(branding)
        {
            let mut body = Map::new();
            body.insert(BRANDING.to_owned(), branding.clone());
            let name = format!("branding:{kind}");
            let mut step = step(
                row,
                &name,
                StepKind::Replace,
                "PATCH",
                "",
                Some(Value::Object(body)),
            );
            step.path = place.path;
            step.path_template = template_template();
            steps.push(step);
        }
    }
    Ok(())
}

/// The notification's own template of a kind.
pub(super) fn place(kind: &str) -> Place {
    Place {
        path: format!("{COLLECTION}/{}", place_of(kind)),
        template: template_template(),
        id: place_of(kind),
        prefix: format!("{kind}:"),
    }
}

/// Which ways a notification takes is settled when it is made, and a template nobody could read has
/// no texts to carry.
fn check(content: &Value, target: Option<&Value>) -> Result<(), StepError> {
    if templates(content).next().is_none() {
        return refuse(
            "invalid_for_create",
            format!(
                "/{TEMPLATES} of the source names no message template, so that there is no text to \
                 carry; open the notification there, save it and sync again."
            ),
        );
    }
    if let Some(template) = templates(content).find(|template| template.get(MESSAGES).is_none()) {
        return refuse(
            "invalid_for_create",
            format!(
                "/{TEMPLATES}/{} has no message template in the source yet; open the notification \
                 there, save it and sync again.",
                kind_of(template)
            ),
        );
    }
    let kinds = |content: &Value| -> Vec<String> {
        templates(content)
            .map(|template| kind_of(template).to_owned())
            .collect()
    };
    if let Some(target) = target
        && kinds(content) != kinds(target)
    {
        return refuse(
            "immutable_differs",
            format!(
                "/{TEMPLATES} differs (email, push) and cannot be changed in place; make a new \
                 notification in the target."
            ),
        );
    }
    Ok(())
}
