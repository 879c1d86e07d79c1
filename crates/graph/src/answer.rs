//! What came back for one HTTP attempt: a value, whatever happened.
//!
//! Decides only whether a body is whole. It must not decide what an answer means; that is
//! [`crate::judge`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error_body::{GraphError, clean};
use crate::{clock, retry_after};

/// How an answer, or the rest of it, got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// No connection came about: the request never left this machine.
    NeverSent,
    /// The time-out passed; the request may have been carried out.
    TimedOut,
    /// The connection broke; the request may have been carried out.
    Broken,
}

/// What is known of the body.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Received to its end, and nothing was in it.
    Empty,
    /// Received to its end and one whole JSON value (of any depth).
    Json(Bytes),
    /// Received to its end, but not JSON: an intermediary's page, or cut off without a sign.
    Unreadable(Bytes),
    /// Longer than the cap; the rest was not read.
    TooLarge,
    /// Not received to its end.
    Lost(Lost),
}

impl Body {
    /// Classifies bytes that were received to their end.
    pub fn received(bytes: Bytes) -> Self {
        let mut bytes = bytes;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes = bytes.slice(3..);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::Empty;
        }
        // A raw value is scanned without recursion: depth does not matter.
        if serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
            return Self::Json(bytes);
        }
        Self::Unreadable(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("Empty"),
            Self::Json(bytes) => write!(formatter, "Json({} bytes)", bytes.len()),
            Self::Unreadable(bytes) => write!(formatter, "Unreadable({} bytes)", bytes.len()),
            Self::TooLarge => formatter.write_str("TooLarge"),
            Self::Lost(lost) => write!(formatter, "Lost({lost:?})"),
        }
    }
}

/// The response headers that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerHeaders {
    /// `request-id`: Microsoft's name for the call.
    pub request_id: Option<String>,
    /// `client-request-id`, as echoed.
    pub client_request_id: Option<String>,
    /// `Date`, raw.
    pub date: Option<String>,
    /// `Retry-After`, raw.
    pub retry_after: Option<String>,
    /// `x-msft-approval-code`: Multi Admin Approval holds the request.
    pub approval_code: Option<String>,
    /// `claims` of a `WWW-Authenticate` challenge, decoded.
    pub claims: Option<String>,
    /// `x-ms-throttle-*` and `x-throttled-reason`.
    pub throttle: BTreeMap<String, String>,
}

impl AnswerHeaders {
    /// Takes what matters out of `(name, value)` pairs; names in any case.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let kept = Some(clean(value, 256));
            match name.to_ascii_lowercase().as_str() {
                "request-id" => headers.request_id = kept,
                "client-request-id" => headers.client_request_id = kept,
                "date" => headers.date = kept,
                "retry-after" => headers.retry_after = kept,
                "x-msft-approval-code" => headers.approval_code = kept,
                "www-authenticate" => headers.claims = headers.claims.or(challenge_claims(value)),
                other => {
                    let throttle =
                        other.starts_with("x-ms-throttle-") || other == "x-throttled-reason";
                    if throttle && headers.throttle.len() < 8 {
                        headers.throttle.insert(clean(other, 64), clean(value, 256));
                    }
                }
            }
        }
        headers
    }
}

/// The decoded `claims="..."` of a challenge, when it is JSON.
fn challenge_claims(challenge: &str) -> Option<String> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    let start = challenge.find("claims=\"")? + "claims=\"".len();
    let rest = challenge.get(start..)?;
    let encoded = rest.get(..rest.find('"')?)?;
    let bytes = STANDARD
        .decode(encoded)
        .or_else(|_| STANDARD_NO_PAD.decode(encoded))
        .or_else(|_| URL_SAFE_NO_PAD.decode(encoded))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    serde_json::from_str::<&RawValue>(&text).ok()?;
    Some(text)
}

/// The outcome of one HTTP attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; `None` when not even that arrived.
    pub status: Option<u16>,
    /// The headers that matter.
    pub headers: AnswerHeaders,
    /// The body, as far as it came.
    pub body: Body,
    /// The `client-request-id` that was sent.
    pub client_request_id: Uuid,
    /// When the answer, or the loss of it, was complete.
    pub received_at: DateTime<Utc>,
    /// From sending to `received_at`.
    pub elapsed: Duration,
}

