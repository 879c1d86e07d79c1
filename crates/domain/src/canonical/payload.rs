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
            && let Some(decoded) = text_of(text)
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

/// The text behind a base64 text, when it is readable.
pub(crate) fn text_of(base64: &str) -> Option<String> {
    if base64.is_empty() {
        return None;
    }
    let bytes = STANDARD.decode(base64.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.chars().any(control)).then_some(text)
}

/// Base64 of a text.
pub(crate) fn base64_of(text: &str) -> String {
    STANDARD.encode(text)
}

fn readable(text: &str) -> Value {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() || value.is_array() => value,
        _ => json!({"$text": text.replace("\r\n", "\n").replace('\r', "\n")}),
    }
}
