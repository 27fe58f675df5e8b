//! Checkpoints: rows of Parquet ↔ actions (protocol, "Checkpoints").

pub mod arrow_json;
mod column;
pub mod files;
pub mod instants;
pub mod read;
pub mod schema;
pub mod write;
pub mod write_columns;