/// What an operation run's journal keeps of an answer: no content, no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerEvidence {
    /// HTTP status.
    pub status: Option<u16>,
    /// The headers that matter.
    #[serde(flatten)]
    pub headers: AnswerHeaders,
    /// The `client-request-id` that was sent.
    pub sent_client_request_id: Uuid,
    /// How the answer got lost.
    pub lost: Option<Lost>,
    /// Decoded error.
    pub error: Option<GraphError>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Milliseconds the attempt took.
    pub duration_ms: u64,
}

impl Answer {
    /// An answer of which nothing arrived.
    pub fn lost(lost: Lost) -> Self {
        Self {
            status: None,
            headers: AnswerHeaders::default(),
            body: Body::Lost(lost),
            client_request_id: Uuid::nil(),
            received_at: clock::now(),
            elapsed: Duration::ZERO,
        }
    }

    /// An answer from its parts; used by tests and wherever an answer is rebuilt.
    pub fn from_parts(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        Self {
            status: Some(status),
            headers: AnswerHeaders::read(headers.iter().copied()),
            body: Body::received(body.into()),
            ..Self::lost(Lost::Broken)
        }
    }

    /// Whether the status is 2xx.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    /// The whole JSON body, if there is one.
    pub const fn json_bytes(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Json(bytes) => Some(bytes),
            Body::Empty | Body::Unreadable(_) | Body::TooLarge | Body::Lost(_) => None,
        }
    }

    /// The body read as `T`. An absent body is an error like any other.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        let bytes = self.json_bytes().map_or(&[][..], |bytes| bytes);
        serde_json::from_slice(bytes)
    }

    /// The `id` of the object in the body.
    pub fn object_id(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Identified {
            id: String,
        }
        self.json::<Identified>()
            .ok()
            .map(|object| object.id)
            .filter(|id| !id.trim().is_empty())
    }

    /// The decoded error, when the answer is not a success and its body has one.
    pub fn error(&self) -> Option<GraphError> {
        if self.is_success() {
            return None;
        }
        GraphError::decode(self.json_bytes()?)
    }

    /// When the server answered, by its own clock.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        let date = httpdate::parse_http_date(self.headers.date.as_deref()?).ok()?;
        Some(date.into())
    }

    /// Whether a success says in its body that an error cut it short: an error document beside or in
    /// the place of the answer, or an annotation with one.
    pub fn admits_error(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Document {
            code: Option<String>,
            message: Option<String>,
        }
        if !self.is_success() {
            return false;
        }
        let members: BTreeMap<String, &RawValue> = match self.json_bytes() {
            Some(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            None => return false,
        };
        members.iter().any(|(name, value)| match name.as_str() {
            "error" => serde_json::from_str::<Document>(value.get())
                .is_ok_and(|document| document.code.is_some() || document.message.is_some()),
            name => value.get() != "null" && domain::json::is_error_annotation(name),
        })
    }

    /// How long Graph asked to wait, wherever it said so. Dates count from the server's own `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        let now = self.date().unwrap_or(self.received_at);
        let header = self
            .headers
            .retry_after
            .as_deref()
            .and_then(|text| retry_after::parse(text, now));
        header.or_else(|| {
            let nested = self.error()?.retry_after?;
            retry_after::parse(&nested, now)
        })
    }

    /// How it got lost, if it did.
    pub const fn lost_kind(&self) -> Option<Lost> {
        match &self.body {
            Body::Lost(lost) => Some(*lost),
            Body::Empty | Body::Json(_) | Body::Unreadable(_) | Body::TooLarge => None,
        }
    }

    /// What the journal keeps.
    pub fn evidence(&self) -> AnswerEvidence {
        AnswerEvidence {
            status: self.status,
            headers: self.headers.clone(),
            sent_client_request_id: self.client_request_id,
            lost: self.lost_kind(),
            error: self.error(),
            received_at: self.received_at,
            duration_ms: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
#[path = "answer_test.rs"]
mod tests;
