//! Read-only looks at the world.

pub mod catalog;
pub mod choice;
pub mod delta_table;
mod history;
pub mod incarnation;
pub mod lag;
pub(crate) mod log_store;
pub(crate) mod parquet_object;
pub mod presence;
pub mod snapshot;
pub mod source;
pub mod table_error;
pub mod target;
pub mod verify;
pub mod workflow;
