//! What the process is told by its environment, checked once at the start.
//!
//! The only place that reads environment variables. It must not open anything: a variable that is
//! missing or malformed is named before the first connection is tried.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;

use store::keys::{AuditKey, MasterKey, SealingKey};

use crate::cors;
use crate::limits::{LimitSettings, Rate};
use crate::oidc::{Oidc, OidcSettings};

/// Everything the process needs to know.
#[derive(Clone)]
pub struct Config {
    /// PostgreSQL URL.
    pub database_url: String,
    /// Where to listen.
    pub bind: Vec<SocketAddr>,
    /// Connections to keep.
    pub pool_size: u32,
    /// Public half: the API can seal a credential, never open one.
    pub sealing_key: SealingKey,
    /// Chains the audit log.
    pub audit_key: AuditKey,
    /// True when the keys were derived from the master key (development).
    pub from_master_key: bool,
    /// Tracing filter.
    pub log_filter: String,
    /// Whose access tokens are taken besides API tokens.
    pub oidc: Option<OidcSettings>,
    /// How much each may ask.
    pub limits: LimitSettings,
    /// Queued and running runs that a workspace may have.
    pub active_runs: u32,
    /// Origins whose pages may use the API from a browser.
    pub cors_origins: Vec<String>,
}

const ACTIVE_RUNS: &str = "PROMOTION_ACTIVE_RUNS_PER_WORKSPACE";
const CORS_ORIGINS: &str = "PROMOTION_CORS_ORIGINS";

/// A variable that is missing or malformed: one line, never the value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// Set to something that cannot be used.
    #[error("{0} is malformed: {1}")]
    Malformed(&'static str, &'static str),
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("bind", &self.bind)
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the process environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Variables of the process that look like ours and that nobody reads.
    pub fn unknown_variables() -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        store::settings::unknown(names)
    }

    /// Reads variables through a function.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let database_url = get("DATABASE_URL").ok_or(ConfigError::Missing("DATABASE_URL"))?;
        if !(database_url.starts_with("postgres://") || database_url.starts_with("postgresql://")) {
            return Err(ConfigError::Malformed(
                "DATABASE_URL",
                "it must start with postgres:// or postgresql://",
            ));
        }
        let bind = get("PROMOTION_BIND").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let bind: Vec<SocketAddr> = bind
            .to_socket_addrs()
            .map(Iterator::collect)
            .unwrap_or_default();
        if bind.is_empty() {
            return Err(ConfigError::Malformed(
                "PROMOTION_BIND",
                "it must be an address and a port, such as 127.0.0.1:8080",
            ));
        }
        let pool_size = match get("PROMOTION_DATABASE_POOL") {
            None => 16,
            Some(text) => text.parse().ok().filter(|n| (2..=200).contains(n)).ok_or(
                ConfigError::Malformed(
                    "PROMOTION_DATABASE_POOL",
                    "it must be a number from 2 to 200",
                ),
            )?,
        };
        let (sealing_key, audit_key, from_master_key) = keys(&get)?;
        let log_filter = get("PROMOTION_LOG").unwrap_or_else(|| "info".to_owned());
        if tracing_subscriber::EnvFilter::try_new(&log_filter).is_err() {
            return Err(ConfigError::Malformed(
                "PROMOTION_LOG",
                "it must be a tracing filter, such as info",
            ));
        }
        let oidc = oidc(&get)?;
        let limits = limits(&get)?;
        let active_runs = match get(ACTIVE_RUNS) {
            None => 200,
            Some(text) => {
                text.trim()
                    .parse()
                    .ok()
                    .filter(|n| *n > 0)
                    .ok_or(ConfigError::Malformed(
                        ACTIVE_RUNS,
                        "it must be a number from 1",
                    ))?
            }
        };
        let cors_origins = match get(CORS_ORIGINS) {
            None => Vec::new(),
            Some(text) => {
                cors::origins(&text).map_err(|why| ConfigError::Malformed(CORS_ORIGINS, why))?
            }
        };
        Ok(Self {
            database_url,
            bind,
            pool_size,
            sealing_key,
            audit_key,
            from_master_key,
            log_filter,
            oidc,
            limits,
            active_runs,
            cors_origins,
        })
    }
}

/// Both or neither.
fn oidc(get: &impl Fn(&str) -> Option<String>) -> Result<Option<OidcSettings>, ConfigError> {
    const ISSUER: &str = "PROMOTION_OIDC_ISSUER";
    const AUDIENCE: &str = "PROMOTION_OIDC_AUDIENCE";
    let settings = match (get(ISSUER), get(AUDIENCE)) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(ConfigError::Missing(AUDIENCE)),
        (None, Some(_)) => return Err(ConfigError::Missing(ISSUER)),
        (Some(issuer), Some(audience)) => OidcSettings { issuer, audience },
    };
    Oidc::new(settings.clone()).map_err(|why| ConfigError::Malformed(ISSUER, why))?;
    if settings.audience.len() > 500 || settings.audience.chars().any(char::is_control) {
        return Err(ConfigError::Malformed(
            AUDIENCE,
            "it must be one audience of at most 500 characters",
        ));
    }
    Ok(Some(settings))
}

