//! What is known of each table since the newest recovery point, so that the next sync reads only what came after it.
//!
//! A record is a cache beside the group log: whoever lacks it, or finds that it does not fit, reads both tables whole.

mod document;
mod store;

pub use document::{CommitMark, RecordError, SideRecord, TableRecord};
pub use store::{save, with_records};
