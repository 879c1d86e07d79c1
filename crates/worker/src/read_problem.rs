//! Why a read gave nothing, in the words a run decides by. It must not send, wait or retry.

use chrono::{DateTime, Utc};
use graph::{CallError, Incomplete, TokenError};

use crate::interrupt::Interrupt;
use crate::lease::Halt;

/// Why a read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadProblem {
    /// The work stops here.
    Interrupted(Interrupt),
    /// Graph asks for a wait that is too long to sit out.
    Throttled { until: DateTime<Utc> },
    /// There is no such object.
    NotFound,
    /// A role, licence or restriction.
    Forbidden { message: String },
    /// Graph refuses the request itself.
    Rejected { message: String },
    /// The credential gives no usable token.
    Unauthorized { code: &'static str, message: String },
    /// Passing failures, too many of them.
    Unavailable { code: &'static str, message: String },
    /// An answer that cannot be used: an endless list, an item that cannot be parsed.
    Unusable { code: &'static str, message: String },
}

impl ReadProblem {
    /// Stable reason code and a message for the operator.
    pub(crate) fn explain(self) -> (&'static str, String) {
        match self {
            Self::Interrupted(_) => ("interrupted", "The work was interrupted.".to_owned()),
            Self::Throttled { until } => {
                ("throttled", format!("Graph asks to wait until {until}."))
            }
            Self::NotFound => ("graph_not_found", "Graph does not find it.".to_owned()),
            Self::Forbidden { message } => ("graph_forbidden", message),
            Self::Rejected { message } => ("graph_rejected", message),
            Self::Unauthorized { code, message }
            | Self::Unavailable { code, message }
            | Self::Unusable { code, message } => (code, message),
        }
    }

    /// What a failed call means for the run that `halt` belongs to.
    pub(crate) fn of(error: CallError, halt: &Halt) -> Self {
        match error {
            CallError::Stopped => Self::Interrupted(halt.reason()),
            CallError::Throttled { until } | CallError::Deadline { until } => {
                Self::Throttled { until }
            }
            CallError::Token(error) => token_problem(&error),
            CallError::NotFound { .. } => Self::NotFound,
            CallError::Forbidden { error, .. } => Self::Forbidden {
                message: error.operator_text().to_owned(),
            },
            CallError::Rejected {
                status: 401, error, ..
            } => Self::Unauthorized {
                code: "graph_unauthorized",
                message: error.operator_text().to_owned(),
            },
            CallError::Rejected { error, .. } => Self::Rejected {
                message: error.operator_text().to_owned(),
            },
            CallError::Unavailable { attempts, .. } => Self::Unavailable {
                code: "graph_unavailable",
                message: format!("Graph gave no usable answer in {attempts} attempts."),
            },
            CallError::Lane(_) => Self::Unavailable {
                code: "lane_unavailable",
                message: "The Conditional Access lane could not be asked for a place.".to_owned(),
            },
            CallError::Path(_) => Self::Unusable {
                code: "invalid_path",
                message: "The object's id does not make a valid address.".to_owned(),
            },
            CallError::NotASecret => Self::Unusable {
                code: "secret_unreadable",
                message: "Graph's answer is not the secret that was asked for.".to_owned(),
            },
            CallError::Incomplete(Incomplete::ErrorInside) => Self::Unusable {
                code: "answer_incomplete",
                message: "Graph's answer says that an error cut it short.".to_owned(),
            },
            CallError::Incomplete(why) => Self::Unusable {
                code: "list_incomplete",
                message: format!("The list cannot be read to its end: {why}."),
            },
        }
    }
}

fn token_problem(error: &TokenError) -> ReadProblem {
    if error.is_terminal() {
        return ReadProblem::Unauthorized {
            code: error.code(),
            message: error.to_string(),
        };
    }
    ReadProblem::Unavailable {
        code: error.code(),
        message: error.to_string(),
    }
}
