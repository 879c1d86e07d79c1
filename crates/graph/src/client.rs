//! Reading one tenant.
//!
//! A read has no effect, so it is repeated here: passing failures (5xx, a lost or truncated answer)
//! up to five attempts, 1, 2, 4, 8 s apart; throttling as often as Graph asks while each wait is at
//! most 30 s (ten times in a row at most), which spends no attempt; a 401 once with a new token. A
//! longer wait is [`CallError::Throttled`]: the caller parks. A refusal that names Graph's other version
//! is followed there once. It must not decide what a policy type needs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::model::{GraphVersion, ResourceFamily};
use domain::steps::other_version;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

use crate::SecretText;
use crate::answer::{Answer, Body};
use crate::budget::{Direction, Payer};
use crate::call_error::{CallError, Incomplete};
use crate::clock;
use crate::cloud::Endpoints;
use crate::connection::TenantConnection;
use crate::gateway::Shared;
use crate::judge::{ReadOutcome, judge_read};
use crate::pages::Pages;
use crate::remote_clock::RemoteClock;
use crate::request::{Metadata, ReadRequest};
use crate::retry_after::{self, PARK_AFTER};
use crate::token::{AccessToken, TokenError, TokenSource};
use crate::transport::Outgoing;
use crate::wait::{CallContext, WaitReason};

/// Attempts at one read when failures are passing.
pub const READ_ATTEMPTS: u32 = 5;
/// Throttled answers in a row after which a read is parked however short the waits.
const THROTTLED_IN_A_ROW: u32 = 10;

/// What every GET asks for, in one header: without it Graph answers `unknownFutureValue` in the place
/// of enumeration members that came after a resource was published.
const PREFERENCES: &str = "include-unknown-enum-members";

/// A client that can read one tenant and do nothing else. Cheap to clone.
#[derive(Clone)]
pub struct TenantReader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tokens: Arc<TokenSource>,
    pub(crate) endpoints: Endpoints,
    pub(crate) tenant_id: Uuid,
    pub(crate) registration: Uuid,
    pub(crate) context: CallContext,
    remote: RemoteClock,
}

