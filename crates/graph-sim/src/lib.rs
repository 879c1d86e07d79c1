//! A stateful, strict, simulated Microsoft Graph.
//!
//! Several tenants live in one process. Login, `/beta`, `/v1.0` and the control endpoints under
//! `/__sim/` share one base URL. The simulator keeps state, refuses what Graph refuses, records
//! every request and misbehaves on request. It knows nothing of the programs that talk to it.
//!
//! A request goes through `pipeline` (token, faults, journal) to `graph` (routing, reading,
//! writing), which asks `check` (schema) and `rules` (what no schema states).

mod answer;
mod body;
mod check;
mod cli;
mod clock;
mod control;
mod corpus;
mod faults;
mod graph;
mod journal;
mod limits;
mod loader;
mod login;
mod pipeline;
mod query;
mod rules;
mod schema;
mod server;
mod setup;
mod state;

pub use cli::run_cli;
pub use corpus::Side;
pub use loader::LoadError;
pub use schema::{ContractError, Schema, Version};
pub use setup::{Options, Running, StartError, TenantSource, TenantSpec, start};
pub use state::TenantOptions;
