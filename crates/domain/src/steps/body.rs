//! Bodies of the calls that make or change the object itself.

use serde_json::{Map, Value};

use super::{
    StepError, StepInput, WriteStep, apps, catalog, compliance, conditional_access, default_object,
    device_configuration, enrollment_notification, links, managed_apps, parts,
};
use crate::canonical::left_behind;
use crate::device_preparation;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::{Adapter, PolicyType, UpdateVerb, known};
use crate::secret;
use crate::selection::Carry;

/// The body of a create: nulls left out, the service fills its defaults.
pub(super) fn create(row: &PolicyType, content: &Value) -> Result<Value, StepError> {
    let mut body = content.clone();
    for place in row.strip_create {
        pattern::remove(&mut body, place);
    }
    shape(row, &mut body);
    if row.adapter == Adapter::Compliance {
        compliance::require_one_rule(&mut body)?;
    }
    if row.adapter == Adapter::SettingsCompliance {
        compliance::name_rule(&mut body);
    }
    if row.adapter == Adapter::App {
        apps::shape_create(&mut body);
    }
    drop_nulls(&mut body);
    parts::drop_empty_service_app(row, &mut body);
    if row.adapter == Adapter::ConditionalAccess {
        conditional_access::drop_empty_lists(&mut body, None);
    }
    Ok(body)
}

/// The body of an update. PATCH: what the options leave alone is absent, what is to be cleared is
/// null. PUT: everything.
pub(super) fn update(
    input: &StepInput<'_>,
    content: &Value,
    target: &CapturedPolicy,
) -> Result<Value, StepError> {
    let row = input.row;
    if row.update == UpdateVerb::Put {
        let mut body = create(row, content)?;
        for place in row.strip_update {
            pattern::remove(&mut body, place);
        }
        return Ok(body);
    }
    let mut body = content.clone();
    for place in row.strip_update {
        pattern::remove(&mut body, place);
    }
    shape(row, &mut body);
    if row.adapter == Adapter::App {
        apps::shape_update(&mut body);
    }
    default_object::shape(row, &mut body, target);
    keep_standing_dates(row, &mut body, target);
    if let Value::Object(members) = &mut body {
        if let Some(property) = row.scope_tags
            && input.options.scope_tags == Carry::KeepTarget
        {
            members.remove(property);
        }
        // A secret that is proven equal stays where it is.
        members.retain(|name, value| {
            secret::marker(value).is_none_or(|inside| inside.get("hmac").is_none())
                || target.content.get(name) != Some(value)
        });
    }
    if row.adapter == Adapter::ConditionalAccess {
        conditional_access::drop_empty_lists(&mut body, Some(&target.content));
    }
    Ok(body)
}

/// A date that has passed stays as it is only if it is not sent again.
fn keep_standing_dates(row: &PolicyType, body: &mut Value, target: &CapturedPolicy) {
    let Value::Object(members) = body else {
        return;
    };
    for place in row.future_dates {
        let root = place.split('.').next().unwrap_or(place);
        if members.get(root).is_some() && members.get(root) == target.content.get(root) {
            members.remove(root);
        }
    }
}

fn shape(row: &PolicyType, body: &mut Value) {
    match row.adapter {
        Adapter::SettingsCatalog | Adapter::SettingsCompliance => catalog::shape(body),
        Adapter::DevicePreparation => {
            device_preparation::close_apps(body);
            catalog::shape(body);
        }
        Adapter::ReusableSetting => catalog::shape_instance(body),
        Adapter::App => links::strip(row, body),
        Adapter::DeviceConfiguration => {
            device_configuration::shape(row, body);
            links::strip(row, body);
        }
        Adapter::ConditionalAccess => conditional_access::shape(body),
        Adapter::ManagedApps => managed_apps::shape(row, body),
        Adapter::EnrollmentNotification => enrollment_notification::shape(body),
        Adapter::Plain
        | Adapter::GroupPolicy
        | Adapter::AuthenticationContext
        | Adapter::AuthenticationStrength
        | Adapter::Compliance
        | Adapter::NotificationTemplate => {}
    }
}

/// Makes the wanted content say outright what a merge has to clear: members that only the target
/// has become null (lists empty), other nulls go.
pub(super) fn clear(row: &PolicyType, wanted: &mut Value, target: &Value) {
    if let Value::Object(members) = &mut *wanted {
        let absent = |value: Option<&Value>| match value {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        // An empty text clears a description whether or not the type lets it be null.
        if absent(members.get("description")) {
            members.remove("description");
            if !absent(target.get("description")) {
                members.insert("description".to_owned(), Value::String(String::new()));
            }
        }
    }
    if row.update == UpdateVerb::Put {
        drop_nulls(wanted);
        return;
    }
    let mut target = target.clone();
    known::strip(row, &mut target);
    left_behind::strip(row, &mut target);
    let never = row
        .immutable
        .iter()
        .chain(row.strip_update)
        .chain(row.ignored);
    for place in never {
        pattern::remove(&mut target, place);
    }
    for (place, text) in row.defaults {
        if pattern::get(&target, place)
            .map(crate::json::canonical)
            .as_deref()
            == Some(*text)
        {
            pattern::remove(&mut target, place);
        }
    }
    for place in ["description"].into_iter().chain(row.scope_tags) {
        pattern::remove(&mut target, place);
    }
    clear_members(wanted, &target);
}

fn clear_members(wanted: &mut Value, target: &Value) {
    let Value::Object(members) = wanted else {
        return;
    };
    let standing = target.as_object();
    for (name, there) in standing.into_iter().flatten() {
        if says_nothing(there) || name.starts_with('@') {
            continue;
        }
        match members.get_mut(name) {
            None | Some(Value::Null) => {
                // Lists need not be nullable; an empty one is always allowed.
                let cleared = match there {
                    Value::Array(_) => Value::Array(Vec::new()),
                    _ => Value::Null,
                };
                members.insert(name.clone(), cleared);
            }
            Some(here) => {
                if here.get("@odata.type") == there.get("@odata.type") {
                    clear_members(here, there);
                } else {
                    drop_nulls(here);
                }
            }
        }
    }
    members.retain(|name, value| {
        let cleared = standing
            .and_then(|standing| standing.get(name))
            .is_some_and(|there| !says_nothing(there));
        if !cleared {
            drop_nulls(value);
        }
        cleared || !value.is_null()
    });
}

/// Drops an update that says only what stands there, where further calls do the rest.
pub(super) fn drop_idle_update(steps: &mut Vec<WriteStep>, target: &Value) {
    if steps.len() < 2 {
        return;
    }
    steps.retain(|step| {
        let says = step.body.as_ref().and_then(Value::as_object);
        let idle = step.name == "update"
            && says.is_some_and(|members| {
                members.iter().all(|(name, value)| {
                    target
                        .get(name)
                        .map_or(says_nothing(value), |there| there == value)
                })
            });
        !idle
    });
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
        _ => false,
    }
}

/// Drops null members at every depth; items of arrays stay.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members
                .iter_mut()
                .for_each(|(_, member)| drop_nulls(member));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The members of an object, or none.
pub(super) fn members(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.as_object_mut()
}
