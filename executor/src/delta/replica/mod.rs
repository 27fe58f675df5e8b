//! What a replica of a state looks like: the rules that the diff writes by and the comparison checks by.

pub mod configuration;
pub mod file;
pub mod progress;
pub mod protocol;
pub mod remove;

/// Application ids with this prefix are this program's own marks and no part of a table's state.
pub const OWN_TXN_PREFIX: &str = "lakedr/";
