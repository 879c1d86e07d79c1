//! Bytes to JSON: UTF-8 with and without a byte order mark, UTF-16 of either order.

use serde_json::Value;

/// Decodes and parses a file.
pub(super) fn json(bytes: &[u8]) -> Result<Value, String> {
    let text = text(bytes);
    match serde_json::from_str(&text) {
        // Some exporters write a document as a string inside a document.
        Ok(Value::String(inner)) => serde_json::from_str(&inner).map_err(|error| error.to_string()),
        Ok(value) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

fn text(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    // Without a mark, text in UTF-16 shows as zeros at every other place.
    let encoding = match bytes {
        [0, _, 0, _, ..] => encoding_rs::UTF_16BE,
        [_, 0, _, 0, ..] => encoding_rs::UTF_16LE,
        _ => encoding_rs::UTF_8,
    };
    let (decoded, _, malformed) = encoding.decode(bytes);
    if malformed {
        return encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned();
    }
    decoded.into_owned()
}
