//! Application tokens: fetched once, renewed early, checked against the tenant they are for.
//!
//! One token per registration, cloud, tenant, client and credential. Renewal begins at 80 % of a token's life and
//! is done by one caller while the others go on with the old token. It must not decide what a
//! token's roles are good for, and it never shows a token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::budget::lock;
use crate::clock;
use crate::connection::TenantConnection;
use crate::credential::CredentialError;
use crate::refusal::{self, Refused, TokenRefusal};
use crate::secret_text::SecretText;
use crate::transport::{Outgoing, Transport};

/// Attempts at one token when the login service is in trouble.
const ATTEMPTS: u32 = 3;
/// A token this close to its end (or in the last tenth of a short life) is not used any more.
const MARGIN: Duration = Duration::from_mins(1);
/// Life assumed when the login service states none.
const ASSUMED_LIFE: Duration = Duration::from_mins(5);
/// How long a failure is handed to everybody who asks, instead of asking again.
const FAILURE_LIFE: Duration = Duration::from_secs(2);

/// A token with what is known of it.
#[derive(Clone)]
pub struct AccessToken {
    pub(crate) text: SecretText,
    /// Application roles in it; `None` when the token is opaque.
    pub roles: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    asked: Instant,
    unusable: Instant,
    renew: Instant,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessToken")
            .field("roles", &self.roles)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The login service refused.
    #[error("{}", .0.refusal.advice())]
    Refused(Refused),
    /// The token is for another tenant. Nothing is ever sent with it.
    #[error("the token belongs to another tenant")]
    WrongTenant {
        /// The tenant it should be for.
        expected: Uuid,
        /// The tenant it is for.
        found: String,
    },
    /// The credential itself cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The login service could not be reached or made no sense.
    #[error("the login service could not be reached or gave no usable answer")]
    Unavailable,
}

impl TokenError {
    /// Whether asking again cannot help until somebody changes something.
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.refusal.is_terminal(),
            Self::WrongTenant { .. } | Self::Credential(_) => true,
            Self::Unavailable => false,
        }
    }

    /// Stable code for connection health.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.refusal.code(),
            Self::WrongTenant { .. } => "wrong_tenant",
            Self::Credential(_) => "credential_unusable",
            Self::Unavailable => TokenRefusal::Passing.code(),
        }
    }
}

/// The token of one connection.
pub(crate) struct TokenSource {
    connection: TenantConnection,
    token_url: Url,
    current: Mutex<Option<Arc<AccessToken>>>,
    /// Held by whoever renews; guards what concerns the next renewal.
    renewal: tokio::sync::Mutex<Renewal>,
    /// Claims demanded by a challenge, for the next renewal.
    claims: Mutex<Option<String>>,
}

#[derive(Default)]
struct Renewal {
    failed: Option<(Instant, TokenError)>,
}

impl TokenSource {
    /// A token with some life left in it.
    pub(crate) async fn token(
        &self,
        transport: &Transport,
    ) -> Result<Arc<AccessToken>, TokenError> {
        let usable = self.usable();
        if let Some(token) = &usable
            && Instant::now() < token.renew
        {
            return Ok(Arc::clone(token));
        }
        let mut renewal = match (&usable, self.renewal.try_lock()) {
            (_, Ok(renewal)) => renewal,
            (Some(token), Err(_)) => return Ok(Arc::clone(token)),
            (None, Err(_)) => self.renewal.lock().await,
        };
        let usable = self.usable();
        if let Some(token) = &usable
            && Instant::now() < token.renew
        {
            return Ok(Arc::clone(token));
        }
        if let Some((at, error)) = &renewal.failed
            && at.elapsed() < FAILURE_LIFE
        {
            return usable.ok_or_else(|| error.clone());
        }
        match self.fetch(transport).await {
            Ok(token) => {
                let token = Arc::new(token);
                *lock(&self.current) = Some(Arc::clone(&token));
                *lock(&self.claims) = None;
                renewal.failed = None;
                Ok(token)
            }
            Err(error) => {
                tracing::warn!(
                    tenant.id = %self.connection.tenant_id,
                    error.code = error.code(),
                    "no token"
                );
                renewal.failed = Some((Instant::now(), error.clone()));
                match usable {
                    Some(token) if !error.is_terminal() => Ok(token),
                    Some(_) | None => Err(error),
                }
            }
        }
    }

