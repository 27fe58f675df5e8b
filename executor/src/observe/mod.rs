//! Read-only looks at the world.

pub mod choice;
pub mod delta_table;
pub mod group;
pub(crate) mod log_store;
mod parquet_object;
pub mod snapshot;
pub mod table_error;
pub mod verify;
pub mod workflow;
