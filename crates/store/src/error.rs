//! Decides what a database error means to the caller. Says nothing about HTTP.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store function did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, too slow or out of connections: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// The named thing does not exist (in this workspace).
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// A unique constraint or index refused the row.
    #[error("already exists ({constraint})")]
    AlreadyExists {
        /// The constraint's or index's name.
        constraint: String,
    },
    /// A foreign key refused the row: what it points to is missing, or what was deleted is used.
    #[error("a referenced row is missing or still used ({constraint})")]
    Reference {
        /// The constraint's name.
        constraint: String,
    },
    /// A CHECK refused the row.
    #[error("a value is outside its domain ({constraint})")]
    Check {
        /// The constraint's name.
        constraint: String,
    },
    /// The workspace would be left without an owner.
    #[error("a workspace keeps at least one owner")]
    LastOwner,
    /// The writer no longer holds the run (other fence, other holder, or the lease is over):
    /// nothing was recorded.
    #[error("the run is no longer held by this worker")]
    StaleHolder,
    /// A guarded update found the row in another state than it may start from.
    #[error("{0} is not in a state that allows this")]
    Conflict(&'static str),
    /// A key is malformed, missing or does not fit.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// Migrations could not be applied.
    #[error("migration failed")]
    Migration(#[source] Cause),
    /// The queue's tables or pool refused.
    #[error("the queue failed")]
    Queue(#[source] Cause),
    /// Too many calls of one workspace wait for the database already.
    #[error("too many calls of this workspace wait already")]
    Crowded,
    /// The blocking task ended without an answer (it panicked, or the runtime stops).
    #[error("the database task did not finish")]
    Cancelled(#[source] Cause),
    /// Any other database error: a defect.
    #[error("the database refused a statement")]
    Database(#[source] DieselError),
}

impl StoreError {
    /// Whether the same call may succeed once the database is back (503, not 500).
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether a unique constraint or index of this name refused the row.
    pub fn is_unique_violation(&self, name: &str) -> bool {
        matches!(self, Self::AlreadyExists { constraint } if constraint == name)
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, information) = &error else {
            return match error {
                DieselError::NotFound => Self::NotFound("row"),
                DieselError::BrokenTransactionManager => Self::Unavailable(Box::new(error)),
                other => Self::Database(other),
            };
        };
        let constraint = || information.constraint_name().unwrap_or("?").to_owned();
        match kind {
            DatabaseErrorKind::UniqueViolation => Self::AlreadyExists {
                constraint: constraint(),
            },
            DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
                Self::Reference {
                    constraint: constraint(),
                }
            }
            DatabaseErrorKind::CheckViolation => Self::Check {
                constraint: constraint(),
            },
            DatabaseErrorKind::ClosedConnection => Self::Unavailable(Box::new(error)),
            _ if is_outage(information.message()) => Self::Unavailable(Box::new(error)),
            _ => Self::Database(error),
        }
    }
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<diesel::r2d2::PoolError> for StoreError {
    fn from(error: diesel::r2d2::PoolError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// diesel hands on no SQLSTATE for these, so PostgreSQL's own words have to do.
fn is_outage(message: &str) -> bool {
    const WORDS: [&str; 11] = [
        "server closed the connection",
        "terminating connection",
        "no connection to the server",
        "connection has been closed",
        "could not receive data from server",
        "could not send data to server",
        "the database system is",
        "statement timeout",
        "lock timeout",
        "too many clients",
        "remaining connection slots",
    ];
    WORDS.iter().any(|word| message.contains(word))
}

/// Whether running the whole transaction again is the cure: it lost a race inside the database.
pub(crate) fn is_lost_race(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, information) = error else {
        return false;
    };
    matches!(kind, DatabaseErrorKind::SerializationFailure)
        || information.message().contains("deadlock detected")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: DatabaseErrorKind, message: &str) -> DieselError {
        DieselError::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn a_lost_connection_is_an_outage_and_a_bad_statement_is_not() {
        let table = [
            (failed(DatabaseErrorKind::ClosedConnection, "x"), true),
            (
                failed(
                    DatabaseErrorKind::Unknown,
                    "terminating connection due to administrator command",
                ),
                true,
            ),
            (
                failed(
                    DatabaseErrorKind::Unknown,
                    "canceling statement due to statement timeout",
                ),
                true,
            ),
            (
                failed(DatabaseErrorKind::Unknown, "syntax error at or near"),
                false,
            ),
            (failed(DatabaseErrorKind::UniqueViolation, "x"), false),
        ];
        for (error, expected) in table {
            let text = format!("{error:?}");
            assert_eq!(StoreError::from(error).is_unavailable(), expected, "{text}");
        }
    }

    #[test]
    fn a_deadlock_is_a_lost_race() {
        assert!(is_lost_race(&failed(
            DatabaseErrorKind::Unknown,
            "deadlock detected"
        )));
        assert!(is_lost_race(&failed(
            DatabaseErrorKind::SerializationFailure,
            ""
        )));
        assert!(!is_lost_race(&failed(
            DatabaseErrorKind::UniqueViolation,
            ""
        )));
    }
}
