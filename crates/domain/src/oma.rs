//! Encrypted OMA-URI values: where a raw object has them, what stands for them, and how a body gets
//! them back. Decides what a marker may be filled with; never fetches or keeps a value itself.
//!
//! Graph masks such a value and hands out its plain text by `getOmaSettingPlainTextValue` to who may
//! write device configurations (the documentation asks for less than the service does).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::policy_type::odata_type;
use crate::secret::{self, SecretKey};

const SETTINGS: &str = "omaSettings";
const REFERENCE: &str = "secretReferenceValueId";

/// One encrypted setting of a raw object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// Position in `omaSettings`.
    pub position: usize,
    /// Its key within the object.
    pub oma_uri: String,
    /// What Graph calls the value.
    pub reference_id: String,
}

/// The encrypted settings of an object as Graph answers it.
pub fn encrypted(item: &Value) -> Vec<Encrypted> {
    let settings = item.get(SETTINGS).and_then(Value::as_array);
    let text = |setting: &Value, name: &str| setting.get(name)?.as_str().map(str::to_owned);
    settings
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, setting)| setting.get("isEncrypted") == Some(&Value::Bool(true)))
        .filter_map(|(position, setting)| {
            Some(Encrypted {
                position,
                oma_uri: text(setting, "omaUri")?,
                reference_id: text(setting, REFERENCE)?,
            })
        })
        .collect()
}

/// Puts the keyed fingerprint of a plain text in the place of the mask.
pub fn put_fingerprint(item: &mut Value, position: usize, plain: &str, key: &SecretKey) {
    let setting = item
        .get_mut(SETTINGS)
        .and_then(|settings| settings.get_mut(position))
        .and_then(Value::as_object_mut);
    if let Some(members) = setting {
        members.insert("value".to_owned(), key.fingerprint(plain));
    }
}

/// One place of a body that waits for a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Position in `omaSettings`.
    pub position: usize,
    /// Its key within the object.
    pub oma_uri: String,
    /// The reviewed fingerprint.
    pub marker: Value,
}

/// The places of a body, or of a captured content, that a plain text can fill.
pub fn open(body: &Value) -> Vec<Open> {
    let settings = body.get(SETTINGS).and_then(Value::as_array);
    settings
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(position, setting)| {
            let marker = setting.get("value")?;
            secret::marker(marker)?.get("hmac")?;
            Some(Open {
                position,
                oma_uri: setting.get("omaUri")?.as_str()?.to_owned(),
                marker: marker.clone(),
            })
        })
        .collect()
}

/// Hides, in a raw object, the values that were written as secrets and are answered in clear: a
/// service that does not encrypt them makes them no less secret.
pub fn conceal(item: &mut Value, expected: &Value, key: &SecretKey) {
    let secrets: BTreeSet<String> = open(expected).into_iter().map(|o| o.oma_uri).collect();
    if secrets.is_empty() {
        return;
    }
    let settings = item.get_mut(SETTINGS).and_then(Value::as_array_mut);
    for setting in settings.into_iter().flatten() {
        let known = setting
            .get("omaUri")
            .and_then(Value::as_str)
            .is_some_and(|uri| secrets.contains(uri));
        let xml = odata_type(setting) == "omaSettingStringXml";
        let (true, Some(members)) = (known, setting.as_object_mut()) else {
            continue;
        };
        let plain = match members.get("value") {
            Some(Value::String(text)) if secret::is_masked(text) => continue,
            Some(Value::String(text)) if xml => STANDARD
                .decode(text)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .unwrap_or_else(|| text.clone()),
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => continue,
        };
        members.insert("value".to_owned(), key.fingerprint(&plain));
    }
}

