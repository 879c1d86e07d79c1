//! A polite client of the API: one token, one workspace, retries where a retry is harmless. Speaks
//! the contract and hands its JSON through unchanged.

pub(crate) mod call;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod mappings;
pub(crate) mod plan_file;
pub(crate) mod profile;
pub(crate) mod selection;
pub(crate) mod watch;
pub(crate) mod workspace;
