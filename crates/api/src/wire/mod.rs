//! Shapes on the wire that several operations share, and how domain values become them.

pub mod compare;
pub mod preflight;
pub mod run;
pub mod selection;
pub mod words;
