//! The one place that reads environment variables. A missing or empty one is an error that names
//! it; a value is never repeated in a message.

use crate::ending::Failure;

/// PostgreSQL URL.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
/// The root of all keys.
pub(crate) const MASTER_KEY: &str = "PROMOTION_MASTER_KEY";
/// The root that was in use before a rotation.
pub(crate) const PREVIOUS_MASTER_KEY: &str = "PROMOTION_PREVIOUS_MASTER_KEY";
/// Base URL of the API.
pub(crate) const API_URL: &str = "PROMOTION_API_URL";
/// Bearer token.
pub(crate) const TOKEN: &str = "PROMOTION_TOKEN";
/// Workspace, by id or name.
pub(crate) const WORKSPACE: &str = "PROMOTION_WORKSPACE";

/// A variable that must be there.
pub(crate) fn required(name: &'static str) -> Result<String, Failure> {
    optional(name)?.ok_or_else(|| Failure::Environment {
        name,
        why: "is not set".to_owned(),
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
