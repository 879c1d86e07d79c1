//! The clients against a server of raw answers: cut connections, wrong lengths, slow answers,
//! redirects, foreign links, loops, tokens of the wrong tenant.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

mod reading;
mod server;
mod tokens;
mod writing;
