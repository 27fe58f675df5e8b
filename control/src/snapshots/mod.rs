//! Kept copies of tables: which there are ([`Catalog`]), what each holds ([`SnapshotDocument`]), which of them stay
//! ([`retention`]), when the next one is due ([`due`]).
//!
//! A snapshot exists when the newest version of its schedule's catalog names it, and not before: whatever else a call of
//! the executor leaves behind is no snapshot. Deciding is pure; [`CatalogStore`] reads and writes.

mod catalog;
mod document;
pub mod due;
mod follow;
mod id;
pub mod pattern;
mod pruning;
pub mod retention;
mod store;
mod work;

pub use catalog::{Catalog, CatalogFailure, Kept, NoSuchSnapshot, Pinned};
pub use document::{SnapshotDocument, SnapshotOrigin, SnapshotTable};
pub use id::{InvalidSnapshotId, SnapshotId};
pub use pruning::PruningMarks;
pub use store::{CatalogError, CatalogStore};
pub use work::{GivenUp, GivenUpPruning, UnderWay, Work, is_at_work};
