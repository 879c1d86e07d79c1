//! The simulator proves itself over HTTP, the way its callers meet it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod binary;
mod control;
mod faults;
mod harness;
mod known_bad;
mod known_good;
mod links;
mod login;
mod reading;
mod scripts;
