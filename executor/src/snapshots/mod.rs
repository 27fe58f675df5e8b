//! Kept copies of tables, by schedule: [`take`] → [`prune`] → [`restore`], and what can be said of them. What is kept and
//! when something is due is decided in `lakedr_control::snapshots`, which is pure.
//!
//! A snapshot is there when the catalog of its schedule names it. Everything else that a call leaves behind — commits of
//! copies, files that no commit names — is the start of whoever comes next, or goes with the next pruning.

mod beat;
mod clone_report;
mod desk;
mod error;
mod folders;
mod list;
mod needed;
mod partition;
mod partition_seen;
mod partition_value;
mod prune;
mod replicate;
mod restore;
mod source;
mod take;
mod undone;
mod verify;

pub use desk::Desk;
pub use error::SnapshotError;
pub use list::{Listed, ListedSnapshot, UnderWayReport, list};
pub use partition::{InvalidPartition, Partitions};
pub use prune::{PruneReport, RemovedSnapshot, prune};
pub(crate) use replicate::{Said, Wanted, carry_out, plan};
pub(crate) use restore::is_free;
pub use restore::{Picked, RestoreReport, RestoredTable, Where, Which, restore};
pub use source::check;
pub use take::{Outcome, Taken, TakenTable, pin, take};
pub use undone::Undone;
pub use verify::{Against, SnapshotProof, TableProof, verify};
