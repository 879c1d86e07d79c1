//! One file per command: arguments in, exit code out.

pub(crate) mod audit;
pub(crate) mod bootstrap;
pub(crate) mod compare;
pub(crate) mod execute;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod preflight;
pub(crate) mod runs;
pub(crate) mod sync;
