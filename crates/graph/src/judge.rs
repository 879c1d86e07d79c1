//! How a Graph answer becomes a decision: total functions, no input or output.
//!
//! The table is that of the Graph semantics this product is built on: a lost or doubtful answer to
//! a write is [`WriteOutcome::Unknown`], never a retry; approval is recognised by its header or its
//! text, because its status varies (403 documented, 400 and 412 observed). It must not wait, count
//! attempts or know policy types.

use std::time::Duration;

use crate::answer::{Answer, Body, Lost};
use crate::error_body::GraphError;

/// What a write does, as far as judging its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// POST that makes an object: repeating it may make a second one.
    Create,
    /// PUT or PATCH: the same body again has the same effect.
    Replace,
    /// Replace-all action (assign and its like): the same.
    Action,
    /// DELETE of a child: it being gone is the aim.
    Delete,
}

/// What an answer to a write means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Carried out. `id` is that of the object in the answer; always there after a create.
    Done {
        /// Graph's id of the object, if the answer had one.
        id: Option<String>,
    },
    /// Not known whether it was carried out: reconcile, never repeat blindly.
    Unknown,
    /// The request never left this machine: nothing to reconcile, try again later.
    NotSent,
    /// Not carried out; wait at least this long (if Graph said) and send again. Spends no attempt.
    Throttled {
        /// What Graph asked for; pass it to [`crate::retry_after::wait`].
        after: Option<Duration>,
    },
    /// 404. Right after a create it may only mean lag: the caller, who knows, decides.
    NotYet {
        /// What Graph said.
        error: GraphError,
    },
    /// Multi Admin Approval holds the request.
    ApprovalRequired {
        /// The approval code to send with the identical request later, when Graph gave one.
        code: Option<String>,
    },
    /// Multi Admin Approval wants the justification header.
    ApprovalJustificationMissing,
    /// 401: the token was dropped; send once more with a new one, then give up.
    RenewToken,
    /// 403: a missing role, licence, or a restriction on applications.
    Forbidden {
        /// What Graph said.
        error: GraphError,
    },
    /// Refused for good.
    Rejected {
        /// HTTP status.
        status: u16,
        /// What Graph said.
        error: GraphError,
        /// The text says that a group, filter or other object is not there. When that object was
        /// created a moment ago, this is lag and not refusal.
        missing_reference: bool,
    },
    /// 409: exists already, or a concurrent operation. Re-read; after a create, reconcile.
    Conflict {
        /// What Graph said.
        error: GraphError,
    },
    /// 412 that has nothing to do with approval.
    PreconditionFailed {
        /// What Graph said.
        error: GraphError,
    },
}

/// What an answer to a read means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// A whole JSON answer, or the answer that there is nothing.
    Done,
    /// Throttled: wait, then again.
    Throttled {
        /// What Graph asked for.
        after: Option<Duration>,
    },
    /// A passing failure: again, a bounded number of times.
    Transient,
    /// 401.
    RenewToken,
    /// 404 (or 410).
    NotFound {
        /// What Graph said.
        error: GraphError,
    },
    /// 403.
    Forbidden {
        /// What Graph said.
        error: GraphError,
    },
    /// Refused for good.
    Rejected {
        /// HTTP status.
        status: u16,
        /// What Graph said.
        error: GraphError,
    },
}

/// Judges the answer to a write.
pub fn judge_write(answer: &Answer, kind: WriteKind) -> WriteOutcome {
    let Some(status) = answer.status else {
        return match answer.lost_kind() {
            Some(Lost::NeverSent) => WriteOutcome::NotSent,
            Some(Lost::TimedOut | Lost::Broken) | None => WriteOutcome::Unknown,
        };
    };
    let error = answer.error().unwrap_or_default();
    if let Some(approval) = judge_approval(answer, status, kind, &error) {
        return approval;
    }
    match status {
        200..=299 => judge_success(answer, kind),
        401 => WriteOutcome::RenewToken,
        403 => WriteOutcome::Forbidden { error },
        404 | 410 if kind == WriteKind::Delete && !says_no_route(&error) => {
            WriteOutcome::Done { id: None }
        }
        404 if says_no_route(&error) => WriteOutcome::Rejected {
            status,
            missing_reference: false,
            error,
        },
        404 => WriteOutcome::NotYet { error },
        408 => WriteOutcome::Unknown,
        409 => WriteOutcome::Conflict { error },
        412 => WriteOutcome::PreconditionFailed { error },
        423 | 424 if kind == WriteKind::Create => WriteOutcome::Unknown,
        423 | 424 | 429 => WriteOutcome::Throttled {
            after: answer.retry_after(),
        },
        503 | 509 => match answer.retry_after() {
            // A refusal with a date is a refusal; without one, nobody knows.
            after @ Some(_) => WriteOutcome::Throttled { after },
            None => WriteOutcome::Unknown,
        },
        300..=499 => WriteOutcome::Rejected {
            status,
            missing_reference: says_missing(&error),
            error,
        },
        _ => WriteOutcome::Unknown,
    }
}

