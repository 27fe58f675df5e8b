//! Moving files. Creates data files, overwrites none; what a crash leaves behind is files that nothing names, and
//! the next attempt verifies and reuses them.

mod fan_out;
mod limit;
mod transfer;

pub use fan_out::{CopyJob, Receipt, copy_all};
pub use limit::RateLimit;
pub use transfer::{CopyError, Transferred, transfer};
