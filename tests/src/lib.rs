//! Harness of the end-to-end tests: a private database, a simulator, API and worker processes, and
//! a client that speaks the contract. It knows nothing of the product's internals but the database
//! it may look at.
#![expect(
    clippy::indexing_slicing,
    reason = "answers are JSON values, and an absent member of one reads as null"
)]

pub mod client;
pub mod process;
pub mod processes;
pub mod rude_graph;
pub mod shared;
pub mod sim;
pub mod stack;
