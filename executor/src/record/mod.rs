//! What is written down behind a publish: the sync metadata table, for people ([`metadata`]); and what is known of each
//! table since the newest recovery point, so that the next sync reads only what came after it.
//!
//! A record of a table is a cache beside the group log: whoever lacks it, or finds that it does not fit, reads both tables
//! whole.

mod document;
pub mod metadata;
mod store;

pub use document::{CommitMark, RecordError, SideRecord, TableRecord};
pub use metadata::{keep_metadata, rebuild_metadata};
pub use store::{save, with_records};
