//! Everything that is SQL: rows, guarded updates, the queue, the audit chain, the sealing keys.
//!
//! Functions take `&mut PgConnection` and never open a transaction: the use case does, through
//! [`db::Db`]. No wire types and no decisions of the domain live here. What the database can
//! refuse by itself (constraints, triggers) is left to it, and comes back as a [`StoreError`].
//!
//! * set-up: [`workspaces`], [`users`], [`memberships`], [`identities`], [`tenants`],
//!   [`connections`], [`tokens`], [`controls`], [`bootstrap`], [`offboarding`], [`names`]
//! * inventory: [`captures`] writes it, [`inventory`], [`policies`], [`versions`] and
//!   [`references`] read it
//! * runs: [`runs`], [`run_items`], [`leases`], [`lanes`], [`idempotency`], [`notifications`],
//!   [`events`], [`queue`]
//! * trust: [`audit`], [`keys`]
//! * ground: [`db`], [`migrate`], [`roles`], [`settings`], [`dev_cluster`]

pub mod audit;
pub mod bootstrap;
pub mod captures;
pub mod connections;
pub mod controls;
pub mod db;
pub mod dev_cluster;
mod error;
pub mod events;
mod functions;
pub mod idempotency;
pub mod identities;
pub mod inventory;
pub mod keys;
pub mod lanes;
pub mod leases;
pub mod memberships;
pub mod migrate;
pub mod names;
pub mod notifications;
pub mod offboarding;
pub mod page;
pub mod policies;
pub mod queue;
pub mod references;
pub mod rights;
pub mod roles;
pub mod run_items;
pub mod runs;
pub(crate) mod schema;
pub mod settings;
pub mod tenants;
pub mod tokens;
pub mod users;
pub mod versions;
pub mod workspaces;

pub use db::Db;
pub use diesel::PgConnection;
pub use error::StoreError;
