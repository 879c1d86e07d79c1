//! The one table of refusals: stable code, HTTP status, title.

use actix_web::http::StatusCode;

/// The stable codes a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, duplicate keys, bad cursor, bad header value.
    MalformedRequest,
    /// No or bad credential.
    Unauthenticated,
    /// The actor sees everything named but lacks the capability.
    CapabilityDenied,
    /// Does not exist, or the actor may not know that it does.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A body over the limit.
    PayloadTooLarge,
    /// A body that is not JSON by its content type.
    UnsupportedMediaType,
    /// The same thing twice in one workspace.
    AlreadyExists,
    /// The shape or the content of the request.
    ValidationFailed,
    /// A restore names another tenant's version.
    ForeignPolicyVersion,
    /// Execute without digest or confirmation.
    ConfirmationRequired,
    /// The plan recomputed now differs.
    PlanStale,
    /// Start refused, with reasons.
    Blocked,
    /// Another run holds the scope.
    ScopeBusy,
    /// Cancel of a terminal run.
    AlreadyCompleted,
    /// The same key with another request.
    IdempotencyKeyReused,
    /// The change would break a rule of the workspace, such as its last owner.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// Ours; the cause is in the log.
    InternalError,
    /// The database is away.
    Unavailable,
}

impl Code {
    /// Every code, for documents and tests.
    pub const ALL: [Self; 20] = [
        Self::MalformedRequest,
        Self::Unauthenticated,
        Self::CapabilityDenied,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::AlreadyExists,
        Self::ValidationFailed,
        Self::ForeignPolicyVersion,
        Self::ConfirmationRequired,
        Self::PlanStale,
        Self::Blocked,
        Self::ScopeBusy,
        Self::AlreadyCompleted,
        Self::IdempotencyKeyReused,
        Self::Conflict,
        Self::RateLimited,
        Self::InternalError,
        Self::Unavailable,
    ];

    /// The one table: code, status, title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::MalformedRequest => (
                "malformed_request",
                StatusCode::BAD_REQUEST,
                "The request is malformed",
            ),
            Self::Unauthenticated => (
                "unauthenticated",
                StatusCode::UNAUTHORIZED,
                "Authentication is required",
            ),
            Self::CapabilityDenied => (
                "capability_denied",
                StatusCode::FORBIDDEN,
                "A capability is missing",
            ),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
            ),
            Self::PayloadTooLarge => (
                "payload_too_large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The media type is not supported",
            ),
            Self::AlreadyExists => ("already_exists", StatusCode::CONFLICT, "It already exists"),
            Self::ValidationFailed => (
                "validation_failed",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The request is not valid",
            ),
            Self::ForeignPolicyVersion => (
                "foreign_policy_version",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The version belongs to another tenant",
            ),
            Self::ConfirmationRequired => (
                "confirmation_required",
                StatusCode::PRECONDITION_REQUIRED,
                "Confirmation is required",
            ),
            Self::PlanStale => (
                "plan_stale",
                StatusCode::PRECONDITION_FAILED,
                "The plan has changed since it was reviewed",
            ),
            Self::Blocked => ("blocked", StatusCode::CONFLICT, "The start is blocked"),
            Self::ScopeBusy => (
                "scope_busy",
                StatusCode::CONFLICT,
                "Another run holds the tenant",
            ),
            Self::AlreadyCompleted => (
                "already_completed",
                StatusCode::CONFLICT,
                "The run is already completed",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used for another request",
            ),
            Self::Conflict => (
                "conflict",
                StatusCode::CONFLICT,
                "The change conflicts with a rule of the workspace",
            ),
            Self::RateLimited => (
                "rate_limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
            ),
            Self::InternalError => (
                "internal_error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal error",
            ),
            Self::Unavailable => (
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Temporarily unavailable",
            ),
        }
    }

    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Its title for people.
    pub const fn title(self) -> &'static str {
        self.row().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_statuses_are_errors() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[test]
    fn the_contract_table_of_statuses_holds() {
        let table = [
            ("malformed_request", 400),
            ("unauthenticated", 401),
            ("capability_denied", 403),
            ("not_found", 404),
            ("method_not_allowed", 405),
            ("payload_too_large", 413),
            ("unsupported_media_type", 415),
            ("already_exists", 409),
            ("validation_failed", 422),
            ("foreign_policy_version", 422),
            ("confirmation_required", 428),
            ("plan_stale", 412),
            ("blocked", 409),
            ("scope_busy", 409),
            ("already_completed", 409),
            ("idempotency_key_reused", 422),
            ("rate_limited", 429),
            ("internal_error", 500),
            ("unavailable", 503),
        ];
        for (name, status) in table {
            let code = Code::ALL.into_iter().find(|c| c.as_str() == name);
            assert_eq!(code.map(|c| c.status().as_u16()), Some(status), "{name}");
        }
    }
}