fn limits(get: &impl Fn(&str) -> Option<String>) -> Result<LimitSettings, ConfigError> {
    const REQUESTS: &str = "PROMOTION_RATE_LIMIT_PER_SECOND";
    const FAILURES: &str = "PROMOTION_FAILED_AUTHENTICATIONS_PER_SECOND";
    const PROXIES: &str = "PROMOTION_TRUSTED_PROXIES";
    let rate = |name: &'static str, default: Rate| match get(name) {
        None => Ok(default),
        Some(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|n: &NonZeroU32| n.get() <= 1_000_000)
            .map(Rate::of)
            .ok_or(ConfigError::Malformed(
                name,
                "it must be a number from 1 to 1000000",
            )),
    };
    let defaults = LimitSettings::default();
    let trusted_proxies = get(PROXIES)
        .iter()
        .flat_map(|text| text.split(','))
        .map(|text| text.trim().parse::<IpAddr>().map(|ip| ip.to_canonical()))
        .collect::<Result<_, _>>()
        .map_err(|_| ConfigError::Malformed(PROXIES, "it must be addresses with commas between"))?;
    Ok(LimitSettings {
        requests: rate(REQUESTS, defaults.requests)?,
        failures: rate(FAILURES, defaults.failures)?,
        trusted_proxies,
    })
}

fn keys(
    get: &impl Fn(&str) -> Option<String>,
) -> Result<(SealingKey, AuditKey, bool), ConfigError> {
    const SEALING: &str = "PROMOTION_SEALING_KEY";
    const AUDIT: &str = "PROMOTION_AUDIT_KEY";
    const MASTER: &str = "PROMOTION_MASTER_KEY";
    const AS_PRINTED: &str = "it must be the text that `promotionctl keys api` prints";
    match (get(SEALING), get(AUDIT)) {
        (Some(sealing), Some(audit)) => {
            let sealing = SealingKey::from_base64(sealing.trim())
                .map_err(|_| ConfigError::Malformed(SEALING, AS_PRINTED))?;
            let audit = AuditKey::from_base64(audit.trim())
                .map_err(|_| ConfigError::Malformed(AUDIT, AS_PRINTED))?;
            Ok((sealing, audit, false))
        }
        (sealing, audit) => {
            let Some(master) = get(MASTER) else {
                return Err(ConfigError::Missing(match (sealing, audit) {
                    (Some(_), None) => AUDIT,
                    _ => SEALING,
                }));
            };
            let master = MasterKey::from_base64(master.trim()).map_err(|_| {
                ConfigError::Malformed(MASTER, "it must be 32 random bytes in base64")
            })?;
            Ok((master.sealing_key(), master.audit_key(), true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn refusal(variables: &[(&str, &str)]) -> Option<String> {
        let found = Config::from_lookup(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        });
        found.err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_or_malformed_is_named_and_never_shown() {
        let url = ("DATABASE_URL", "postgres://localhost/x");
        let key = ("PROMOTION_MASTER_KEY", KEY);
        assert_eq!(refusal(&[url, key]), None);
        let table: [(&[(&str, &str)], &str); 13] = [
            (
                &[url, key, ("PROMOTION_CORS_ORIGINS", "*")],
                "PROMOTION_CORS_ORIGINS is malformed",
            ),
            (&[key], "DATABASE_URL is not set"),
            (&[key, ("DATABASE_URL", "  ")], "DATABASE_URL is not set"),
            (
                &[key, ("DATABASE_URL", "mysql://secret")],
                "DATABASE_URL is malformed",
            ),
            (&[url], "PROMOTION_SEALING_KEY is not set"),
            (
                &[url, ("PROMOTION_MASTER_KEY", "secret")],
                "PROMOTION_MASTER_KEY is malformed",
            ),
            (
                &[url, key, ("PROMOTION_BIND", "nowhere")],
                "PROMOTION_BIND is malformed",
            ),
            (
                &[url, key, ("PROMOTION_DATABASE_POOL", "0")],
                "PROMOTION_DATABASE_POOL is malformed",
            ),
            (
                &[url, key, ("PROMOTION_OIDC_ISSUER", "https://secret.test")],
                "PROMOTION_OIDC_AUDIENCE is not set",
            ),
            (
                &[url, key, ("PROMOTION_OIDC_AUDIENCE", "secret")],
                "PROMOTION_OIDC_ISSUER is not set",
            ),
            (
                &[
                    url,
                    key,
                    ("PROMOTION_OIDC_AUDIENCE", "api"),
                    ("PROMOTION_OIDC_ISSUER", "http://secret.test"),
                ],
                "PROMOTION_OIDC_ISSUER is malformed",
            ),
            (
                &[url, key, ("PROMOTION_RATE_LIMIT_PER_SECOND", "0")],
                "PROMOTION_RATE_LIMIT_PER_SECOND is malformed",
            ),
            (
                &[url, key, ("PROMOTION_TRUSTED_PROXIES", "10.0.0.1,secret")],
                "PROMOTION_TRUSTED_PROXIES is malformed",
            ),
        ];
        for (given, expected) in table {
            let text = refusal(given).unwrap_or_default();
            assert!(text.starts_with(expected), "{text}");
            assert!(!text.contains("secret"));
            assert!(!text.contains('\n'));
        }
    }
}
