//! Moving files. Creates data files, overwrites none; what a crash leaves behind is files that nothing names, and
//! the next attempt verifies and reuses them.

mod fan_out;
mod limit;
mod manifest;
mod merge;
mod place;
mod receipt;
mod spool;
mod transfer;

pub use fan_out::{CopyJob, copy_all};
pub use limit::RateLimit;
pub use manifest::{FileKind, Manifest, ManifestError, Transfer, Transfers, parse_transfer, transfer_line};
pub use place::Place;
pub use receipt::{FileEnd, FileError, FileReceipt, Moved, Outcome, Receipt};
pub use transfer::{CopyError, Transferred, transfer};
