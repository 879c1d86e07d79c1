//! The store against a real PostgreSQL: a private server per test process, a database per test.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and campaigns print their figures"
)]

mod audit;
mod audit_campaign;
mod database;
mod inventory;
mod items;
mod leases;
mod members;
mod migrations;
mod offboarding;
mod queue;
mod roles;
mod runs;
mod schema_rules;
mod support;
mod tenants;
mod tokens;
