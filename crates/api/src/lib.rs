//! promotion-api: the HTTP service.
//!
//! Authenticates, validates, reads, decides with `domain`, and queues. It never contacts Graph and
//! never opens a credential: everything that does is a job for the worker.

mod app;
mod call;
mod caller;
mod certificate;
mod config;
mod cors;
mod cursor;
mod derivation;
mod edge;
mod event_stream;
mod limits;
mod metrics;
mod names;
mod oidc;
mod openapi;
mod pagination;
mod problem;
mod problem_code;
mod promotion_start;
mod restore_start;
mod routes;
mod start;
mod strict_json;
mod wire;

pub use app::{Running, run, serve};
pub use config::{Config, ConfigError};
pub use openapi::openapi_json;
