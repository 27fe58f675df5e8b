//! Read-only looks at the world.

pub mod delta_table;
mod log_replay;
mod log_store;
mod parquet_object;
pub mod table_error;
