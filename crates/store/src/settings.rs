//! The names of the product's environment variables, so that one which nobody reads is warned of: a
//! misspelt setting would silently be its default. Reads nothing itself.

/// What every name of ours begins with.
const PREFIX: &str = "PROMOTION_";

/// Every variable that some process of the product reads, in the order of docs/operations.md.
pub const KNOWN: &[&str] = &[
    "PROMOTION_BIND",
    "PROMOTION_DATABASE_POOL",
    "PROMOTION_OIDC_ISSUER",
    "PROMOTION_OIDC_AUDIENCE",
    "PROMOTION_RATE_LIMIT_PER_SECOND",
    "PROMOTION_ACTIVE_RUNS_PER_WORKSPACE",
    "PROMOTION_FAILED_AUTHENTICATIONS_PER_SECOND",
    "PROMOTION_CORS_ORIGINS",
    "PROMOTION_TRUSTED_PROXIES",
    "PROMOTION_SEALING_KEY",
    "PROMOTION_AUDIT_KEY",
    "PROMOTION_MASTER_KEY",
    "PROMOTION_PREVIOUS_MASTER_KEY",
    "PROMOTION_WORKER_BIND",
    "PROMOTION_WORKER_CONCURRENCY",
    "PROMOTION_LEASE_SECONDS",
    "PROMOTION_GRAPH_WRITES_PER_20S",
    "PROMOTION_GRAPH_READS_PER_20S",
    "PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND",
    "PROMOTION_GRAPH_TIMEOUT_SECONDS",
    "PROMOTION_GRAPH_URL",
    "PROMOTION_LOGIN_URL",
    "PROMOTION_ALLOW_INSECURE_GRAPH",
    "PROMOTION_FEDERATED_TOKEN_FILES",
    "PROMOTION_LOG",
    "PROMOTION_OWNER_DATABASE_PASSWORD",
    "PROMOTION_API_DATABASE_PASSWORD",
    "PROMOTION_WORKER_DATABASE_PASSWORD",
    "PROMOTION_API_URL",
    "PROMOTION_TOKEN",
    "PROMOTION_WORKSPACE",
];

/// The names among these that look like ours and are read by nobody. Names only: a value may be a
/// secret.
pub fn unknown(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with(PREFIX) && !KNOWN.contains(&name.as_str()))
        .map(|name| name.escape_default().to_string())
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_misspelt_name_is_found_and_a_stranger_is_not_ours() {
        let names = ["PROMOTION_LOG", "PROMOTION_LGO", "PATH", "PROMOTION_\u{1b}"];
        assert_eq!(
            unknown(names.map(str::to_owned)),
            ["PROMOTION_LGO", "PROMOTION_\\u{1b}"]
        );
    }
}
