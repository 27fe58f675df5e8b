//! What the operator wants. Field names are the Terraform attribute names; sole writer is the provider.
//!
//! These types hold what was written, as text where text was written, so that [`crate::validate`] can report
//! every mistake at once. Their defaults are the defaults of the Terraform attributes.

mod external_location;
mod services;
mod snapshot_schedule;
mod sync_group;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use external_location::{ExternalLocationSpec, UnityCatalogRegistration};
pub use services::{DagServiceSpec, HookSpec, InstancePoolSpec, ServicesSpec, SideServicesSpec};
pub use snapshot_schedule::{
    RetentionSpec, SnapshotMode, SnapshotScheduleSpec, SnapshotSourceSpec, SnapshotTableSpec,
    SnapshotTargetSpec,
};
pub use sync_group::{
    AirflowDagSpec, CatalogSpec, Compaction, DatabricksJobSpec, Delivery, MarkerSpec, NotificationsSpec,
    PublishEngine, PublishSpec, RetrySpec, ScheduleSpec, SideSpec, SyncGroupSpec, TableSpec, WorkflowJobSpec,
    WorkflowSpec, WorkspaceSpec,
};

/// Kind of a document in the control store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A named storage root in one region.
    ExternalLocation,
    /// Tables whose state is one atomic unit.
    SyncGroup,
    /// Copies of tables kept on a schedule.
    SnapshotSchedule,
}

impl Kind {
    /// Every kind, in the order in which documents refer to each other.
    pub const ALL: [Self; 3] = [Self::ExternalLocation, Self::SyncGroup, Self::SnapshotSchedule];

    /// The `kind` field of a document.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::ExternalLocation => "external_location",
            Self::SyncGroup => "sync_group",
            Self::SnapshotSchedule => "snapshot_schedule",
        }
    }

    /// The Terraform resource type that writes documents of this kind.
    #[must_use]
    pub fn resource_type(self) -> &'static str {
        match self {
            Self::ExternalLocation => "lakedr_external_location",
            Self::SyncGroup => "lakedr_sync_group",
            Self::SnapshotSchedule => "lakedr_snapshot_schedule",
        }
    }

    /// The kind as a person says it.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::ExternalLocation => "external location",
            Self::SyncGroup => "sync group",
            Self::SnapshotSchedule => "snapshot schedule",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.noun())
    }
}

/// The content of a document in the control store.
pub trait Spec: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug + Send + Sync {
    /// Which kind of document holds this spec.
    const KIND: Kind;

    /// The name of the document, as it was written.
    fn name(&self) -> &str;
}
