//! The stories of the product, end to end: real PostgreSQL, real processes, real HTTP.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may stop where they stand"
)]

mod apps;
mod bad_input;
mod certificates;
mod concurrency;
mod corpus_round_trip;
mod field_cases_bytes;
mod field_cases_gates;
mod field_cases_gates_said;
mod field_cases_identity;
mod field_cases_lost;
mod field_cases_references;
mod field_cases_said;
mod field_cases_whole;
mod gates;
mod main_job;
mod odd_objects;
mod real_data;
mod restore;
mod resume;
mod stops;
mod unknown_property;
