//! Canonical JSON (RFC 8785), SHA-256 digests of it, and walks over JSON values.
//!
//! Knows nothing of policies.

use serde::Serialize;
use serde_json::Value;

pub mod pattern;

/// Canonical text of a value (RFC 8785, JSON Canonicalization Scheme).
pub fn canonical(value: &impl Serialize) -> String {
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

/// `sha256:` and 64 lower-case hex digits of the canonical text.
pub fn digest(value: &impl Serialize) -> String {
    digest_text(&canonical(value))
}

/// `sha256:` and 64 lower-case hex digits of the bytes of a text.
pub fn digest_text(text: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

/// Lower-case hex digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The JSON Pointer (RFC 6901) of a member or item below `pointer`.
pub(crate) fn below(pointer: &str, segment: impl std::fmt::Display) -> String {
    let segment = segment.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{segment}")
}

/// The two halves of the name of an annotation: what it is about (empty: what it stands in) and the
/// last word of its term. `None` for any other member.
pub(crate) fn annotation(name: &str) -> Option<(&str, &str)> {
    let (about, term) = name.split_once('@')?;
    Some((about, term.rsplit('.').next().unwrap_or(term)))
}

/// Whether a member is an annotation that tells of an error.
pub fn is_error_annotation(name: &str) -> bool {
    annotation(name).is_some_and(|(_, word)| {
        let word = word.to_ascii_lowercase();
        word.contains("error") || word.contains("exception")
    })
}

/// Whether a value nests deeper than `limit`. Iterative: safe for any input.
pub(crate) fn deeper_than(value: &Value, limit: usize) -> bool {
    let mut open = vec![(value, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        if depth > limit {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => {
                open.extend(members.values().map(|member| (member, depth + 1)));
            }
            _ => {}
        }
    }
    false
}

/// Calls `visit` with every string of a value and its pointer; member names are not visited.
pub(crate) fn each_text(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(pointer, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_text(item, &below(pointer, index), visit);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                each_text(member, &below(pointer, name), visit);
            }
        }
        _ => {}
    }
}

/// Lets `edit` change every string of a value.
pub(crate) fn edit_texts(value: &mut Value, edit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => edit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| edit_texts(item, edit)),
        Value::Object(members) => {
            for (_, member) in members.iter_mut() {
                edit_texts(member, edit);
            }
        }
        _ => {}
    }
}

/// Sorts values by their canonical text and drops repeats.
pub(crate) fn sort_set(items: &mut Vec<Value>) {
    sort_bag(items);
    items.dedup();
}

/// Sorts values by their canonical text and keeps repeats.
pub(crate) fn sort_bag(items: &mut [Value]) {
    items.sort_by_cached_key(canonical);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn member_order_does_not_change_the_digest() {
        assert_eq!(
            digest(&json!({"a": 1, "b": [1.0, 2]})),
            digest(&json!({"b": [1, 2.0], "a": 1}))
        );
    }

    #[test]
    fn depth_is_counted_without_recursion() {
        let deep = (0..120).fold(Value::Null, |inner, _| json!([inner]));
        assert!(deeper_than(&deep, 120));
        assert!(!deeper_than(&deep, 121));
    }

    #[test]
    fn pointers_escape_slash_and_tilde() {
        assert_eq!(below("/a", "./x~y/z"), "/a/.~1x~0y~1z");
    }
}
