//! Kept copies of tables: which there are ([`Catalog`]), what each holds ([`SnapshotDocument`]), which of them stay
//! ([`retention`]), when the next one is due ([`due`]).
//!
//! A snapshot exists when the newest version of its schedule's catalog names it, and not before: whatever else a call of
//! the executor leaves behind is no snapshot. Deciding is pure; [`CatalogStore`] reads and writes.

mod catalog;
mod document;
pub mod due;
mod id;
pub mod pattern;
pub mod retention;
mod store;

pub use catalog::{
    Catalog, CatalogFailure, GivenUp, Kept, NoSuchSnapshot, Pinned, UnderWay, Work, is_at_work,
};
pub use document::{SnapshotDocument, SnapshotOrigin, SnapshotTable};
pub use id::{InvalidSnapshotId, SnapshotId};
pub use store::{CatalogError, CatalogStore};
