//! How a command ends: the exit codes of the contract and the closed list of failures that lead to
//! them. Whatever the API refuses keeps its problem document, so that a script can read the code.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done, or no differences.
    Done = 0,
    /// An error, wrong usage included.
    Error = 1,
    /// Compare or preflight found differences or changes.
    Differences = 2,
    /// Blocked or stale.
    Blocked = 3,
    /// Another mutating run holds the target.
    ScopeBusy = 4,
    /// The time given is over while the run goes on.
    TimedOut = 5,
    /// Not signed in, or not allowed.
    Denied = 6,
    /// The run ended other than succeeded.
    NotSucceeded = 7,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending as u8)
    }
}

/// Everything that can stop a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller asked for something that cannot be done as asked.
    #[error("{0}")]
    Usage(String),
    /// An environment variable is missing or unusable; the text names it.
    #[error("{name}: {why}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What is wrong with it, without its value.
        why: String,
    },
    /// The API refused, with its problem document.
    #[error("{}", crate::show::problem::line(.0))]
    Refused(Value),
    /// The API answered something outside the contract.
    #[error("the API answered {status} without a problem document: {excerpt}")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// The start of the body.
        excerpt: String,
    },
    /// The API's answer lacks a member the contract promises.
    #[error("the API's answer has no {0}")]
    Incomplete(&'static str),
    /// No answer came.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was called.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The run goes on, the patience is over.
    #[error("run {run} goes on after {}", crate::show::duration(*.waited))]
    TimedOut {
        /// The run's id.
        run: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The audit log does not hold together.
    #[error("the audit log is broken at entry {sequence}: {why}")]
    AuditBroken {
        /// The first entry that does not fit.
        sequence: i64,
        /// What does not fit.
        why: String,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A key could not be used.
    #[error(transparent)]
    Key(#[from] store::keys::KeyError),
    /// There is no private PostgreSQL for the demo.
    #[error("no private PostgreSQL")]
    DevCluster(#[from] store::dev_cluster::DevClusterError),
    /// Files, pipes, processes.
    #[error("input or output failed")]
    Io(#[from] std::io::Error),
    /// JSON that is not JSON.
    #[error("not valid JSON")]
    Json(#[from] serde_json::Error),
    /// YAML that is not YAML.
    #[error("not valid YAML")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Somebody pressed ctrl-c, or sent SIGTERM.
    #[error("interrupted; everything that was started is stopped")]
    Interrupted,
    /// A part of the demo did not do what it must.
    #[error("{0}")]
    Demo(String),
}

impl Failure {
    /// The exit code this failure leads to.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Refused(problem) => ending_of_problem(problem),
            Self::TimedOut { .. } => Ending::TimedOut,
            // Whoever reads our output has seen enough.
            Self::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ending::Done,
            Self::Usage(_)
            | Self::Environment { .. }
            | Self::Unexpected { .. }
            | Self::Incomplete(_)
            | Self::Unreachable { .. }
            | Self::AuditBroken { .. }
            | Self::Store(_)
            | Self::Key(_)
            | Self::DevCluster(_)
            | Self::Io(_)
            | Self::Json(_)
            | Self::Yaml(_)
            | Self::Interrupted
            | Self::Demo(_) => Ending::Error,
        }
    }
}

fn ending_of_problem(problem: &Value) -> Ending {
    match problem.get("code").and_then(Value::as_str) {
        Some("blocked" | "plan_stale") => Ending::Blocked,
        Some("scope_busy") => Ending::ScopeBusy,
        Some("unauthenticated" | "capability_denied") => Ending::Denied,
        _ => Ending::Error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_refusal_leads_to_the_exit_code_of_the_contract() {
        let table = [
            ("blocked", Ending::Blocked),
            ("plan_stale", Ending::Blocked),
            ("scope_busy", Ending::ScopeBusy),
            ("unauthenticated", Ending::Denied),
            ("capability_denied", Ending::Denied),
            ("not_found", Ending::Error),
            ("validation_failed", Ending::Error),
            ("unavailable", Ending::Error),
        ];
        for (code, ending) in table {
            let failure = Failure::Refused(json!({"code": code, "detail": "x"}));
            assert_eq!(failure.ending(), ending, "{code}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        assert_eq!(Ending::Done as u8, 0);
        assert_eq!(Ending::Error as u8, 1);
        assert_eq!(Ending::Differences as u8, 2);
        assert_eq!(Ending::Blocked as u8, 3);
        assert_eq!(Ending::ScopeBusy as u8, 4);
        assert_eq!(Ending::TimedOut as u8, 5);
        assert_eq!(Ending::Denied as u8, 6);
        assert_eq!(Ending::NotSucceeded as u8, 7);
    }

    #[test]
    fn a_refusal_reads_as_code_and_detail() {
        let failure = Failure::Refused(json!({"code": "blocked", "detail": "Nothing is ready."}));
        assert_eq!(failure.to_string(), "blocked: Nothing is ready.");
    }
}
