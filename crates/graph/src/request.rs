//! What a caller asks for: reads and writes as data.
//!
//! Decides how a request is described. It must not send it, and it knows no policy type.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::model::{GraphVersion, ResourceFamily};
use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::SecretBody;
use crate::template::path_template;

/// Longest justification, in characters.
const JUSTIFICATION_CAP: usize = 1_024;

/// How much OData metadata a read asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// Graph's default.
    #[default]
    Minimal,
    /// `odata.metadata=full`: `@odata.type` everywhere. Some collections refuse it.
    Full,
}

/// A question that Graph only answers to a POST: it changes nothing and takes the role to read. Nothing
/// else can ever be sent by a client that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The group that devices join while they enrol.
    EnrollmentTimeDeviceGroup,
}

impl Question {
    /// The action's name, the last segment of its address.
    pub const fn action(self) -> &'static str {
        match self {
            Self::EnrollmentTimeDeviceGroup => domain::device_preparation::RETRIEVE,
        }
    }
}

/// One read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// Throttling family.
    pub family: ResourceFamily,
    /// Version segment.
    pub version: GraphVersion,
    /// Path below the version, with its query, percent-encoded where need be.
    pub path: String,
    /// The same with every variable part named.
    pub path_template: String,
    /// How much metadata.
    pub metadata: Metadata,
    /// What is asked by POST; `None` is a GET.
    question: Option<Question>,
}

impl ReadRequest {
    /// A read with the path template derived from the path.
    pub fn new(family: ResourceFamily, version: GraphVersion, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            family,
            version,
            path_template: path_template(&path),
            path,
            metadata: Metadata::Minimal,
            question: None,
        }
    }

    /// A question about one object, without a body.
    pub fn question(
        family: ResourceFamily,
        version: GraphVersion,
        item: &str,
        question: Question,
    ) -> Self {
        Self {
            question: Some(question),
            ..Self::new(family, version, format!("{item}/{}", question.action()))
        }
    }

    /// GET, unless the address is that of its question.
    pub(crate) fn method(&self) -> Method {
        let asked = self
            .question
            .is_some_and(|question| self.path.rsplit('/').next() == Some(question.action()));
        if asked { Method::POST } else { Method::GET }
    }

    /// The same with full metadata.
    #[must_use]
    pub fn with_full_metadata(mut self) -> Self {
        self.metadata = Metadata::Full;
        self
    }
}

/// The verbs that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteMethod {
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl WriteMethod {
    pub(crate) const fn as_method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// The verb's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Not one of the four verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a verb that writes")]
pub struct UnknownMethod;

impl FromStr for WriteMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        [Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or(UnknownMethod)
    }
}

/// What a write says to Multi Admin Approval. One or the other, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Why the change is made; harmless where approval is off. Cut at 1,024 characters.
    Justification(String),
    /// The code of an approved request with the identical method, URL and body.
    Code(String),
}

impl Approval {
    /// Header name and value.
    pub(crate) fn header(&self) -> (&'static str, String) {
        match self {
            Self::Justification(text) => {
                let text: String = text.chars().take(JUSTIFICATION_CAP).collect();
                ("x-msft-approval-justification", STANDARD.encode(text))
            }
            Self::Code(code) => ("x-msft-approval-code", code.clone()),
        }
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRequest {
    /// Sent as `client-request-id`; the caller has it on record before sending.
    pub client_request_id: Uuid,
    /// Verb.
    pub method: WriteMethod,
    /// Version segment.
    pub version: GraphVersion,
    /// Path below the version.
    pub path: String,
    /// The same with every variable part named.
    pub path_template: String,
    /// JSON, byte for byte as it goes out.
    pub body: Option<Bytes>,
    /// Goes out in the place of `body` where that has markers for secrets.
    pub secret_body: Option<SecretBody>,
    /// For Multi Admin Approval.
    pub approval: Approval,
}

impl WriteRequest {
    /// A write with the path template derived from the path.
    pub fn new(
        client_request_id: Uuid,
        method: WriteMethod,
        version: GraphVersion,
        path: impl Into<String>,
        body: Option<&Value>,
        approval: Approval,
    ) -> Self {
        let path = path.into();
        Self {
            client_request_id,
            method,
            version,
            path_template: path_template(&path),
            path,
            body: body.map(|body| Bytes::from(body.to_string())),
            secret_body: None,
            approval,
        }
    }

    /// `sha256:` and the hex digest of the body's bytes (of no bytes when there is none).
    pub fn body_hash(&self) -> String {
        use std::fmt::Write;

        let digest = Sha256::digest(self.body.as_deref().unwrap_or_default());
        let mut text = "sha256:".to_owned();
        for byte in digest {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
