//! Filters, scope tags, notification templates, and what every tenant has from its first day.

use serde_json::{Map, Value, json};

use super::Scene;
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

/// The built-in scope tag.
pub(crate) const DEFAULT_SCOPE_TAG: &str = "0";

/// Puts the built-in objects into a new tenant.
pub(crate) fn furnish(tenant: &mut Tenant) {
    super::enrollment::furnish(tenant);
    let mut put = |key: &'static str, id: &str, body: Value| {
        let body = body.as_object().cloned().unwrap_or_default();
        let object = Object {
            id: id.to_owned(),
            body,
            ..Object::default()
        };
        tenant.objects.entry(key).or_default().push(object);
    };
    put(
        "roleScopeTags",
        DEFAULT_SCOPE_TAG,
        json!({
            "displayName": "Default",
            "description": "Applied to every object that names no other scope tag.",
            "isBuiltIn": true,
        }),
    );
    let built_in = super::administration::built_in().into_iter();
    for (key, id, body) in built_in.chain(super::group_policy::built_in()) {
        put(key, &id, body);
    }
    let domains: Vec<Value> = tenant
        .domains
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": index == 1,
                "isInitial": index == 0,
                "name": name,
                "type": "Managed",
            })
        })
        .collect();
    let organization = json!({"displayName": tenant.name, "verifiedDomains": domains,
        "countryLetterCode": "US", "tenantType": "AAD", "createdDateTime": "2021-01-01T00:00:00Z"});
    let object = Object {
        id: tenant.id.clone(),
        body: organization.as_object().cloned().unwrap_or_default(),
        ..Object::default()
    };
    tenant.objects.insert("organization", vec![object]);
}

pub(super) fn judge_filter(
    scene: &Scene<'_>,
    _write: Write,
    body: &Map<String, Value>,
    _before: Option<&Object>,
) -> Result<(), Refusal> {
    if body
        .get("payloads")
        .and_then(Value::as_array)
        .is_some_and(|items| !items.is_empty())
    {
        return Err(scene.refuse("Payloads of an assignment filter cannot be written."));
    }
    let Some(rule) = body.get("rule").and_then(Value::as_str) else {
        return Ok(());
    };
    let mut depth = 0_i32;
    let mut quoted = false;
    for c in rule.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    let has_subject = rule.contains("device.") || rule.contains("app.");
    let has_operator = [
        "-eq",
        "-ne",
        "-contains",
        "-notContains",
        "-startsWith",
        "-in",
        "-notIn",
        "-notStartsWith",
        "-and",
        "-or",
    ]
    .iter()
    .any(|operator| rule.to_lowercase().contains(&operator.to_lowercase()));
    if depth != 0 || quoted || !has_subject || !has_operator {
        return Err(scene.refuse("The rule of the assignment filter has invalid syntax."));
    }
    Ok(())
}

pub(super) fn complete_filter(_: &Scene<'_>, object: &mut Object) {
    object
        .body
        .entry("assignmentFilterManagementType")
        .or_insert_with(|| json!("devices"));
    object.body.insert("payloads".to_owned(), json!([]));
}

pub(super) fn judge_scope_tag(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    if before.is_some_and(|object| object.id == DEFAULT_SCOPE_TAG) {
        return Err(scene.refuse("The built-in scope tag cannot be changed."));
    }
    let name = body.get("displayName").and_then(Value::as_str);
    let taken = name.is_some_and(|name| {
        scene.tenant.list("roleScopeTags").iter().any(|other| {
            other
                .text("displayName")
                .is_some_and(|text| text.eq_ignore_ascii_case(name))
                && before.is_none_or(|own| own.id != other.id)
        })
    });
    if write == Write::Create && taken {
        return Err(scene.refuse("A scope tag with the same name already exists."));
    }
    Ok(())
}

pub(super) fn complete_scope_tag(_: &Scene<'_>, object: &mut Object) {
    let built_in = object.id == DEFAULT_SCOPE_TAG;
    object.body.insert("isBuiltIn".to_owned(), json!(built_in));
}

pub(super) fn judge_template(
    scene: &Scene<'_>,
    _write: Write,
    body: &Map<String, Value>,
    _before: Option<&Object>,
) -> Result<(), Refusal> {
    if body.contains_key("localizedNotificationMessages") {
        return Err(scene.refuse(
            "Localized notification messages must be written through their own collection.",
        ));
    }
    Ok(())
}

/// The default locale is that of the message flagged as default.
pub(super) fn complete_template(_: &Scene<'_>, object: &mut Object) {
    let messages = object
        .body
        .get("localizedNotificationMessages")
        .and_then(Value::as_array);
    let locale = messages.and_then(|messages| {
        messages
            .iter()
            .find(|message| message.get("isDefault") == Some(&Value::Bool(true)))?
            .get("locale")
            .cloned()
    });
    let kept = object
        .body
        .get("defaultLocale")
        .cloned()
        .filter(|_| messages.is_none());
    object.body.insert(
        "defaultLocale".to_owned(),
        locale.or(kept).unwrap_or(Value::Null),
    );
}
