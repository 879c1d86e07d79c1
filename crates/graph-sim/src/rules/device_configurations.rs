//! Device configuration profiles: secrets inside custom OMA settings.
//!
//! A stored secret reads as a mask with a reference id; only `getOmaSettingPlainTextValue` shows it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Scene;
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

/// What a masked text value reads as.
pub(crate) const MASK: &str = "****";
/// What a masked base64 value reads as.
pub(crate) const BASE64_MASK: &str = "PGEvPg==";

pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let bind = body.keys().find(|name| name.ends_with("@odata.bind"));
    if let Some(name) = bind
        && (write != Write::Create || scene.tenant.options.no_binds)
    {
        return Err(scene.refuse(format!("{name} is not served; set the link by its $ref.")));
    }
    let Some(Value::Array(settings)) = body.get("omaSettings") else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for setting in settings.iter().filter_map(Value::as_object) {
        let reference = setting
            .get("secretReferenceValueId")
            .and_then(Value::as_str);
        let known = reference
            .is_some_and(|id| before.is_some_and(|object| object.secrets.contains_key(id)));
        if reference.is_some() && (write == Write::Create || !known) {
            return Err(scene.refuse(format!(
                "SecretReferenceValueId invalid for {}.",
                if write == Write::Create {
                    "create"
                } else {
                    "update"
                }
            )));
        }
        if setting.get("isEncrypted") == Some(&Value::Bool(true)) && !known {
            return Err(scene.refuse("IsEncrypted is read-only and cannot be set."));
        }
        let uri = setting
            .get("omaUri")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if uri.is_empty() {
            return Err(scene.refuse("OmaUri must not be empty."));
        }
        if !seen.insert(uri) {
            return Err(scene.refuse(format!("OmaUri {uri} appears more than once.")));
        }
        if setting
            .get("displayName")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            return Err(scene.refuse("DisplayName of an OMA setting must not be empty."));
        }
        if setting.get("value").is_none_or(Value::is_null) {
            return Err(scene.refuse(format!("OMA setting {uri} has no value.")));
        }
    }
    Ok(())
}

fn is_text(setting: &Map<String, Value>) -> bool {
    setting
        .get("@odata.type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("String") || kind.ends_with("StringXml"))
}

pub(super) fn complete(scene: &Scene<'_>, object: &mut Object) {
    let encrypt = scene.tenant.options.encrypt_oma;
    let Some(Value::Array(settings)) = object.body.get_mut("omaSettings") else {
        return;
    };
    let earlier = std::mem::take(&mut object.secrets);
    let mut secrets = BTreeMap::new();
    for setting in settings.iter_mut().filter_map(Value::as_object_mut) {
        setting.entry("description").or_insert(Value::Null);
        let reference = setting
            .get("secretReferenceValueId")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let stored = reference.as_ref().and_then(|id| earlier.get(id).cloned());
        let value = setting
            .get("value")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let masked = matches!(value.as_deref(), Some(MASK | BASE64_MASK));
        let secret = setting.get("isEncrypted") == Some(&Value::Bool(true))
            || reference.is_some()
            || (encrypt && is_text(setting));
        if !secret {
            setting.insert("isEncrypted".to_owned(), json!(false));
            setting.insert("secretReferenceValueId".to_owned(), Value::Null);
            continue;
        }
        let id = reference.unwrap_or_else(|| Uuid::new_v4().to_string());
        let plain = match (masked, stored, value) {
            (true, Some(stored), _) => stored,
            (_, _, Some(value)) => value,
            (_, stored, None) => stored.unwrap_or_default(),
        };
        secrets.insert(id.clone(), plain);
        setting.insert("isEncrypted".to_owned(), json!(true));
        setting.insert("secretReferenceValueId".to_owned(), json!(id));
        let xml = setting
            .get("@odata.type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.ends_with("StringXml") || kind.ends_with("Base64"));
        setting.insert(
            "value".to_owned(),
            json!(if xml { BASE64_MASK } else { MASK }),
        );
    }
    object.secrets = secrets;
}

pub(super) fn present(_: &Tenant, object: &Object, body: &mut Map<String, Value>, _: bool) {
    if object.kind().is_some_and(|kind| kind.contains("WiFi")) && body.contains_key("preSharedKey")
    {
        let set = object
            .body
            .get("preSharedKey")
            .is_some_and(|value| !value.is_null())
            || object.body.get("preSharedKeyIsSet") == Some(&Value::Bool(true));
        body.insert("preSharedKey".to_owned(), Value::Null);
        if let Some(slot) = body.get_mut("preSharedKeyIsSet") {
            *slot = json!(set);
        }
    }
}

/// The plain value behind a reference id; base64 secrets are answered decoded, as the service does.
pub(crate) fn plain_text(object: &Object, reference: &str) -> Option<String> {
    let secret = object.secrets.get(reference)?;
    let settings = object.body.get("omaSettings").and_then(Value::as_array)?;
    let encoded = settings.iter().any(|setting| {
        setting
            .get("secretReferenceValueId")
            .and_then(Value::as_str)
            == Some(reference)
            && setting
                .get("@odata.type")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.ends_with("StringXml"))
    });
    if encoded {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(secret)
            .ok()?;
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    Some(secret.clone())
}
