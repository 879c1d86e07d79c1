//! Nobody gets in where they do not belong, and every act leaves a trace that cannot be bent.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

mod actors;
mod escalation;
mod hidden;
mod installation;
mod isolation;
mod operations;
mod rights;
mod secrets;
mod statements;
mod tampering;
mod timing;
mod walk;