fn judge_success(answer: &Answer, kind: WriteKind) -> WriteOutcome {
    let whole = matches!(answer.body, Body::Empty | Body::Json(_));
    let id = answer.object_id();
    match kind {
        WriteKind::Create if id.is_none() => WriteOutcome::Unknown,
        WriteKind::Create => WriteOutcome::Done { id },
        WriteKind::Replace | WriteKind::Action | WriteKind::Delete if whole => {
            WriteOutcome::Done { id }
        }
        WriteKind::Replace | WriteKind::Action | WriteKind::Delete => WriteOutcome::Unknown,
    }
}

/// Approval by header or text. A create that answered with the created object was carried out,
/// whatever its headers say.
fn judge_approval(
    answer: &Answer,
    status: u16,
    kind: WriteKind,
    error: &GraphError,
) -> Option<WriteOutcome> {
    let success = (200..=299).contains(&status);
    if success && kind == WriteKind::Create && answer.object_id().is_some() {
        return None;
    }
    if let Some(code) = &answer.headers.approval_code {
        return Some(WriteOutcome::ApprovalRequired {
            code: Some(code.clone()),
        });
    }
    if !(400..=499).contains(&status) || status == 429 {
        return None;
    }
    if error.mentions("x-msft-approval-justification") {
        return Some(WriteOutcome::ApprovalJustificationMissing);
    }
    let held = error.code.eq_ignore_ascii_case("ApprovalRequired")
        || error
            .phrase
            .as_deref()
            .is_some_and(|phrase| phrase.eq_ignore_ascii_case("ApprovalRequired"))
        || error.mentions("ApprovalRequired");
    held.then_some(WriteOutcome::ApprovalRequired { code: None })
}

/// Whether the address itself is not served with this verb: nothing that was made will make it appear,
/// and nothing that was to be removed is gone.
fn says_no_route(error: &GraphError) -> bool {
    error.mentions("no odata route")
}

/// Whether a 400 names something that is not there (yet).
fn says_missing(error: &GraphError) -> bool {
    [
        "not found",
        "does not exist",
        "doesn't exist",
        "could not be found",
        "cannot be found",
        "unable to find",
        "notfound",
    ]
    .into_iter()
    .any(|text| error.mentions(text))
}

/// Judges the answer to a read.
pub fn judge_read(answer: &Answer) -> ReadOutcome {
    let Some(status) = answer.status else {
        return ReadOutcome::Transient;
    };
    let error = answer.error().unwrap_or_default();
    match status {
        // Nothing there: how OData answers a link that leads nowhere.
        204 if answer.body == Body::Empty => ReadOutcome::Done,
        200..=299 => match &answer.body {
            Body::Json(_) => ReadOutcome::Done,
            Body::TooLarge => ReadOutcome::Rejected {
                status,
                error: GraphError {
                    code: "answer_too_large".to_owned(),
                    message: "The answer is larger than this program accepts.".to_owned(),
                    ..GraphError::default()
                },
            },
            Body::Empty | Body::Unreadable(_) | Body::Lost(_) => ReadOutcome::Transient,
        },
        401 => ReadOutcome::RenewToken,
        403 => ReadOutcome::Forbidden { error },
        404 | 410 => ReadOutcome::NotFound { error },
        408 | 409 | 423 | 424 => ReadOutcome::Transient,
        429 => ReadOutcome::Throttled {
            after: answer.retry_after(),
        },
        503 | 509 => match answer.retry_after() {
            after @ Some(_) => ReadOutcome::Throttled { after },
            None => ReadOutcome::Transient,
        },
        300..=499 => ReadOutcome::Rejected { status, error },
        _ => ReadOutcome::Transient,
    }
}

#[cfg(test)]
#[path = "judge_test.rs"]
mod tests;
