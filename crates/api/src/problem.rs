//! Every way a request can be refused, as RFC 9457 problem details.
//!
//! Decides which status and title belong to which stable code, and how a refusal looks on the
//! wire. It must not decide *when* a request is refused, and never shows a cause to the client.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use crate::problem_code::Code;

/// One thing wrong with a body (JSON Pointer) or with a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of a query parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Stable code, e.g. `required`, `unknown_member`, `wrong_type`.
    pub code: &'static str,
    /// For people; never repeats the value.
    pub detail: String,
}

impl FieldError {
    /// Something wrong at a place of the body.
    pub fn at(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            code,
            detail: detail.into(),
        }
    }

    /// Something wrong with a parameter.
    pub fn parameter(
        name: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            code,
            detail: detail.into(),
        }
    }
}

/// A refusal: what the handlers return instead of an answer.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
    /// The connection ends with this answer.
    closing: bool,
}

/// Of what is wrong with a request so much is said one by one.
const MOST_ERRORS: usize = 100;
/// A pointer that is longer is cut: it repeats what the caller sent.
const LONGEST_POINTER: usize = 500;

impl Problem {
    /// A refusal with its sentence for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut parts = Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
            closing: false,
        };
        if code == Code::Unauthenticated {
            parts
                .headers
                .push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if code == Code::Unavailable {
            parts
                .headers
                .push((header::RETRY_AFTER, HeaderValue::from_static("2")));
        }
        Self(Box::new(parts))
    }

    /// The one answer for what does not exist and what the actor may not know of.
    pub fn not_found() -> Self {
        Self::new(
            Code::NotFound,
            "There is nothing here, or nothing you may know of.",
        )
    }

    /// No or bad credential.
    pub fn unauthenticated() -> Self {
        Self::new(
            Code::Unauthenticated,
            "Send a valid API or access token as \"Authorization: Bearer <token>\".",
        )
    }

    /// Too many requests, or too many refused credentials; may come again after so many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        Self::new(Code::RateLimited, "Too many requests; see Retry-After.")
            .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The process holds as much as it can at the moment.
    pub fn overloaded() -> Self {
        Self::new(
            Code::Unavailable,
            "The service has as much in hand as it can hold right now; try again shortly.",
        )
    }

    /// A limit on something other than requests.
    pub fn too_many(detail: &str, seconds: u64) -> Self {
        Self::new(Code::RateLimited, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Ends the connection with the answer: what the client may still be sending is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.closing = true;
        self
    }

    /// The actor lacks a capability; `required_capability` names it.
    pub fn capability_denied(capability: domain::capability::Capability) -> Self {
        Self::new(
            Code::CapabilityDenied,
            format!("This needs the capability {}.", capability.as_str()),
        )
        .with("required_capability", json!(capability.as_str()))
    }

    /// Something about the request's bytes or headers.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::MalformedRequest, detail)
    }

    /// Something about the request's members or parameters.
    pub fn invalid(mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => only.detail.clone(),
            several => format!("{} things are wrong; see errors.", several.len()),
        };
        let omitted = errors.len().saturating_sub(MOST_ERRORS);
        errors.truncate(MOST_ERRORS);
        for pointer in errors.iter_mut().filter_map(|error| error.pointer.as_mut()) {
            pointer.truncate(pointer.floor_char_boundary(LONGEST_POINTER));
        }
        let mut problem = Self::new(Code::ValidationFailed, detail);
        problem.0.errors = errors;
        if omitted == 0 {
            return problem;
        }
        problem.with("errors_omitted", json!(omitted))
    }

    /// Ours; the cause goes to the log only.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut problem = Self::new(
            Code::InternalError,
            "Something failed on our side; the server's log has it under this request id.",
        );
        problem.0.cause = Some(cause.to_string());
        problem
    }

    /// A dependency is away; the cause goes to the log only.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let mut problem = Self::new(
            Code::Unavailable,
            "The service cannot reach its database right now; try again shortly.",
        );
        problem.0.cause = Some(cause.to_string());
        problem
    }

    /// The database answers, and its schema is older than this build; `reason` tells it from a
    /// database that is away.
    pub fn schema_behind() -> Self {
        Self::new(
            Code::Unavailable,
            "The database's schema is behind this version; run `promotionctl migrate`.",
        )
        .with("reason", json!("schema_behind"))
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// An extension member.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// What really happened, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer, once the request id is known.
    pub fn render(&self, request_id: &str) -> HttpResponse {
        let parts = &self.0;
        let mut body = Map::new();
        let code = parts.code.as_str();
        body.insert(
            "type".into(),
            json!(format!("urn:promotion:problem:{code}")),
        );
        body.insert("title".into(), json!(parts.code.title()));
        body.insert("status".into(), json!(parts.code.status().as_u16()));
        body.insert("code".into(), json!(code));
        body.insert("detail".into(), json!(parts.detail));
        body.insert("request_id".into(), json!(request_id));
        if !parts.errors.is_empty() {
            body.insert("errors".into(), json!(parts.errors));
        }
        for (name, value) in &parts.members {
            body.insert(name.clone(), value.clone());
        }
        let mut response = HttpResponse::build(parts.code.status());
        response.content_type("application/problem+json");
        if parts.closing {
            response.force_close();
        }
        for (name, value) in &parts.headers {
            response.append_header((name.clone(), value.clone()));
        }
        response.body(Value::Object(body).to_string())
    }

    /// The generic refusal of a status that some inner layer answered by itself.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::UNAUTHORIZED => Self::unauthenticated(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                Code::MethodNotAllowed,
                "This resource does not take that method.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::payload_too_large(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::unsupported_media_type(),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable("answered by an inner layer"),
            status if status.is_client_error() => {
                Self::malformed("The request could not be understood.")
            }
            status => Self::internal(format!("an inner layer answered {}", status.as_u16())),
        }
    }

    /// The same thing twice in one workspace; `what` starts the sentence.
    pub fn already_exists(what: &str) -> Self {
        Self::new(
            Code::AlreadyExists,
            format!("{what} already exists in this workspace."),
        )
    }

    /// The key came with another request before.
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key came with another request before.",
        )
    }

    /// A body over the limit.
    pub fn payload_too_large() -> Self {
        Self::new(
            Code::PayloadTooLarge,
            "The body is larger than 1048576 bytes.",
        )
    }

    /// A body of another kind.
    pub fn unsupported_media_type() -> Self {
        Self::new(
            Code::UnsupportedMediaType,
            "Send the body as application/json in UTF-8.",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl From<crate::fair::Crowded> for Problem {
    fn from(_: crate::fair::Crowded) -> Self {
        Self::too_many(
            "Too many requests of this workspace wait already; see Retry-After.",
            2,
        )
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError;
        match &error {
            StoreError::Unavailable(_) => Self::unavailable(chain(&error)),
            StoreError::NotFound(_) => Self::not_found(),
            StoreError::Crowded => crate::fair::Crowded.into(),
            StoreError::AlreadyExists { .. } => Self::already_exists("It"),
            StoreError::LastOwner => Self::new(
                Code::Conflict,
                "A workspace keeps at least one owner; make somebody else an owner first.",
            ),
            StoreError::Conflict(crate::start::KEY_TAKEN) => Self::idempotency_key_reused(),
            StoreError::Conflict(what) => Self::new(
                Code::Conflict,
                format!("The {what} is not in a state that allows this."),
            ),
            StoreError::Reference { .. }
            | StoreError::Check { .. }
            | StoreError::StaleHolder
            | StoreError::Key(_)
            | StoreError::Migration(_)
            | StoreError::Queue(_)
            | StoreError::Cancelled(_)
            | StoreError::Database(_) => Self::internal(chain(&error)),
        }
    }
}

/// An error and everything it came from, in one line for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

// The edge middleware renders the final body; this is what it finds the problem through.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_never_reaches_the_client() {
        let response = Problem::internal("password=hunter2").render("r1");
        let body = actix_web::body::MessageBody::try_into_bytes(response.into_body());
        let text = body.map(|b| String::from_utf8_lossy(&b).into_owned());
        assert!(text.is_ok_and(|t| !t.contains("hunter2") && t.contains("internal_error")));
    }
}
