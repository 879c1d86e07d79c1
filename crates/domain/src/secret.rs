//! Secrets never leave their policy: a keyed fingerprint or the word that it cannot be read stands
//! for them. Decides what the markers look like; where secrets stand is the registry's business.

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The key for secret fingerprints and its id. Debug shows neither.
#[derive(Clone)]
pub struct SecretKey {
    /// Names the key on every fingerprint.
    pub key_id: String,
    /// HMAC-SHA-256 key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// `{"$secret": {"key_id", "hmac"}}` for a secret that Graph returned in clear.
    pub fn fingerprint(&self, secret: &str) -> Value {
        // HMAC accepts a key of any length, so this cannot fail; the marker stays safe if it did.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return unreadable();
        };
        mac.update(secret.as_bytes());
        let hmac = crate::json::hex(&mac.finalize().into_bytes());
        json!({"$secret": {"key_id": self.key_id, "hmac": hmac}})
    }
}

/// The marker of a secret that Graph does not return.
pub fn unreadable() -> Value {
    json!({"$secret": {"state": "unreadable"}})
}

/// The marker of a value that belongs to its tenant alone (an onboarding blob).
pub fn tenant_specific() -> Value {
    json!({"$secret": {"state": "tenant_specific"}})
}

/// What Graph shows in place of an encrypted value (`<!>` in base64 for XML values).
pub(crate) fn is_masked(text: &str) -> bool {
    (!text.is_empty() && text.bytes().all(|byte| byte == b'*')) || text == "PGEvPg=="
}

/// The inside of a marker, when the value is one.
pub(crate) fn marker(value: &Value) -> Option<&Value> {
    let members = value.as_object()?;
    if members.len() != 1 {
        return None;
    }
    members.get("$secret")
}

/// One marker in a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// JSON Pointer.
    pub pointer: String,
    /// Whether it is a keyed fingerprint (else the secret is not known at all).
    pub comparable: bool,
    /// Whether it belongs to its tenant alone.
    pub tenant_specific: bool,
}

/// All markers of a value, in pointer order.
pub(crate) fn find(value: &Value) -> Vec<Found> {
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    found
}

fn collect(value: &Value, pointer: &str, found: &mut Vec<Found>) {
    if let Some(inside) = marker(value) {
        found.push(Found {
            pointer: pointer.to_owned(),
            comparable: inside.get("hmac").is_some(),
            tenant_specific: inside.get("state").and_then(Value::as_str) == Some("tenant_specific"),
        });
        return;
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &crate::json::below(pointer, index), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &crate::json::below(pointer, name), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_secrets_have_equal_fingerprints_under_one_key_only() {
        let key = |key_id: &str, key: &[u8]| SecretKey {
            key_id: key_id.to_owned(),
            key: key.to_vec(),
        };
        let first = key("k1", b"one");
        assert_eq!(first.fingerprint("pass"), first.fingerprint("pass"));
        assert_ne!(first.fingerprint("pass"), first.fingerprint("word"));
        assert_ne!(
            first.fingerprint("pass"),
            key("k2", b"two").fingerprint("pass")
        );
        assert!(!first.fingerprint("pass").to_string().contains("pass"));
        assert_eq!(format!("{first:?}"), "SecretKey(..)");
    }

    #[test]
    fn markers_are_found_wherever_they_stand() {
        let value = json!({"a": [{"value": unreadable()}], "b": tenant_specific()});
        let found = find(&value);
        let [first, second] = &found[..] else {
            unreachable!("two markers stand in the value")
        };
        assert_eq!(first.pointer, "/a/0/value");
        assert!(!first.comparable && !first.tenant_specific);
        assert!(second.tenant_specific);
    }
}
