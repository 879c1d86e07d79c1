//! Decides what a Graph error body says: to a program (codes), to an operator (a short clean text)
//! and to the evidence (the text as it came, capped).
//!
//! Intune often puts a whole JSON document as a string into `error.message`; it is unpacked here.
//! Total: any bytes give an answer, never a panic. It must not decide what happens next.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest text shown to an operator, in characters.
const TEXT_CAP: usize = 600;
/// Longest text kept as evidence, in characters.
const EVIDENCE_CAP: usize = 4_000;
/// Longest code, in characters.
const CODE_CAP: usize = 120;
/// How many JSON-in-a-string layers are unpacked.
const NESTING: usize = 3;

/// A decoded Graph error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphError {
    /// `error.code`, e.g. `BadRequest`; empty when there was none.
    pub code: String,
    /// For an operator: one line, no support ids, no control characters, at most 600 characters.
    pub message: String,
    /// Intune's `CustomApiErrorPhrase`, or `innerError.code`, when it adds something.
    pub phrase: Option<String>,
    /// The message as it came, with its support ids; control characters removed; capped.
    pub evidence: String,
    /// `RetryAfter` from inside the message, raw.
    pub retry_after: Option<String>,
}

impl GraphError {
    /// Reads an error body. `None` when there is no error in it.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let error = document.get("error")?;
        if let Some(code) = error.as_str() {
            let description = text_of(document.get("error_description")).unwrap_or_default();
            return Some(Self::from_texts(code, &description));
        }
        let code = text_of(error.get("code")).unwrap_or_default();
        let message = text_of(error.get("message")).unwrap_or_default();
        let mut decoded = Self::from_texts(&code, &message);
        if decoded.phrase.is_none() {
            decoded.phrase = error
                .get("innerError")
                .or_else(|| error.get("innererror"))
                .and_then(|inner| text_of(inner.get("code")))
                .map(|inner| clean(&inner, CODE_CAP))
                .filter(|inner| !inner.is_empty() && *inner != decoded.code);
        }
        Some(decoded)
    }

    fn from_texts(code: &str, raw_message: &str) -> Self {
        let mut message = raw_message.to_owned();
        let mut phrase = None;
        let mut retry_after = None;
        for _ in 0..NESTING {
            let Some(nested) = nested_document(&message) else {
                break;
            };
            phrase = text_of(nested.get("CustomApiErrorPhrase")).or(phrase);
            retry_after = text_of(nested.get("RetryAfter")).or(retry_after);
            match text_of(nested.get("Message")).or_else(|| text_of(nested.get("message"))) {
                Some(inner) => message = inner,
                None => break,
            }
        }
        Self {
            code: clean(code, CODE_CAP),
            message: clean(&without_support_ids(&message), TEXT_CAP),
            phrase: phrase
                .map(|phrase| clean(&phrase, CODE_CAP))
                .filter(|phrase| !phrase.is_empty()),
            evidence: clean(raw_message, EVIDENCE_CAP),
            retry_after: retry_after.map(|value| clean(&value, 64)),
        }
    }

    /// Whether any of its texts contains this one, without regard to ASCII case.
    pub fn mentions(&self, text: &str) -> bool {
        let wanted = text.to_ascii_lowercase();
        [&self.code, &self.message, &self.evidence]
            .into_iter()
            .chain(self.phrase.as_ref())
            .any(|part| part.to_ascii_lowercase().contains(&wanted))
    }

    /// What an operator reads, with the code when there is no text.
    pub fn operator_text(&self) -> &str {
        if self.message.is_empty() {
            return &self.code;
        }
        &self.message
    }
}

fn nested_document(message: &str) -> Option<Value> {
    let trimmed = message.trim();
    if !trimmed.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Value>(trimmed)
        .ok()
        .filter(Value::is_object)
}

/// A string or number as text.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One line: no control characters, no direction overrides, single spaces, capped.
pub(crate) fn clean(text: &str, cap: usize) -> String {
    let mut line = String::with_capacity(text.len().min(cap));
    let mut length = 0;
    let mut space = false;
    for letter in text.chars() {
        let invisible = letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if invisible || letter.is_whitespace() {
            space = length > 0;
            continue;
        }
        if length + usize::from(space) >= cap {
            break;
        }
        if space {
            line.push(' ');
            length += 1;
            space = false;
        }
        line.push(letter);
        length += 1;
    }
    line
}

/// Drops the identifiers and URLs that Intune appends for its own support.
fn without_support_ids(message: &str) -> String {
    const MARKERS: [&str; 7] = [
        "operation id (for customer support):",
        "operation id:",
        "activity id:",
        "url:",
        "trace id:",
        "correlation id:",
        "timestamp:",
    ];
    let mut text = message.to_owned();
    for marker in MARKERS {
        let mut from = 0;
        while let Some(found) = find_marker(&text, marker, from) {
            let after = found + marker.len();
            let rest = text.get(after..).unwrap_or_default();
            let blank = rest.len() - rest.trim_start().len();
            let mut token = rest
                .trim_start()
                .find(char::is_whitespace)
                .unwrap_or(rest.len() - blank);
            if marker == "timestamp:" {
                token = rest.len() - blank;
            }
            let end = after + blank + token;
            let kept = text
                .get(..found)
                .unwrap_or_default()
                .trim_end()
                .trim_end_matches(['-', ',', ';'])
                .trim_end()
                .to_owned();
            from = kept.len();
            let tail = text.get(end..).unwrap_or_default().to_owned();
            text = kept + &tail;
        }
    }
    text.trim().trim_matches('-').trim().to_owned()
}

fn find_marker(text: &str, marker: &str, from: usize) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let mut start = from;
    while let Some(offset) = lower.get(start..)?.find(marker) {
        let found = start + offset;
        let inside_a_word = lower
            .get(..found)
            .and_then(|before| before.chars().next_back())
            .is_some_and(char::is_alphanumeric);
        if !inside_a_word {
            return Some(found);
        }
        start = found + marker.len();
    }
    None
}

#[cfg(test)]
#[path = "error_body_test.rs"]
mod tests;
