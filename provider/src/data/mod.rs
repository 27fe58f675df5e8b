//! The data sources: what can be looked up.

mod external_location;
mod group;
mod recovery_points;
mod snapshots;
mod source;
mod sync_status;

pub use external_location::ExternalLocation;
pub use recovery_points::RecoveryPoints;
pub use snapshots::Snapshots;
pub use source::{DataSource, Looked};
pub use sync_status::SyncStatus;
