//! Seeded campaigns against the write path: killed workers, faulty answers, paused holders, targets
//! changed behind the back, concurrent starts, a failing database, stop buttons. Judged from the
//! simulator's journal and the database, never from the worker's word. Needs nothing to be run in a
//! small form; docs/testing.md says how to run the full and the long ones.
#![expect(clippy::indexing_slicing, reason = "tests may stop where they stand")]

mod answers;
mod behind;
#[cfg(feature = "campaigns")]
mod broken;
mod course;
mod database;
mod field;
mod judge;
mod kills;
mod pauses;
mod starts;
mod stops;
mod witness;

/// The binary that becomes any process, with places to die at.
#[cfg(feature = "campaigns")]
pub const PROCESS: &str = env!("CARGO_BIN_EXE_campaign-process");
/// The binary that becomes any process.
#[cfg(not(feature = "campaigns"))]
pub const PROCESS: &str = env!("CARGO_BIN_EXE_promotion-process");
