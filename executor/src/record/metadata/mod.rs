//! The sync metadata table: what lakedr did, group by group, as a Delta table for people with SQL.
//!
//! It lies in the location where the group log goes on, and is one table for all groups that have their log there. A row
//! is written behind each `published`, `landed` and `failed` entry, from the entries, and nothing is ever decided from it.
//! The table itself knows how far the rows of a group go (`txn`), so a row that was missed is written by the next call,
//! and none twice; groups that write at the same time win and lose versions and try again.

mod error;
mod keep;
mod mark;
mod rebuild;
pub mod rows;
mod table;

pub use error::MetadataError;
pub use keep::keep_metadata;
pub use rebuild::{RebuiltTable, rebuild_metadata};
pub(crate) use table::{Committed, MetadataTable};
