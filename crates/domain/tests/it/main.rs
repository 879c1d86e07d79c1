//! Policy content end to end in memory: capture, canonical form, write steps carried out on a model
//! of Graph, read-back, check. On samples of our own, on generated objects, and on real exports
//! where those are at hand. The laws of compare, preflight and plan are in `planner_laws`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop where it stands and say why it was skipped"
)]

mod corpus;
mod device_preparation;
mod enrollment;
mod families;
mod field_kinds;
mod form_laws;
mod gates;
mod group_policy;
mod laws;
mod model;
mod notifications;
mod planner_laws;
mod published;
mod roundtrip;
mod samples;
mod samples_administration;
mod samples_apps;
mod samples_group_policy;
mod script_samples;
mod server_state;
mod spellings;
mod store_apps;
mod two_tenants;
mod unknown;
