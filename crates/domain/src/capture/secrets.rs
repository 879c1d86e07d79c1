//! Where secrets stand, and what replaces them.

use serde_json::{Map, Value};

use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType, odata_type};
use crate::secret::{SecretKey, is_masked, marker, tenant_specific, unreadable};

/// Replaces every secret of a content by a marker.
pub(super) fn replace(row: &PolicyType, content: &mut Value, key: &SecretKey) {
    if row.adapter == Adapter::DeviceConfiguration {
        pattern::edit(content, "omaSettings[]", &mut |setting| {
            if let Value::Object(members) = setting {
                oma(members);
            }
        });
        mark_absent_keys(content);
    }
    if let Some(property) = row.catalog_tree()
        && let Some(settings) = content.get_mut(property)
    {
        catalog(settings, key);
    }
    for place in row.secrets {
        pattern::edit(content, place, &mut |value| {
            if let Value::String(text) = value
                && !text.is_empty()
            {
                *value = if is_masked(text) {
                    unreadable()
                } else {
                    key.fingerprint(text)
                };
            }
        });
    }
}

/// Graph masks an encrypted value and gives a tenant's own id for reading it.
fn oma(members: &mut Map<String, Value>) {
    let secret_id = members
        .remove("secretReferenceValueId")
        .is_some_and(|id| !id.is_null());
    let encrypted = members.get("isEncrypted") == Some(&Value::Bool(true));
    let masked = members
        .get("value")
        .and_then(Value::as_str)
        .is_some_and(is_masked);
    if (encrypted || (secret_id && masked))
        && members.get("value").is_none_or(|v| marker(v).is_none())
    {
        members.insert("value".to_owned(), unreadable());
    }
}

/// Keys of Wi-Fi and VPN profiles are answered as null whether they are set or not; what else the
/// profile says tells that one must be there.
fn mark_absent_keys(content: &mut Value) {
    let Value::Object(members) = content else {
        return;
    };
    let text = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let wifi = text("wiFiSecurityType");
    let by_key = wifi.contains("personal") || wifi == "wep";
    let is_set = members.get("preSharedKeyIsSet") == Some(&Value::Bool(true));
    let shared = text("authenticationMethod") == "sharedsecret";
    for (name, needed) in [("preSharedKey", by_key || is_set), ("sharedSecret", shared)] {
        if needed && members.get(name).is_none_or(Value::is_null) {
            members.insert(name.to_owned(), unreadable());
        }
    }
}

/// Secret values of a settings catalogue, and onboarding blobs that belong to one tenant.
fn catalog(value: &mut Value, key: &SecretKey) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| catalog(item, key)),
        Value::Object(members) => {
            let blob = members
                .get("settingDefinitionId")
                .and_then(Value::as_str)
                .is_some_and(is_onboarding_blob);
            if blob
                && let Some(Value::Object(simple)) = members.get_mut("simpleSettingValue")
                && simple.contains_key("value")
            {
                simple.remove("valueState");
                simple.insert("value".to_owned(), tenant_specific());
                return;
            }
            members
                .iter_mut()
                .for_each(|(_, member)| catalog(member, key));
            if odata_type(value) == "deviceManagementConfigurationSecretSettingValue" {
                secret_value(value, key);
            }
        }
        _ => {}
    }
}

fn secret_value(value: &mut Value, key: &SecretKey) {
    let Value::Object(members) = value else {
        return;
    };
    let state = members.remove("valueState");
    let plain = state.as_ref().and_then(Value::as_str) == Some("notEncrypted");
    let replaced = match members.get("value") {
        Some(known) if marker(known).is_some() => return,
        Some(Value::String(text)) if plain && !is_masked(text) => key.fingerprint(text),
        _ => unreadable(),
    };
    members.insert("value".to_owned(), replaced);
}

/// Definitions whose value onboards to, or offboards from, the Defender instance of one tenant.
fn is_onboarding_blob(definition: &str) -> bool {
    const PREFIX: &str = "device_vendor_msft_windowsadvancedthreatprotection_";
    definition
        .to_ascii_lowercase()
        .strip_prefix(PREFIX)
        .is_some_and(|rest| rest.starts_with("onboarding") || rest.starts_with("offboarding"))
}
