//! Base64 texts in readable form: JSON as JSON, text as text with one kind of line end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType, odata_type};

/// Decodes every payload of the row in place: `{"$text": ".."}` or the JSON itself. What is not
/// base64 of readable text stays as it stands.
pub(super) fn decode(row: &PolicyType, content: &mut Value) {
    each(row, content, &mut |value| {
        if let Value::String(text) = value
            && let Some(decoded) = Payload::read(text)
        {
            *value = readable(&decoded);
        }
    });
}

/// Calls `edit` with every payload of a content.
pub(crate) fn each(row: &PolicyType, content: &mut Value, edit: &mut dyn FnMut(&mut Value)) {
    for place in row.base64 {
        pattern::edit(content, place, edit);
    }
    if row.adapter == Adapter::DeviceConfiguration {
        pattern::edit(content, "omaSettings[]", &mut |setting| {
            if odata_type(setting) == "omaSettingStringXml"
                && let Some(value) = setting.get_mut("value")
            {
                edit(value);
            }
        });
    }
}

/// How a payload's text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// The readable text behind a base64 text. UTF-16 is what its byte order mark says it is; the mark
/// stays the first character of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The text.
    pub(crate) text: String,
    encoding: Encoding,
}

impl Payload {
    /// Decodes; `None` for what is not base64 of readable text.
    pub(crate) fn read(base64: &str) -> Option<Self> {
        if base64.is_empty() {
            return None;
        }
        let bytes = STANDARD.decode(base64.trim()).ok()?;
        let (text, encoding) = match bytes.as_slice() {
            [0xff, 0xfe, ..] => (utf16(&bytes, u16::from_le_bytes)?, Encoding::Utf16Le),
            [0xfe, 0xff, ..] => (utf16(&bytes, u16::from_be_bytes)?, Encoding::Utf16Be),
            _ => (String::from_utf8(bytes).ok()?, Encoding::Utf8),
        };
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        (!text.chars().any(control)).then_some(Self { text, encoding })
    }

    /// Base64 of another text in the same encoding.
    pub(crate) fn write(&self, text: &str) -> String {
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        let bytes: Vec<u8> = match self.encoding {
            Encoding::Utf8 => text.as_bytes().to_vec(),
            Encoding::Utf16Le => units(u16::to_le_bytes),
            Encoding::Utf16Be => units(u16::to_be_bytes),
        };
        STANDARD.encode(bytes)
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?
}

/// Text, or JSON where the payload is that. Another encoding is another file even when it says the
/// same, so it is named.
fn readable(payload: &Payload) -> Value {
    let text = payload.text.as_str();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let encoding = match payload.encoding {
        Encoding::Utf8 => match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() || value.is_array() => return value,
            _ => None,
        },
        Encoding::Utf16Le => Some("utf-16le"),
        Encoding::Utf16Be => Some("utf-16be"),
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match encoding {
        None => json!({ "$text": text }),
        Some(encoding) => json!({ "$text": text, "$encoding": encoding }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_back_in_the_encoding_it_came_in() {
        for base64 in [
            "PGE+Cg==",
            "77u/PGE+Cg==",
            "//48AGEAPgAKAA==",
            "/v8APABhAD4ACg==",
        ] {
            let payload = Payload::read(base64);
            assert!(
                payload.as_ref().is_some_and(|p| p.text.ends_with("<a>\n")),
                "{base64}"
            );
            let same = payload.map(|payload| payload.write(&payload.text));
            assert_eq!(same.as_deref(), Some(base64));
        }
    }

    #[test]
    fn half_a_unit_or_half_a_pair_is_no_text() {
        for base64 in ["//48", "//482A==", "/////w==", "//4A2A==", ""] {
            assert_eq!(Payload::read(base64), None, "{base64}");
        }
    }
}
