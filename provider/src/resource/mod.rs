//! The resources: what each of them looks like to Terraform, and which rules its documents keep.
//!
//! One file each: schema, rules and facts. What is the same for all (a resource is a document of the control store) is
//! in [`crate::lifecycle`].

mod external_location;
mod shared;
mod snapshot_schedule;
mod sync_group;

pub use external_location::ExternalLocation;
pub use snapshot_schedule::SnapshotSchedule;
pub use sync_group::SyncGroup;

#[cfg(test)]
mod tests;
