//! The wire: one HTTP attempt, and what became of it as an [`Answer`].
//!
//! The only file that builds an HTTP client. No redirects, no hidden retries, time-outs on
//! everything, a cap on every body. (The connection pool below may move a request that has not been
//! written yet from a dead kept connection to a new one; nothing that reached the wire is sent
//! twice.) It must not decide whether to try again.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use tokio::time::Instant;
use tracing::Instrument;
use url::Url;
use uuid::Uuid;

use crate::answer::{Answer, AnswerHeaders, Body, Lost};
use crate::clock;

/// Limits of every exchange.
#[derive(Clone, Debug)]
pub struct TransportLimits {
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for the whole exchange, body included.
    pub request_timeout: Duration,
    /// Largest body read, in bytes.
    pub body_cap: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(100),
            body_cap: 64 * 1024 * 1024,
        }
    }
}

/// One finished HTTP attempt, for metrics.
#[derive(Clone, Debug)]
pub struct CallRecord<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path with every variable part named.
    pub path_template: &'a str,
    /// HTTP status; `None` when lost.
    pub status: Option<u16>,
    /// How it was lost.
    pub lost: Option<Lost>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Sees every finished attempt; must not block.
pub type OnCall = Arc<dyn Fn(&CallRecord<'_>) + Send + Sync>;

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct TransportError(#[source] reqwest::Error);

pub(crate) struct Transport {
    client: Client,
    body_cap: usize,
    on_call: Option<OnCall>,
}

/// One request, ready to go.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) client_request_id: Uuid,
    pub(crate) path_template: &'a str,
}

impl Transport {
    /// `direct` ignores the environment's proxy variables (loopback endpoints).
    pub(crate) fn new(
        limits: &TransportLimits,
        direct: bool,
        on_call: Option<OnCall>,
    ) -> Result<Self, TransportError> {
        let mut builder = Client::builder()
            .user_agent(concat!(
                "cross-tenant-promotion/",
                env!("CARGO_PKG_VERSION")
            ))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.request_timeout)
            .pool_idle_timeout(Duration::from_secs(30));
        if direct {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build().map_err(TransportError)?,
            body_cap: limits.body_cap,
            on_call,
        })
    }

    /// Sends once. Cancelling the future cuts the exchange.
    pub(crate) async fn exchange(&self, outgoing: Outgoing<'_>) -> Answer {
        let span = tracing::info_span!(
            "graph_call",
            graph.method = outgoing.method.as_str(),
            graph.path_template = outgoing.path_template,
            graph.client_request_id = %outgoing.client_request_id,
            graph.status = tracing::field::Empty,
            graph.request_id = tracing::field::Empty,
            duration_ms = tracing::field::Empty,
        );
        let begun = Instant::now();
        let method = outgoing.method.clone();
        let template = outgoing.path_template;
        let client_request_id = outgoing.client_request_id;
        let mut answer = self.attempt(outgoing).instrument(span.clone()).await;
        answer.client_request_id = client_request_id;
        answer.received_at = clock::now();
        answer.elapsed = begun.elapsed();
        let milliseconds = u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX);
        span.record("duration_ms", milliseconds);
        if let Some(status) = answer.status {
            span.record("graph.status", status);
        }
        if let Some(request_id) = &answer.headers.request_id {
            span.record("graph.request_id", request_id);
        }
        let lost = answer.lost_kind();
        span.in_scope(|| tracing::debug!(graph.lost = ?lost, "graph answered"));
        if let Some(on_call) = &self.on_call {
            on_call(&CallRecord {
                method: method.as_str(),
                path_template: template,
                status: answer.status,
                lost,
                elapsed: answer.elapsed,
            });
        }
        answer
    }

    async fn attempt(&self, outgoing: Outgoing<'_>) -> Answer {
        let mut request = self
            .client
            .request(outgoing.method, outgoing.url)
            .headers(outgoing.headers);
        if let Some(body) = outgoing.body {
            request = request.body(body);
        }
        match request.send().await {
            Ok(response) => self.receive(response).await,
            Err(error) => {
                let lost = lost_kind(&error);
                tracing::debug!(graph.lost = ?lost, "no answer");
                Answer::lost(lost)
            }
        }
    }

    async fn receive(&self, mut response: Response) -> Answer {
        let status = response.status().as_u16();
        let pairs = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = AnswerHeaders::read(pairs);
        let body = self.read_body(&mut response).await;
        Answer {
            status: Some(status),
            headers,
            body,
            ..Answer::lost(Lost::Broken)
        }
    }

    async fn read_body(&self, response: &mut Response) -> Body {
        let mut received = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if received.len() + chunk.len() > self.body_cap => {
                    return Body::TooLarge;
                }
                Ok(Some(chunk)) => received.extend_from_slice(&chunk),
                Ok(None) => return Body::received(received.freeze()),
                Err(error) if error.is_timeout() => return Body::Lost(Lost::TimedOut),
                Err(_) => return Body::Lost(Lost::Broken),
            }
        }
    }
}

/// Only a failure to connect (or to build the request) proves that nothing was sent.
fn lost_kind(error: &reqwest::Error) -> Lost {
    if error.is_connect() || error.is_builder() {
        return Lost::NeverSent;
    }
    if error.is_timeout() {
        return Lost::TimedOut;
    }
    Lost::Broken
}
