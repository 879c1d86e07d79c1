//! Why a call gave nothing: a closed list a worker can act on.

use chrono::{DateTime, Utc};

use crate::answer::Answer;
use crate::budget::AdmitError;
use crate::cloud::EndpointError;
use crate::error_body::GraphError;
use crate::lane::LaneError;
use crate::token::TokenError;
use crate::wait::Interrupted;

/// Why a call gave nothing. For a write, each of them means that nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Graph, or our own hold because of it, asks for a wait longer than a worker should be held:
    /// park the run until then.
    #[error("throttled until {until}")]
    Throttled {
        /// When to come back.
        until: DateTime<Utc>,
    },
    /// The deadline would pass first.
    #[error("the deadline would pass before {until}")]
    Deadline {
        /// When it could have gone on.
        until: DateTime<Utc>,
    },
    /// The stop signal came.
    #[error("stopped")]
    Stopped,
    /// The path is not a plain path below the version segment.
    #[error(transparent)]
    Path(#[from] EndpointError),
    /// The Conditional Access lane gave no place.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// 404.
    #[error("not found: {}", .error.operator_text())]
    NotFound {
        /// What Graph said.
        error: GraphError,
        /// The whole answer.
        answer: Box<Answer>,
    },
    /// 403.
    #[error("forbidden: {}", .error.operator_text())]
    Forbidden {
        /// What Graph said.
        error: GraphError,
        /// The whole answer.
        answer: Box<Answer>,
    },
    /// Refused for good; a 401 that a new token did not cure included.
    #[error("refused with {status}: {}", .error.operator_text())]
    Rejected {
        /// HTTP status.
        status: u16,
        /// What Graph said.
        error: GraphError,
        /// The whole answer.
        answer: Box<Answer>,
    },
    /// Passing failures, too many of them.
    #[error("no usable answer after {attempts} attempts")]
    Unavailable {
        /// How many.
        attempts: u32,
        /// The last answer.
        answer: Box<Answer>,
    },
    /// An answer to the question for a secret that is no text.
    #[error("the answer is not the secret that was asked for")]
    NotASecret,
    /// A list that cannot be read to its end: nothing may be concluded from what is not in it.
    #[error("the list is incomplete: {0}")]
    Incomplete(Incomplete),
}

/// Why a list cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// A `nextLink` leads to another host, port, scheme or version.
    #[error("its next page is not on the configured Graph host")]
    ForeignLink,
    /// A `nextLink` came a second time.
    #[error("its pages form a loop")]
    Loop,
    /// More pages than any real list has.
    #[error("it has too many pages")]
    TooManyPages,
    /// A page without a `value` array, or with an unusable `nextLink`.
    #[error("a page has no list in it")]
    NotAList,
    /// It says how many items it has, and other than so many came.
    #[error("it says that it has {said} items, and {read} were read")]
    Count {
        /// What it says.
        said: u64,
        /// What was read.
        read: u64,
    },
    /// An item that is no object.
    #[error("it holds something that is no object")]
    NotAnObject,
    /// Two items with the same id.
    #[error("it names one object twice, so that another is missing")]
    Twice,
    /// An answer says that an error cut it short, although its status is a success.
    #[error("an answer says that an error cut it short")]
    ErrorInside,
}

impl CallError {
    /// Stable code for journals, coverage records and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Throttled { .. } => "throttled",
            Self::Deadline { .. } => "deadline",
            Self::Stopped => "stopped",
            Self::Path(_) => "invalid_path",
            Self::Lane(_) => "lane_unavailable",
            Self::NotFound { .. } => "graph_not_found",
            Self::Forbidden { .. } => "graph_forbidden",
            Self::Rejected { .. } => "graph_rejected",
            Self::Unavailable { .. } => "graph_unavailable",
            Self::NotASecret => "secret_unreadable",
            Self::Incomplete(_) => "list_incomplete",
        }
    }

    /// The answer behind it, if one came.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::NotFound { answer, .. }
            | Self::Forbidden { answer, .. }
            | Self::Rejected { answer, .. }
            | Self::Unavailable { answer, .. } => Some(answer),
            Self::Token(_)
            | Self::Throttled { .. }
            | Self::Deadline { .. }
            | Self::Stopped
            | Self::Path(_)
            | Self::Lane(_)
            | Self::NotASecret
            | Self::Incomplete(_) => None,
        }
    }
}

impl From<Interrupted> for CallError {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Stopped => Self::Stopped,
            Interrupted::Deadline(until) => Self::Deadline { until },
            Interrupted::TooLong(until) => Self::Throttled { until },
        }
    }
}

impl From<AdmitError> for CallError {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Interrupted(interrupted) => interrupted.into(),
            AdmitError::Lane(error) => Self::Lane(error),
        }
    }
}
