//! The API's only way out: the identity provider's discovery document and its keys.
//!
//! Decides where a request may go: to the host of the configured issuer, over TLS (a loopback host
//! is exempt, for development), without following a redirect, within limits of time and size.
//! Blocks; to be called on a thread that may.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};
use url::{Host, Url};

use super::keys::KeySet;

/// Everything about one answer, from the name's resolution to its last byte.
const TIME: Duration = Duration::from_secs(5);
/// More than any discovery document or key set.
const LARGEST: u64 = 512 * 1024;

/// Where the provider is and how it is asked.
pub struct Provider {
    issuer: String,
    url: Url,
    agent: ureq::Agent,
}

/// Why the keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No answer, or none that can be read.
    #[error("{0} does not answer: {1}")]
    NoAnswer(&'static str, Box<ureq::Error>),
    /// An answer of another status.
    #[error("{0} answers with status {1}")]
    Status(&'static str, u16),
    /// An answer of another form.
    #[error("{0} is not what it should be: {1}")]
    Form(&'static str, serde_json::Error),
    /// The document is somebody else's.
    #[error("the discovery document names another issuer than the one configured")]
    OtherIssuer,
    /// The keys are where this process does not go.
    #[error("the keys are not at a secure address of the issuer's host")]
    OtherHost,
    /// There is nothing to verify a token with.
    #[error("the key set has no usable key")]
    NoKey,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Provider {
    /// Says in words for the operator what is wrong with an issuer.
    pub fn new(issuer: &str) -> Result<Self, &'static str> {
        let url = issuer_url(issuer)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let mut config = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(url.scheme() == "https")
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIME))
            .user_agent("promotion-api");
        if is_loopback(&url) {
            config = config.proxy(None);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            url,
            agent: config.build().new_agent(),
        })
    }

    /// Discovers and reads the keys.
    pub fn read_keys(&self) -> Result<KeySet, ReadError> {
        let place = format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        );
        let discovery: Discovery = self.get("the discovery document", &place)?;
        if discovery.issuer != self.issuer {
            return Err(ReadError::OtherIssuer);
        }
        let keys = Url::parse(&discovery.jwks_uri).map_err(|_| ReadError::OtherHost)?;
        if !may_follow(&self.url, &keys) {
            return Err(ReadError::OtherHost);
        }
        let keys: Keys = self.get("the key set", keys.as_str())?;
        let keys = KeySet::of(keys.keys);
        if keys.is_empty() {
            return Err(ReadError::NoKey);
        }
        Ok(keys)
    }

    fn get<T: DeserializeOwned>(&self, what: &'static str, url: &str) -> Result<T, ReadError> {
        let failed = |error| ReadError::NoAnswer(what, Box::new(error));
        let asked = self.agent.get(url).header("accept", "application/json");
        let mut answer = asked.call().map_err(failed)?;
        if answer.status().as_u16() != 200 {
            return Err(ReadError::Status(what, answer.status().as_u16()));
        }
        let body = answer.body_mut().with_config().limit(LARGEST);
        let bytes = body.read_to_vec().map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|error| ReadError::Form(what, error))
    }
}

/// An issuer as the standard has it: https, no query, no fragment; plain http on loopback only.
fn issuer_url(issuer: &str) -> Result<Url, &'static str> {
    let url = Url::parse(issuer).map_err(|_| "it must be an absolute https address")?;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !secure {
        return Err("it must begin with https:// (http:// for loopback hosts only)");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must have neither query nor fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must hold no user name and no password");
    }
    if issuer.len() > 500 || !issuer.is_ascii() {
        return Err("it must have at most 500 characters of ASCII");
    }
    Ok(url)
}

/// Whether the keys may be read from there.
fn may_follow(issuer: &Url, keys: &Url) -> bool {
    let same_host = keys.host() == issuer.host() || (is_loopback(issuer) && is_loopback(keys));
    let secure = keys.scheme() == "https" || (keys.scheme() == "http" && issuer.scheme() == "http");
    same_host && secure && keys.username().is_empty() && keys.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_address_or_on_loopback() {
        for good in [
            "https://login.example.com/tenant/v2.0",
            "https://login.example.com/",
            "http://127.0.0.1:9000",
            "http://localhost:9000/realm",
            "http://[::1]:9000",
        ] {
            assert!(issuer_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "login.example.com",
            "http://login.example.com",
            "http://127.0.0.1.example.com",
            "https://login.example.com?x=1",
            "https://login.example.com/#x",
            "https://user:secret@login.example.com",
            "file:///etc/passwd",
        ] {
            assert!(issuer_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_read_from_the_issuers_host_only() {
        let follow = |issuer: &str, keys: &str| match (Url::parse(issuer), Url::parse(keys)) {
            (Ok(issuer), Ok(keys)) => may_follow(&issuer, &keys),
            _ => false,
        };
        let issuer = "https://login.example.com/tenant/v2.0";
        assert!(follow(issuer, "https://login.example.com/keys"));
        assert!(follow("http://127.0.0.1:1", "http://localhost:2/keys"));
        for elsewhere in [
            "https://keys.example.com/keys",
            "http://login.example.com/keys",
            "https://169.254.169.254/keys",
            "http://127.0.0.1/keys",
            "https://a:b@login.example.com/keys",
        ] {
            assert!(!follow(issuer, elsewhere), "{elsewhere}");
        }
        assert!(!follow("https://localhost/", "http://localhost/keys"));
    }
}
