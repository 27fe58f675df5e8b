//! Removing files from the standby region that nothing needs any more: no kept recovery point, no retention window, no
//! plan in progress. [`keep`] decides and is pure; the rest looks and deletes.

mod delete;
mod group;
pub mod keep;
mod listing;
mod metadata;
mod needed;
mod report;
mod table;

pub(crate) use delete::{AT_ONCE, Deleted, delete};
pub use group::prune_group;
pub(crate) use group::window;
pub(crate) use listing::Doomed;
pub use report::{MetadataReport, PruneReport, TablePrune};
