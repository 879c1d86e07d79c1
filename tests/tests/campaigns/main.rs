//! Seeded campaigns against the write path: killed workers, faulty answers, targets changed behind
//! the back, stop buttons. Judged from the simulator's journal and the database, never from the
//! worker's word. `CAMPAIGN_SCALE=long` makes them long, `CAMPAIGN_SEED` picks another course.
#![expect(clippy::indexing_slicing, reason = "tests may stop where they stand")]

mod answers;
mod behind;
mod course;
#[cfg(feature = "fail-points")]
mod fail_points;
mod field;
mod judge;
mod kills;
mod pauses;
mod starts;
mod stops;

/// The binary that becomes any process.
pub const PROCESS: &str = env!("CARGO_BIN_EXE_promotion-process");
