//! The product from outside: its stories end to end, its defences, and what its documents name.

mod documents;
mod e2e;
mod fair_shares;
mod security;

/// The binary that becomes any process.
pub const PROCESS: &str = env!("CARGO_BIN_EXE_promotion-process");
