//! Enrolment notifications: the service makes their message templates by itself, some moments later,
//! under a name that no portal shows.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Scene;
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

/// The kind within the collection of enrolment configurations.
const KIND: &str = "deviceEnrollmentNotificationConfiguration";
const NAMES: &str = "notificationTemplates";
const TEMPLATES: &str = "notificationMessageTemplates";
/// What the service calls the templates that it makes.
const INTERNAL: &str = "EnrollmentNotificationInternalMEO";
const NOT_YET: &str = "00000000-0000-0000-0000-000000000000";
/// How long a fresh template is not found.
const DELAY: Duration = Duration::from_millis(400);

fn names(body: &Map<String, Value>) -> Vec<&str> {
    super::strings(body, NAMES)
}

/// A create asks for templates by a way to reach people and the empty id; afterwards they are what
/// they are.
pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    if write == Write::Create {
        for member in ["platformType", NAMES] {
            if body.get(member).is_none_or(Value::is_null) {
                return Err(scene.refuse(format!("Property {member} is required.")));
            }
        }
        let asked = names(body);
        let known = |name: &&str| {
            name.split_once('_').is_some_and(|(kind, id)| {
                id == NOT_YET && ["email", "push"].contains(&kind.to_lowercase().as_str())
            })
        };
        if asked.is_empty() || !asked.iter().all(known) {
            return Err(scene.refuse("A notification template is not valid."));
        }
        return Ok(());
    }
    let own = before.map(|object| names(&object.body)).unwrap_or_default();
    if body.contains_key(NAMES) && names(body) != own {
        return Err(scene.refuse("Notification templates cannot be replaced."));
    }
    Ok(())
}

/// Whether an object of the collection is a notification.
pub(super) fn is(kind: &str) -> bool {
    kind == KIND
}

/// Names the templates to come, and answers what the service always answers beside them.
pub(super) fn complete(object: &mut Object) {
    let named: Vec<Value> = names(&object.body)
        .into_iter()
        .map(|name| {
            let (kind, id) = name.split_once('_').unwrap_or((name, NOT_YET));
            let mut letters = kind.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            let kind: String = first.into_iter().chain(letters).collect();
            if id == NOT_YET {
                json!(format!("{kind}_{}", Uuid::new_v4()))
            } else {
                json!(format!("{kind}_{id}"))
            }
        })
        .collect();
    for (name, value) in [
        (NAMES, Value::Array(named)),
        ("brandingOptions", json!("none")),
        ("defaultLocale", Value::Null),
        ("notificationMessageTemplateId", json!(NOT_YET)),
        ("templateType", json!("0")),
        (
            "deviceEnrollmentConfigurationType",
            json!("enrollmentNotificationsConfiguration"),
        ),
    ] {
        object.body.insert(name.to_owned(), value);
    }
}

/// The templates that a stored object names and the tenant does not have.
pub(crate) fn companions(
    tenant: &Tenant,
    object: &Object,
    delayed: bool,
) -> Vec<(&'static str, Object)> {
    if object.kind() != Some(KIND) {
        return Vec::new();
    }
    let missing = names(&object.body)
        .into_iter()
        .filter_map(|name| name.split_once('_').map(|(_, id)| id))
        .filter(|id| !tenant.has(TEMPLATES, id));
    missing
        .map(|id| {
            let body = json!({"displayName": INTERNAL, "description": null, "defaultLocale": null,
                "brandingOptions": "none", "roleScopeTagIds": ["0"],
                "localizedNotificationMessages": []});
            let template = Object {
                id: id.to_owned(),
                body: body.as_object().cloned().unwrap_or_default(),
                visible_at: delayed.then(|| Instant::now() + DELAY),
                ..Object::default()
            };
            (TEMPLATES, template)
        })
        .collect()
}