/// Whether a pointer is the value of an OMA setting.
pub(crate) fn is_value(pointer: &str) -> bool {
    pointer
        .strip_prefix("/omaSettings/")
        .and_then(|rest| rest.strip_suffix("/value"))
        .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Puts a plain text in its place, in the form the setting's type wants: XML goes as base64,
/// numbers and truth values as such. `false` when it does not fit; the text is in no message.
#[must_use]
pub fn fill(body: &mut Value, position: usize, plain: &str) -> bool {
    let setting = body
        .get_mut(SETTINGS)
        .and_then(|settings| settings.get_mut(position));
    let Some(setting) = setting else {
        return false;
    };
    let value = match odata_type(setting) {
        "omaSettingStringXml" => Value::String(STANDARD.encode(plain)),
        // Whether Graph answers these encoded or not is not documented: a guess could break them.
        "omaSettingBase64" => return false,
        "omaSettingInteger" => match plain.trim().parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => return false,
        },
        "omaSettingFloatingPoint" => match plain.trim().parse::<f64>() {
            Ok(number) => Value::from(number),
            Err(_) => return false,
        },
        "omaSettingBoolean" => match plain.trim().to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return false,
        },
        _ => Value::String(plain.to_owned()),
    };
    let Some(members) = setting.as_object_mut() else {
        return false;
    };
    members.insert("value".to_owned(), value);
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> SecretKey {
        SecretKey {
            key_id: "k".to_owned(),
            key: b"key".to_vec(),
        }
    }

    #[test]
    fn a_value_becomes_a_fingerprint_and_a_body_gets_it_back() {
        let mut item = json!({"omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "./a", "value": "plain"},
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "./b", "value": "****",
             "isEncrypted": true, "secretReferenceValueId": "r"},
        ]});
        let found = encrypted(&item);
        let [only] = &found[..] else {
            unreachable!("one is encrypted")
        };
        assert_eq!((only.position, only.oma_uri.as_str()), (1, "./b"));
        put_fingerprint(&mut item, only.position, "geheim", &key());
        assert!(!item.to_string().contains("geheim"));
        let places = open(&item);
        assert_eq!(places.len(), 1);
        assert!(
            places
                .iter()
                .all(|place| place.marker == key().fingerprint("geheim"))
        );
        assert!(fill(&mut item, 1, "geheim"));
        assert_eq!(item.pointer("/omaSettings/1/value"), Some(&json!("geheim")));
    }

    #[test]
    fn each_type_of_setting_takes_its_own_form_or_refuses() {
        let body = |kind: &str| json!({"omaSettings": [{"@odata.type": format!("#microsoft.graph.{kind}"), "omaUri": "./a"}]});
        for (kind, plain, wanted) in [
            ("omaSettingStringXml", "<b/>", Some(json!("PGIvPg=="))),
            ("omaSettingInteger", "7", Some(json!(7))),
            ("omaSettingInteger", "seven", None),
            ("omaSettingBoolean", "True", Some(json!(true))),
            ("omaSettingBoolean", "1", None),
            ("omaSettingString", "x", Some(json!("x"))),
        ] {
            let mut body = body(kind);
            assert_eq!(
                fill(&mut body, 0, plain),
                wanted.is_some(),
                "{kind} {plain}"
            );
            assert_eq!(
                body.pointer("/omaSettings/0/value"),
                wanted.as_ref(),
                "{kind} {plain}"
            );
        }
        assert!(!fill(&mut json!({}), 0, "x"));
    }

    #[test]
    fn what_was_written_as_a_secret_is_hidden_even_where_it_is_answered_in_clear() {
        let expected = json!({"omaSettings": [
            {"omaUri": "./a", "value": key().fingerprint("geheim")},
            {"omaUri": "./x", "value": key().fingerprint("<b/>")},
        ]});
        let mut item = json!({"omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "./a", "value": "geheim"},
            {"@odata.type": "#microsoft.graph.omaSettingStringXml", "omaUri": "./x", "value": STANDARD.encode("<b/>")},
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "./b", "value": "open"},
        ]});
        conceal(&mut item, &expected, &key());
        for (position, place) in open(&expected).iter().enumerate() {
            let there = item.pointer(&format!("/omaSettings/{position}/value"));
            assert_eq!(there, Some(&place.marker));
        }
        assert_eq!(item.pointer("/omaSettings/2/value"), Some(&json!("open")));
    }

    #[test]
    fn only_values_of_settings_are_places() {
        assert!(is_value("/omaSettings/12/value"));
        assert!(!is_value("/omaSettings/12/description"));
        assert!(!is_value("/x/omaSettings/1/value"));
        assert!(
            open(&json!({"omaSettings": [{"omaUri": "./a", "value": secret::unreadable()}]}))
                .is_empty()
        );
    }
}
