//! Every rule for specs. All violations of a spec are found at once, each with the path of the attribute, what
//! is wrong and how to mend it. Successful validation is the only door to the typed specs the executor works with.

mod clashes;
mod cross;
mod delivery;
mod doubts;
mod external_location;
mod notifications;
mod plain_options;
mod rules;
mod services;
mod shared_services;
mod snapshot_schedule;
mod sync_group;
mod valid_group;
mod valid_services;

use std::fmt;

pub use cross::{
    Specs, group_conflicts, group_references, location_users, schedule_references, validate_all,
};
pub use doubts::{group_doubts, schedule_doubts};
pub use external_location::{ValidLocation, external_location};
pub(crate) use rules::is_email;
pub use shared_services::shared_services;
pub use snapshot_schedule::{SnapshotSource, ValidSchedule, snapshot_schedule};
pub use sync_group::sync_group;
pub use valid_group::{
    AirflowDag, Catalog, Marker, Publisher, Schedule, Side, SideName, ValidGroup, ValidTable, Workflow,
    WorkflowJob, Workspace, WorkspaceLogin,
};
pub use valid_services::{DagService, Hook, HookCall, ServiceKind, Services, SideService};

/// One step of the path to an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An attribute.
    Attribute(String),
    /// An element of a list.
    Index(usize),
    /// An element of a map.
    Key(String),
}

/// A rule that a spec breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where, in terms of the Terraform configuration.
    pub path: Vec<Step>,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub remedy: String,
}

impl Violation {
    /// The path as Terraform spells it: `tables[1].name`.
    #[must_use]
    pub fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Attribute(name) if place.is_empty() => place.push_str(name),
                Step::Attribute(name) => {
                    place.push('.');
                    place.push_str(name);
                }
                Step::Index(index) => place.push_str(&format!("[{index}]")),
                Step::Key(key) => place.push_str(&format!("[{key:?}]")),
            }
        }
        place
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place(), self.problem, self.remedy)
    }
}
