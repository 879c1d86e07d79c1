//! The API over real HTTP with a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

mod access;
mod authorization;
mod customers;
mod edges;
mod execute;
mod oidc;
mod openapi_drift;
mod outage;
mod promotion;
mod resources;
mod restores;
mod seed;
mod support;
