//! One file per command: arguments in, exit code out.

pub(crate) mod audit;
pub(crate) mod bootstrap;
pub(crate) mod call;
pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod execute;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod manual;
pub(crate) mod migrate;
pub(crate) mod policy_diff;
pub(crate) mod preflight;
pub(crate) mod report;
pub(crate) mod resources;
pub(crate) mod runs;
pub(crate) mod sync;
