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
    "PROMOTION_CONFIG_FILE",
];

/// A version, with the commit where the build knew it: what is not a commit is not said.
pub fn version(version: &str, commit: Option<&str>) -> String {
    let commit = commit
        .map(str::trim)
        .filter(|text| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|text| text.get(..text.len().min(12)));
    match commit {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    }
}

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
    use super::{unknown, version};

    #[test]
    fn a_version_names_its_commit_where_there_is_one() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(version("1.2.3", Some(commit)), "1.2.3 (0123456789ab)");
        for none in [None, Some(""), Some("main"), Some("abc")] {
            assert_eq!(version("1.2.3", none), "1.2.3");
        }
    }

    #[test]
    fn a_misspelt_name_is_found_and_a_stranger_is_not_ours() {
        let names = ["PROMOTION_LOG", "PROMOTION_LGO", "PATH", "PROMOTION_\u{1b}"];
        assert_eq!(
            unknown(names.map(str::to_owned)),
            ["PROMOTION_LGO", "PROMOTION_\\u{1b}"]
        );
    }
}
