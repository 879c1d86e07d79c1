//! Base64 texts in readable form.
//!
//! What a device executes counts byte for byte: line ends, a byte order mark and a last empty line
//! are part of it. Two payloads are one when their bytes are; of JSON alone it is known that blanks,
//! line ends and the order of members mean nothing.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType, odata_type};

/// Payloads that are JSON and nothing else.
const JSON: [&str; 2] = ["deviceCompliancePolicyScript.rulesContent", "payloadJson"];
/// With or without padding it is the same bytes.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes every payload of the row in place: `{"$text": "..", "$encoding": ".."}`. What is not
/// base64 of text stays as it stands.
pub(super) fn decode(row: &PolicyType, content: &mut Value) {
    for place in row.base64 {
        let is_json = JSON.contains(place);
        pattern::edit(content, place, &mut |value| read(value, is_json));
    }
    if row.adapter == Adapter::DeviceConfiguration {
        pattern::edit(content, "omaSettings[]", &mut |setting| {
            if odata_type(setting) == "omaSettingStringXml"
                && let Some(value) = setting.get_mut("value")
            {
                read(value, false);
            }
        });
    }
}

fn read(value: &mut Value, is_json: bool) {
    let Value::String(text) = value else { return };
    // Line ends of base64 itself say nothing.
    let base64: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if base64.is_empty() {
        return;
    }
    if let Ok(bytes) = LENIENT.decode(&base64) {
        *value = readable(&bytes, is_json).unwrap_or_else(|| json!(LENIENT.encode(bytes)));
    }
}

/// The bytes as a text from which they can be told, and no others. Any encoding but UTF-8 is named.
/// `None` for what is no text.
fn readable(bytes: &[u8], is_json: bool) -> Option<Value> {
    let named = |text: String, encoding: &str| json!({ "$text": text, "$encoding": encoding });
    match bytes {
        [0xff, 0xfe, text @ ..] => {
            return utf16(text, u16::from_le_bytes).map(|text| named(text, "utf-16le"));
        }
        [0xfe, 0xff, text @ ..] => {
            return utf16(text, u16::from_be_bytes).map(|text| named(text, "utf-16be"));
        }
        _ if bytes.contains(&0) => return None,
        _ => {}
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = is_json
            .then(|| json_text(text))
            .flatten()
            .unwrap_or_else(|| text.to_owned());
        return Some(json!({ "$text": text }));
    }
    // One character for each byte, so that the diff can be read.
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let text = || bytes.iter().map(|byte| char::from(*byte)).collect();
    (!bytes.iter().any(control)).then(|| named(text(), "8-bit"))
}

/// JSON with its members in order, a line for each. `None` for what is none, and for numbers whose
/// digits a double would lose.
fn json_text(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let exact = value.is_object() || value.is_array();
    (exact && has_exact_numbers(&value)).then(|| format!("{:#}", sorted(value)))
}

fn has_exact_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(items) => items.iter().all(has_exact_numbers),
        Value::Object(members) => members.values().all(has_exact_numbers),
        _ => true,
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            let members = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(members.collect())
        }
        other => other,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(bytes: &[u8], is_json: bool) -> Value {
        let mut value = json!(LENIENT.encode(bytes));
        read(&mut value, is_json);
        value
    }

    #[test]
    fn different_bytes_have_different_forms() {
        let wide: Vec<u8> = "\u{feff}a\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let bytes: [&[u8]; 12] = [
            b"a\n",
            b"a\r\n",
            b"a\r",
            b"a",
            b"a\n\n",
            b"\xef\xbb\xbfa\n",
            b"\xef\xbb\xbf\xef\xbb\xbfa\n",
            b"\xfca\n",
            "\u{fc}a\n".as_bytes(),
            b"\x1ba\n",
            b"a\0",
            &wide,
        ];
        for (index, one) in bytes.iter().enumerate() {
            for (other_index, other) in bytes.iter().enumerate() {
                let same = form(one, false) == form(other, false);
                assert_eq!(same, index == other_index, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn blanks_and_order_mean_nothing_in_json_alone() {
        let (one, other) = (
            &br#"{"a":1,"b":[null]}"#[..],
            &b"{\"b\": [null],\r\n\"a\": 1}"[..],
        );
        assert_eq!(form(one, true), form(other, true));
        assert_ne!(form(one, false), form(other, false));
        for (one, other) in [
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":1.0}"#, r#"{"a":1}"#),
            (r#"{"a":1e999}"#, r#"{"a":1e998}"#),
            (
                r#"{"a":123456789012345678901}"#,
                r#"{"a":123456789012345678902}"#,
            ),
            ("[1]", "[1, 1]"),
        ] {
            assert_ne!(
                form(one.as_bytes(), true),
                form(other.as_bytes(), true),
                "{one}"
            );
        }
    }

    #[test]
    fn base64_is_no_part_of_what_it_says() {
        for (one, other) in [("PGE+Cg==", "PGE+\r\nCg=="), ("PGE+Cg==", "PGE+Cg")] {
            let [mut one, mut other] = [json!(one), json!(other)];
            read(&mut one, false);
            read(&mut other, false);
            assert_eq!(one, other);
        }
        // Half a unit, half a pair, nothing: no text, kept apart.
        for base64 in ["//48", "//482A==", "AAD/", "//4A2A==", "", "no base64!"] {
            let mut value = json!(base64);
            read(&mut value, false);
            assert_eq!(value, json!(base64));
        }
    }
}
