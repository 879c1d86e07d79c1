//! promotion-api: the HTTP service.
//!
//! Authenticates, validates, reads, decides with `domain`, and queues. It never contacts Graph and
//! never opens a credential: everything that does is a job for the worker.

mod app;
mod body;
mod call;
mod caller;
mod certificate;
mod config;
mod cors;
mod cursor;
mod denials;
mod derivation;
mod edge;
mod event_stream;
mod fair;
mod gone;
mod known_tokens;
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
mod rights;
mod routes;
mod shared_answer;
mod start;
mod streams;
mod strict_json;
mod wire;

/// Gives memory back soon after a burst of large answers; the system's own keeps it for the threads
/// that may need it again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use app::{Running, run, serve};
pub use config::{Config, ConfigError};
pub use openapi::openapi_json;
