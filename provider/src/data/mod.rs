//! The data sources: what can be looked up.

mod source;
mod sync_status;

pub use source::{DataSource, Looked};
pub use sync_status::SyncStatus;
