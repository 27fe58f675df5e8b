//! Moving files. Creates data files, overwrites none; what a crash leaves behind is files that nothing names, and
//! the next attempt finds and reuses them.
//!
//! A [`Manifest`] of transfers goes in, a [`Receipt`] comes out. Memory is bounded whatever is copied: the manifest
//! spills to disk, and the bodies of all requests of a process share one budget.

mod compare;
mod crew;
mod error;
mod group;
mod in_store;
mod job;
mod lanes;
mod leftovers;
mod limit;
mod lines;
mod manifest;
mod means;
mod merge;
mod object;
mod place;
mod present;
mod read;
mod receipt;
mod retry;
mod sizes;
mod spool;
mod streamed;
mod upload;
mod wire;

pub use error::{CopyError, WireError};
pub use group::copy_all;
pub use limit::RateLimit;
pub use lines::copy_lines;
pub use manifest::{FileKind, Manifest, ManifestError, Transfer, Transfers, parse_transfer, transfer_line};
pub use means::{Copying, Means};
pub use place::Place;
pub use receipt::{FileEnd, FileError, FileReceipt, Moved, Outcome, Receipt, receipt_line};
