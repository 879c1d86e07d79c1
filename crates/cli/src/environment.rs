//! The one place that reads environment variables. A missing or empty one is an error that names
//! it; a value is never repeated in a message.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::ending::Failure;

/// PostgreSQL URL.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
/// The root of all keys.
pub(crate) const MASTER_KEY: &str = "PROMOTION_MASTER_KEY";
/// The root that was in use before a rotation.
pub(crate) const PREVIOUS_MASTER_KEY: &str = "PROMOTION_PREVIOUS_MASTER_KEY";
/// Passwords of the database roles, in the order owner, API, worker.
pub(crate) const ROLE_PASSWORDS: [&str; 3] = [
    "PROMOTION_OWNER_DATABASE_PASSWORD",
    "PROMOTION_API_DATABASE_PASSWORD",
    "PROMOTION_WORKER_DATABASE_PASSWORD",
];
/// Base URL of the API.
pub(crate) const API_URL: &str = "PROMOTION_API_URL";
/// Bearer token.
pub(crate) const TOKEN: &str = "PROMOTION_TOKEN";
/// Workspace, by id or name.
pub(crate) const WORKSPACE: &str = "PROMOTION_WORKSPACE";

/// Where the profiles are kept.
pub(crate) const CONFIG_FILE: &str = "PROMOTION_CONFIG_FILE";

/// The file of profiles: PROMOTION_CONFIG_FILE, or config.yaml in the folder that the system has for
/// such files. None where there is neither.
pub(crate) fn config_file() -> Result<Option<PathBuf>, Failure> {
    if let Some(file) = optional(CONFIG_FILE)? {
        return Ok(Some(PathBuf::from(file)));
    }
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = folder("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".config")))
        .or_else(|| folder("APPDATA").map(PathBuf::from));
    Ok(base.map(|base| base.join("promotionctl").join("config.yaml")))
}

/// Variables that look like ours and that nobody reads.
pub(crate) fn unknown() -> Vec<String> {
    store::settings::unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
}

/// A variable that must be there.
pub(crate) fn required(name: &'static str) -> Result<String, Failure> {
    optional(name)?.ok_or_else(|| Failure::Environment {
        name,
        why: "is not set".to_owned(),
    })
}

/// The URL of the database. Checked here, since libpq repeats what it cannot read, password and all.
pub(crate) fn database_url() -> Result<String, Failure> {
    let url = required(DATABASE_URL)?;
    checked_database_url(url)
}

/// The same, where it may be absent.
pub(crate) fn optional_database_url() -> Result<Option<String>, Failure> {
    optional(DATABASE_URL)?
        .map(checked_database_url)
        .transpose()
}

fn checked_database_url(url: String) -> Result<String, Failure> {
    let scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
    // Several hosts with ports are libpq's own notation.
    if scheme && (url.contains(',') || reqwest::Url::parse(&url).is_ok()) {
        return Ok(url);
    }
    Err(Failure::Environment {
        name: DATABASE_URL,
        why: "is not a postgres:// URL".to_owned(),
    })
}

/// A variable that may be absent; empty counts as absent.
pub(crate) fn optional(name: &'static str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value.trim().to_owned())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Environment {
            name,
            why: "is not UTF-8 text".to_owned(),
        }),
    }
}

/// How wide the terminal is that data goes to: COLUMNS where it is set, nothing where data goes
/// elsewhere.
pub(crate) fn width() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok();
    if let Some(width) = set.and_then(|text| text.trim().parse::<usize>().ok()) {
        return (width >= 20).then_some(width);
    }
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (_, width) = console::Term::stdout().size_checked()?;
    (width >= 20).then_some(usize::from(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_that_cannot_be_read_is_not_repeated() {
        for good in [
            "postgres://user:word@host/name",
            "postgresql:///name?host=/run/postgresql",
            "postgres://one:5432,two:5432/name",
            "postgres://user@[::1]:5432/name?sslmode=require",
        ] {
            assert!(checked_database_url(good.to_owned()).is_ok(), "{good}");
        }
        for wrong in [
            "nonsense",
            "postgre://user:word@host",
            "postgres://user:word@host:port/x",
        ] {
            let message = checked_database_url(wrong.to_owned())
                .err()
                .map(|e| e.to_string());
            assert_eq!(
                message.as_deref(),
                Some("DATABASE_URL: is not a postgres:// URL")
            );
        }
    }
}
