//! The store against a real PostgreSQL: a private server per test process, a database per test.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod audit;
mod database;
mod inventory;
mod items;
mod leases;
mod members;
mod migrations;
mod queue;
mod runs;
mod schema_rules;
mod support;
mod tenants;
mod tokens;
