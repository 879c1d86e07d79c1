//! The shape of what the simulator answers: success bodies and Graph's error documents.

use serde_json::{Value, json};

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    /// Text sent as it is, even when it is not JSON.
    Raw(String),
}

/// An answer before transport headers are added.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Which service behind Graph speaks: they word their errors differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Intune,
    ConditionalAccess,
    Directory,
}

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// Intune wraps what its own services say into a JSON document inside `message`.
    pub nested: bool,
    pub headers: Vec<(String, String)>,
    /// The number of seconds Intune repeats inside the nested document.
    pub nested_retry_after: Option<String>,
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            nested: false,
            headers: Vec::new(),
            nested_retry_after: None,
        }
    }

    /// 400 by Graph's own parser.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 400 by the service behind: nested for Intune, plain elsewhere.
    pub fn by_service(family: Family, message: impl Into<String>) -> Self {
        let mut refusal = Self::bad_request(message);
        refusal.nested = family == Family::Intune;
        refusal
    }

    /// The same with another status, where one is given.
    pub fn with_status(mut self, status: Option<u16>) -> Self {
        self.status = status.unwrap_or(self.status);
        self
    }

    pub fn not_found(family: Family, what: &str, id: &str) -> Self {
        match family {
            Family::Intune => {
                let mut refusal = Self::new(
                    404,
                    "ResourceNotFound",
                    format!("{what} with id {id} was not found."),
                );
                refusal.nested = true;
                refusal
            }
            Family::ConditionalAccess => Self::new(
                404,
                "NotFound",
                format!("1004: {what} with id {id} could not be found."),
            ),
            Family::Directory => Self::new(
                404,
                "Request_ResourceNotFound",
                format!(
                    "Resource '{id}' does not exist or one of its queried reference-property \
                     objects are not present."
                ),
            ),
        }
    }

    pub fn segment(segment: &str) -> Self {
        Self::bad_request(format!("Resource not found for the segment '{segment}'."))
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// The error document, with the ids a support case needs.
    pub fn into_answer(self, request_id: &str, client_request_id: &str) -> Answer {
        let now = crate::clock::graph_time_seconds();
        let message = if self.nested {
            let text = format!(
                "{} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 \
                 - Activity ID: {request_id} - Url: https://fef.sim.manage.microsoft.com/",
                self.message
            );
            serde_json::to_string_pretty(&json!({
                "_version": 3,
                "Message": text,
                "CustomApiErrorPhrase": "",
                "RetryAfter": self.nested_retry_after,
                "ErrorSourceService": "",
                "HttpHeaders": "{}",
            }))
            .unwrap_or_default()
        } else {
            self.message
        };
        let mut answer = Answer::json(
            self.status,
            json!({"error": {
                "code": self.code,
                "message": message,
                "innerError": {
                    "date": now,
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            }}),
        );
        answer.headers = self.headers;
        answer
    }
}
