//! The pure core of Cross-Tenant Promotion.
//!
//! Decides what two inventories have in common, what a promotion would write, in which order, and
//! whether what was written is what was planned. It must not know of clocks, randomness, networks,
//! databases or the environment: everything arrives as an argument.
//!
//! A policy walks through it like this: [`capture`] turns what Graph answered into an immutable
//! [`model::CapturedPolicy`]; [`canonical`] gives each of its four facets a fingerprint in which
//! references stand by meaning; [`compare`] matches two inventories; [`preflight`] adds readiness
//! and resolves references; [`plan`] derives the write steps and their digest
//! ([`restore`] those that give a tenant its own version back); [`verify`] compares
//! what was read back with what was planned; [`run`] and [`summary`] keep the books.

pub mod adjust;
pub mod canonical;
pub mod capability;
pub mod capture;
pub(crate) mod chosen_id;
pub mod compare;
pub mod contents;
pub mod device_preparation;
pub mod diff;
pub mod enrollment_notification;
mod gates;
pub mod group_policy;
pub mod inventory;
pub mod json;
pub mod label;
pub mod landing;
pub(crate) mod literal;
pub mod mapping;
pub mod model;
pub mod oma;
pub mod operation;
pub mod pairing;
pub mod plan;
pub mod policy_type;
pub mod preflight;
pub mod references;
pub mod restore;
pub(crate) mod rollout;
pub mod run;
pub mod secret;
pub mod selection;
pub mod steps;
pub mod subject;
pub mod summary;
pub mod verify;
