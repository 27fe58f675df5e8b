//! The Delta layer: bytes of a transaction log → facts about a table, and back.
//!
//! Everything in here is pure: names, listings and bytes come in, values and bytes go out. Actions are
//! kept as the raw JSON text they were written in, so a field that this program does not know survives a
//! clone byte for byte.

pub mod action;
pub mod changes;
pub mod checkpoint;
pub mod checksum;
pub mod compare;
pub mod deletion_vector;
pub mod feature;
pub mod fingerprint;
pub mod history;
pub mod interval;
pub mod json;
pub mod listing;
pub mod log_name;
pub mod path;
pub(crate) mod place;
pub mod protocol;
pub mod ratified;
pub mod replay;
pub mod replica;
pub mod root;
pub mod segment;
pub mod state;
pub mod timestamp;