impl TenantReader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connection: TenantConnection,
        context: CallContext,
    ) -> Self {
        Self {
            endpoints: connection.endpoints.clone(),
            tenant_id: connection.tenant_id,
            registration: connection.registration,
            tokens: shared.tokens.source(connection),
            shared,
            context,
            remote: RemoteClock::default(),
        }
    }

    /// The Entra tenant it is bound to.
    pub const fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// The endpoints of the tenant's cloud.
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The same client for another piece of work.
    #[must_use]
    pub fn with_context(&self, context: CallContext) -> Self {
        Self {
            context,
            ..self.clone()
        }
    }

    /// Graph's own time, as its latest answer to this client (or a clone of it) said. Times that Graph
    /// writes are compared with this and never with the clock of this machine.
    pub fn graph_time(&self) -> Option<DateTime<Utc>> {
        self.remote.latest()
    }

    /// A valid token's roles and end, fetching one if need be.
    pub async fn token(&self) -> Result<Arc<AccessToken>, TokenError> {
        self.tokens.token(&self.shared.transport).await
    }

    /// Has the next call renew a token that was asked for longer ago than this: roles granted since
    /// are only in a new one.
    pub fn renew_token_older_than(&self, age: Duration) {
        self.tokens.renew_if_older(age);
    }

    /// Reads once to a whole JSON answer. Anything else is an error.
    pub async fn get(&self, request: &ReadRequest) -> Result<Answer, CallError> {
        let (answer, ..) = self.get_either(request).await?;
        Ok(answer)
    }

    /// Reads at the request's address, and where Graph's refusal names its other version, once there.
    /// Answers where it was read. What the other version refuses in its turn is not found there either,
    /// for all that is known: the first refusal stands.
    pub(crate) async fn get_either(
        &self,
        request: &ReadRequest,
    ) -> Result<(Answer, Url, GraphVersion), CallError> {
        let at = |version| self.endpoints.resource_url(version, &request.path);
        let url = at(request.version)?;
        let refused = match self.get_url(request, &url).await {
            Ok(answer) => return Ok((answer, url, request.version)),
            Err(refused) => refused,
        };
        let Some(version) = named_version(request.version, &refused) else {
            return Err(refused);
        };
        let url = at(version)?;
        tracing::info!(
            path = request.path_template,
            "read by the version that the refusal names"
        );
        match self.get_url(request, &url).await {
            Ok(answer) => Ok((answer, url, version)),
            Err(
                CallError::NotFound { .. }
                | CallError::Forbidden { .. }
                | CallError::Rejected { .. },
            ) => Err(refused),
            Err(other) => Err(other),
        }
    }

    /// Reads one text of the form `{"value": "..."}` that is a secret. What was received is wiped
    /// before it is given back; an answer of another form is an error that says nothing of it.
    pub async fn get_secret(&self, request: &ReadRequest) -> Result<SecretText, CallError> {
        #[derive(serde::Deserialize)]
        struct Valued {
            value: String,
        }
        let answer = self.get(request).await?;
        let client_request_id = answer.client_request_id;
        let Body::Json(bytes) = answer.body else {
            return Err(CallError::NotASecret);
        };
        let read = serde_json::from_slice::<Valued>(&bytes);
        if let Ok(mut bytes) = bytes.try_into_mut() {
            bytes.zeroize();
        }
        if let Ok(valued) = read {
            return Ok(SecretText::new(valued.value));
        }
        tracing::warn!(%client_request_id, "a secret was answered in no form that is known");
        Err(CallError::NotASecret)
    }

    /// Reads a list page by page.
    pub fn pages(&self, request: ReadRequest) -> Pages<'_> {
        Pages::new(self, request)
    }

    /// Reads a list to its end, item by item. An error means that the list is incomplete, whatever
    /// was handed over before.
    pub async fn get_paged(
        &self,
        request: ReadRequest,
        mut on_item: impl FnMut(Box<serde_json::value::RawValue>),
    ) -> Result<(), CallError> {
        let mut pages = self.pages(request);
        while let Some(items) = pages.next().await? {
            for item in items {
                on_item(item);
            }
        }
        Ok(())
    }

    pub(crate) async fn get_url(
        &self,
        request: &ReadRequest,
        url: &Url,
    ) -> Result<Answer, CallError> {
        let mut failures = 0;
        let mut throttled = 0;
        let mut renewed = false;
        loop {
            self.context.check()?;
            let token = self.token().await?;
            let answer = self.attempt(request, url, &token).await?;
            self.remote.learn(&answer);
            match judge_read(&answer) {
                // A part of what was asked for is missing, whatever the status says.
                ReadOutcome::Done if answer.admits_error() => {
                    return Err(CallError::Incomplete(Incomplete::ErrorInside));
                }
                ReadOutcome::Done => return Ok(answer),
                ReadOutcome::RenewToken if !renewed => {
                    renewed = true;
                    self.tokens
                        .drop_token(&token, answer.headers.claims.as_deref());
                }
                ReadOutcome::RenewToken => return Err(rejected(401, answer)),
                ReadOutcome::Throttled { after } => {
                    throttled += 1;
                    let until = self.hold(request.family, after, throttled - 1);
                    let long = until > Instant::now() + PARK_AFTER;
                    if long || throttled >= THROTTLED_IN_A_ROW {
                        return Err(CallError::Throttled {
                            until: clock::wall(until),
                        });
                    }
                    // The wait itself happens at the budget's gate, for everybody.
                }
                ReadOutcome::Transient => {
                    failures += 1;
                    if failures >= READ_ATTEMPTS {
                        return Err(CallError::Unavailable {
                            attempts: failures,
                            answer: Box::new(answer),
                        });
                    }
                    self.back_off(request.family, failures).await?;
                }
                ReadOutcome::NotFound { error } => {
                    return Err(CallError::NotFound {
                        error,
                        answer: Box::new(answer),
                    });
                }
                ReadOutcome::Forbidden { error } => {
                    return Err(CallError::Forbidden {
                        error,
                        answer: Box::new(answer),
                    });
                }
                ReadOutcome::Rejected { status, error } => {
                    return Err(CallError::Rejected {
                        status,
                        error,
                        answer: Box::new(answer),
                    });
                }
            }
        }
    }

    async fn attempt(
        &self,
        request: &ReadRequest,
        url: &Url,
        token: &AccessToken,
    ) -> Result<Answer, CallError> {
        let budget = &self.shared.budget;
        let mut permit = budget
            .admit(self.payer(), request.family, Direction::Read, &self.context)
            .await?;
        let client_request_id = Uuid::new_v4();
        let mut headers = call_headers(token, client_request_id);
        let accept = match request.metadata {
            Metadata::Minimal => "application/json",
            Metadata::Full => "application/json;odata.metadata=full",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if request.method() == Method::GET {
            headers.insert("prefer", HeaderValue::from_static(PREFERENCES));
        }
        permit.sent();
        Ok(self
            .shared
            .transport
            .exchange(Outgoing {
                method: request.method(),
                url: url.clone(),
                headers,
                body: None,
                client_request_id,
                path_template: &request.path_template,
            })
            .await)
    }

    /// Whose budget its requests count in, and on which tenant's lane they wait.
    pub(crate) const fn payer(&self) -> Payer {
        Payer {
            registration: self.registration,
            tenant_id: self.tenant_id,
        }
    }

    /// Holds the family back for this registration in this process; tells until when.
    pub(crate) fn hold(
        &self,
        family: ResourceFamily,
        after: Option<Duration>,
        attempt: u32,
    ) -> Instant {
        let wait = retry_after::wait(after, attempt, rand::random());
        let until = Instant::now() + wait;
        self.shared.budget.hold(self.registration, family, until);
        until
    }

    async fn back_off(&self, family: ResourceFamily, failures: u32) -> Result<(), CallError> {
        let step = Duration::from_secs(1 << (failures - 1).min(3));
        let wait = step.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        let until = Instant::now() + wait;
        self.context
            .announce(self.tenant_id, family, WaitReason::Transient, until)?;
        Ok(self.context.sleep_until(until).await?)
    }
}

/// The other version, where a refusal names it.
fn named_version(version: GraphVersion, refused: &CallError) -> Option<GraphVersion> {
    match refused {
        CallError::Rejected { status, error, .. } if *status != 401 => {
            other_version(version, error.operator_text())
        }
        _ => None,
    }
}

fn rejected(status: u16, answer: Answer) -> CallError {
    CallError::Rejected {
        status,
        error: answer.error().unwrap_or_default(),
        answer: Box::new(answer),
    }
}

/// Authorization and `client-request-id`.
pub(crate) fn call_headers(token: &AccessToken, client_request_id: Uuid) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let bearer = Zeroizing::new(format!("Bearer {}", token.text.expose()));
    // Tokens with characters a header cannot carry were refused when they were read.
    if let Ok(mut value) = HeaderValue::from_str(&bearer) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if let Ok(value) = HeaderValue::from_str(&client_request_id.to_string()) {
        headers.insert("client-request-id", value);
    }
    headers
}