    /// Drops this token, if it is still the current one: Graph did not accept it.
    pub(crate) fn drop_token(&self, token: &Arc<AccessToken>, claims: Option<&str>) {
        let mut current = lock(&self.current);
        if current
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, token))
        {
            *current = None;
            *lock(&self.claims) = claims.map(str::to_owned);
        }
    }

    /// Has a token renewed that was asked for longer ago than this: what was granted since is only
    /// in a new one. Where the login service is in trouble the old one goes on being used.
    pub(crate) fn renew_if_older(&self, age: Duration) {
        let mut current = lock(&self.current);
        if let Some(token) = current.as_mut()
            && token.asked.elapsed() >= age
        {
            let due = AccessToken {
                renew: Instant::now(),
                ..AccessToken::clone(token)
            };
            *token = Arc::new(due);
        }
    }

    fn usable(&self) -> Option<Arc<AccessToken>> {
        lock(&self.current)
            .clone()
            .filter(|token| Instant::now() < token.unusable)
    }

    async fn fetch(&self, transport: &Transport) -> Result<AccessToken, TokenError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let asked = Instant::now();
            let answer = self.request(transport).await?;
            match read_token(&answer, self.connection.tenant_id, asked) {
                Err(error) if !error.is_terminal() && attempt < ATTEMPTS => {
                    let hint = answer.retry_after().unwrap_or(Duration::from_secs(1));
                    let wait = (hint * attempt).min(Duration::from_secs(5));
                    tokio::time::sleep(wait.mul_f64(0.75 + rand::random::<f64>() / 2.0)).await;
                }
                read => return read,
            }
        }
    }

    async fn request(&self, transport: &Transport) -> Result<Answer, TokenError> {
        let connection = &self.connection;
        let proof = connection
            .credential
            .form_fields(&connection.client_id, &self.token_url, clock::now())
            .await?;
        let body = self.form(&proof);
        let client_request_id = Uuid::new_v4();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        if let Ok(value) = HeaderValue::from_str(&client_request_id.to_string()) {
            headers.insert("client-request-id", value);
        }
        let outgoing = Outgoing {
            method: Method::POST,
            url: self.token_url.clone(),
            headers,
            body: Some(body),
            client_request_id,
            path_template: "/{tenant}/oauth2/v2.0/token",
        };
        Ok(transport.exchange(outgoing).await)
    }

    /// The form body, wiped from memory after it was sent.
    fn form(&self, proof: &[(&'static str, SecretText)]) -> Bytes {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.connection.client_id)
            .append_pair("scope", &self.connection.endpoints.scope());
        for (name, value) in proof {
            form.append_pair(name, value.expose());
        }
        if let Some(claims) = lock(&self.claims).as_deref() {
            form.append_pair("claims", claims);
        }
        Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
    }
}

#[derive(Deserialize)]
struct TokenDocument {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(default)]
    exp: Option<i64>,
}

/// Reads the answer of the token endpoint.
fn read_token(answer: &Answer, tenant_id: Uuid, asked: Instant) -> Result<AccessToken, TokenError> {
    let Some(status) = answer.status else {
        return Err(TokenError::Unavailable);
    };
    if !answer.is_success() {
        if (300..=399).contains(&status) {
            return Err(TokenError::Unavailable);
        }
        let body = answer.json_bytes().map_or(&[][..], |bytes| bytes);
        return Err(TokenError::Refused(refusal::decode(status, body)));
    }
    let document: TokenDocument = answer.json().map_err(|_| TokenError::Unavailable)?;
    let text = SecretText::new(document.access_token);
    let printable = text.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if text.expose().is_empty() || !printable {
        return Err(TokenError::Unavailable);
    }
    let claims = decode_claims(text.expose());
    if let Some(found) = claims.as_ref().and_then(|claims| claims.tid.as_ref())
        && Uuid::parse_str(found) != Ok(tenant_id)
    {
        return Err(TokenError::WrongTenant {
            expected: tenant_id,
            found: crate::error_body::clean(found, 64),
        });
    }
    let claims_known = claims.is_some();
    let claims = claims.unwrap_or_default();
    let stated = match &document.expires_in {
        Some(serde_json::Value::Number(number)) => number.as_u64(),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let by_claim = claims
        .exp
        .and_then(|exp| u64::try_from(exp - answer.received_at.timestamp()).ok());
    let life = stated.or(by_claim).map_or(ASSUMED_LIFE, |seconds| {
        Duration::from_secs(seconds.min(86_400 * 2))
    });
    let expires = asked + life;
    Ok(AccessToken {
        text,
        roles: claims_known.then(|| {
            let mut roles = claims.roles.unwrap_or_default();
            roles.sort();
            roles.dedup();
            roles
        }),
        expires_at: clock::wall(expires),
        asked,
        unusable: expires - MARGIN.min(life / 10),
        renew: asked + life.mul_f64(0.8),
    })
}

/// The payload of a JWT, not verified: the token comes from the login service over TLS and Graph
/// verifies it. `None` when the token is opaque.
fn decode_claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&payload).ok()
}

/// All token sources of the process.
#[derive(Default)]
pub(crate) struct TokenCache {
    sources: Mutex<HashMap<TokenKey, Arc<TokenSource>>>,
}

#[derive(PartialEq, Eq, Hash)]
struct TokenKey {
    /// A token that one registration got serves no other, even with the same credential.
    registration: Uuid,
    token_url: Url,
    scope: String,
    client_id: String,
    credential: [u8; 32],
}

impl TokenCache {
    /// The source for a connection; the same one for equal connections.
    pub(crate) fn source(&self, connection: TenantConnection) -> Arc<TokenSource> {
        let token_url = connection.token_url.clone();
        let key = TokenKey {
            registration: connection.registration,
            token_url: token_url.clone(),
            scope: connection.endpoints.scope(),
            client_id: connection.client_id.clone(),
            credential: connection.credential.digest(),
        };
        let mut sources = lock(&self.sources);
        // Sources nobody holds and whose token has ended are of no more use.
        sources.retain(|_, source| Arc::strong_count(source) > 1 || source.usable().is_some());
        let source = sources.entry(key).or_insert_with(|| {
            Arc::new(TokenSource {
                connection,
                token_url,
                current: Mutex::default(),
                renewal: tokio::sync::Mutex::default(),
                claims: Mutex::default(),
            })
        });
        Arc::clone(source)
    }
}

#[cfg(test)]
#[path = "token_test.rs"]
mod tests;
