//! Writing to the one tenant a run may write to.
//!
//! [`TenantWriter::admit`] does everything that can fail or wait *before* a request exists: token,
//! budget, lane, hold. Then the caller puts its intent on record, and [`TenantWriter::send`] makes
//! exactly one HTTP attempt. Nothing is ever repeated here: what an answer means is for
//! [`crate::judge`], and what to do about it for the caller.

use std::sync::Arc;

use domain::model::ResourceFamily;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use uuid::Uuid;

use crate::answer::{Answer, Lost};
use crate::budget::{Direction, Permit};
use crate::call_error::CallError;
use crate::client::{TenantReader, call_headers};
use crate::cloud::EndpointError;
use crate::request::WriteRequest;
use crate::token::AccessToken;
use crate::transport::Outgoing;
use crate::wait::CallContext;

/// A client that can write to one tenant; made from a [`crate::WriteTarget`] only.
#[derive(Clone)]
pub struct TenantWriter {
    reader: TenantReader,
}

/// Leave to send one write now. Dropped unused, it costs nothing (but for a place in the
/// Conditional Access lane). It occupies a place of the family's budget: whoever reads much of the
/// same family while holding one may wait for itself when the budget is a handful.
pub struct Admission {
    tenant_id: Uuid,
    family: ResourceFamily,
    permit: Permit,
    token: Arc<AccessToken>,
}

impl TenantWriter {
    pub(crate) fn new(reader: TenantReader) -> Self {
        Self { reader }
    }

    /// The reader of the same tenant.
    pub const fn reader(&self) -> &TenantReader {
        &self.reader
    }

    /// The same client for another piece of work on the same run.
    #[must_use]
    pub fn with_context(&self, context: CallContext) -> Self {
        Self::new(self.reader.with_context(context))
    }

    /// The Entra tenant it is bound to.
    pub const fn tenant_id(&self) -> Uuid {
        self.reader.tenant_id
    }

    /// Scheme and host of its Graph, as addresses in bodies begin.
    pub fn graph_base(&self) -> &str {
        self.reader.endpoints.graph_base()
    }

    /// Waits for leave to send one write of this family. Nothing has been sent when it fails.
    pub async fn admit(&self, family: ResourceFamily) -> Result<Admission, CallError> {
        let reader = &self.reader;
        reader.context.check()?;
        // A first token before the wait, so that a refused credential shows at once; and a fresh
        // look after it, because the wait may have been long.
        reader.token().await?;
        let permit = reader
            .shared
            .budget
            .admit(reader.payer(), family, Direction::Write, &reader.context)
            .await?;
        let token = reader.token().await?;
        reader.context.check()?;
        Ok(Admission {
            tenant_id: reader.tenant_id,
            family,
            permit,
            token,
        })
    }

    /// Checks that a request could be sent, without sending it: do this before the intent is
    /// recorded.
    pub fn check_request(&self, request: &WriteRequest) -> Result<(), EndpointError> {
        self.reader
            .endpoints
            .resource_url(request.version, &request.path)
            .map(|_| ())
    }

    /// Sends once. Exactly one HTTP attempt, whatever happens; an admission for another tenant or a
    /// path that cannot be sent gives [`Lost::NeverSent`]. A 401 drops the token, so that the next
    /// admission has a new one; a throttled answer holds the family back.
    pub async fn send(&self, admission: Admission, request: &WriteRequest) -> Answer {
        let reader = &self.reader;
        let Admission {
            tenant_id,
            family,
            mut permit,
            token,
        } = admission;
        let url = reader
            .endpoints
            .resource_url(request.version, &request.path);
        let (Ok(url), true) = (url, tenant_id == reader.tenant_id) else {
            return Answer {
                client_request_id: request.client_request_id,
                ..Answer::lost(Lost::NeverSent)
            };
        };
        let mut headers = call_headers(&token, request.client_request_id);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let (name, value) = request.approval.header();
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
        permit.sent();
        let answer = reader
            .shared
            .transport
            .exchange(Outgoing {
                method: request.method.as_method(),
                url,
                headers,
                body: match &request.secret_body {
                    Some(filled) => Some(filled.bytes()),
                    None => request.body.clone(),
                },
                client_request_id: request.client_request_id,
                path_template: &request.path_template,
            })
            .await;
        drop(permit);
        match answer.status {
            Some(401) => reader
                .tokens
                .drop_token(&token, answer.headers.claims.as_deref()),
            Some(429) => {
                reader.hold(family, answer.retry_after(), 0);
            }
            Some(503 | 509) if answer.retry_after().is_some() => {
                reader.hold(family, answer.retry_after(), 0);
            }
            _ => {}
        }
        answer
    }
}
