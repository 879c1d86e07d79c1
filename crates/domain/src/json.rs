//! Canonical JSON (RFC 8785) and SHA-256 digests of it.

use serde::Serialize;

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
    use std::fmt::Write;
    let mut out = String::with_capacity(71);
    out.push_str("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
