//! The API over real HTTP with a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

mod access;
mod authorization;
mod bounded;
mod customers;
mod denials;
mod edges;
mod execute;
mod listeners;
mod load;
mod oidc;
mod openapi_drift;
mod outage;
mod promotion;
mod races;
mod resources;
mod restores;
mod seed;
mod support;
