//! What the rules make of a sync group.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::Services;
use crate::cron::CronSchedule;
use crate::id::{Name, TableName};
use crate::location::StoreUrl;
use crate::notification::Notifications;
use crate::secret::SecretRef;
use crate::spec::{Compaction, DatabricksJobSpec, Delivery};

/// Which of the two fixed sides of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SideName {
    /// `primary`
    Primary,
    /// `secondary`
    Secondary,
}

impl SideName {
    /// Both, in this order wherever the order shows.
    pub const BOTH: [Self; 2] = [Self::Primary, Self::Secondary];

    /// The attribute.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }
}

/// One side of a valid group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Region.
    pub region: String,
    /// External location.
    pub location: Name,
    /// Databricks workspace.
    pub workspace: Option<Workspace>,
    /// Unity Catalog of its tables.
    pub catalog: Option<Catalog>,
}

/// Who commits to the tables of the standby region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publisher {
    /// lakedr.
    Native,
    /// A SQL warehouse of the standby region's workspace, by its id.
    Warehouse {
        /// While the primary region is standby; none when nobody publishes there.
        primary: Option<String>,
        /// While the secondary region is standby.
        secondary: String,
    },
}

impl Publisher {
    /// The warehouse that commits while a side is standby.
    #[must_use]
    pub fn warehouse(&self, standby: SideName) -> Option<&str> {
        match (self, standby) {
            (Self::Native, _) => None,
            (Self::Warehouse { primary, .. }, SideName::Primary) => primary.as_deref(),
            (Self::Warehouse { secondary, .. }, SideName::Secondary) => Some(secondary),
        }
    }
}

/// A Databricks workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Name, for people.
    pub name: Option<String>,
    /// `https://…`, or `http://…` on this machine.
    pub url: Url,
    /// Who asks.
    pub login: WorkspaceLogin,
}

/// Who asks a Databricks workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceLogin {
    /// The owner of a token.
    Token(SecretRef),
    /// A service principal (OAuth M2M).
    Client {
        /// Reference of its client id.
        id: SecretRef,
        /// Reference of the secret.
        secret: SecretRef,
    },
}

/// An Airflow DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AirflowDag {
    /// Base URL of the web server: `https://…`, or `http://…` on this machine.
    pub url: Url,
    /// The same while the secondary region is active.
    pub secondary_url: Option<Url>,
    /// Id of the DAG.
    pub dag_id: String,
    /// References of user name and password; none when the server asks nobody.
    pub login: Option<(SecretRef, SecretRef)>,
}

/// A Unity Catalog endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// `https://…`, or `http://…` on this machine.
    pub url: Url,
    /// Reference of the token.
    pub token: Option<SecretRef>,
}

/// One table of a valid group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidTable {
    /// Name.
    pub name: TableName,
    /// Place in the list as it was written.
    pub position: usize,
    /// URL in the primary region; none when the catalog has to say.
    pub primary: Option<StoreUrl>,
    /// URL in the secondary region; none when the catalog has to say.
    pub secondary: Option<StoreUrl>,
    /// Whether its log may name files outside of its root.
    pub shallow_clone: bool,
    /// Unknown writer features that it is copied with all the same.
    pub allowed_writer_features: BTreeSet<String>,
}

impl ValidTable {
    /// URL on one side.
    #[must_use]
    pub fn url(&self, side: SideName) -> Option<&StoreUrl> {
        match side {
            SideName::Primary => self.primary.as_ref(),
            SideName::Secondary => self.secondary.as_ref(),
        }
    }
}

/// The workflow of a valid group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflow {
    /// A Databricks job.
    DatabricksJob(WorkflowJob),
    /// An Airflow DAG.
    AirflowDag(Box<AirflowDag>),
    /// Run records.
    Marker(Marker),
}

/// The Databricks job of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowJob {
    /// The job.
    pub job: DatabricksJobSpec,
    /// Its id while the secondary region is active.
    pub secondary_id: Option<i64>,
}

impl WorkflowJob {
    /// The job in the workspace of a side, while that side is active.
    #[must_use]
    pub fn at(&self, active: SideName) -> DatabricksJobSpec {
        let secondary = self.secondary_id.filter(|_| active == SideName::Secondary);
        DatabricksJobSpec { name: self.job.name.clone(), id: secondary.or(self.job.id) }
    }
}

/// The places of run records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Where they lie.
    pub url: StoreUrl,
    /// Where they lie while the secondary region is active.
    pub secondary_url: Option<StoreUrl>,
}

impl Marker {
    /// The place while a side is active.
    #[must_use]
    pub fn at(&self, active: SideName) -> &StoreUrl {
        let secondary = self.secondary_url.as_ref().filter(|_| active == SideName::Secondary);
        secondary.unwrap_or(&self.url)
    }
}

impl AirflowDag {
    /// Base URL of the web server that runs the DAG while a side is active.
    #[must_use]
    pub fn at(&self, active: SideName) -> &Url {
        let secondary = self.secondary_url.as_ref().filter(|_| active == SideName::Secondary);
        secondary.unwrap_or(&self.url)
    }
}

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last start.
    Interval(Duration),
    /// At the moments of a cron expression.
    Cron(Box<CronSchedule>),
}

/// A sync group that keeps every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidGroup {
    /// Name.
    pub name: Name,
    /// Region that is active at first.
    pub initial_active: SideName,
    /// Primary side.
    pub primary: Side,
    /// Secondary side.
    pub secondary: Side,
    /// Tables, ordered by name.
    pub tables: Vec<ValidTable>,
    /// Workflow.
    pub workflow: Option<Workflow>,
    /// When it is due; always, without one.
    pub schedule: Option<Schedule>,
    /// Attempts in all.
    pub max_attempts: u32,
    /// First wait.
    pub initial_backoff: Duration,
    /// Longest wait.
    pub max_backoff: Duration,
    /// Who moves the data.
    pub delivery: Delivery,
    /// Who commits.
    pub publisher: Publisher,
    /// What happens to compacted files.
    pub compaction: Compaction,
    /// Allowance for clocks that disagree.
    pub clock_skew: Duration,
    /// RPO lag that is still acceptable.
    pub rpo_target: Option<Duration>,
    /// Time to recover that is still acceptable.
    pub rto_target: Option<Duration>,
    /// Longest acceptable age of the newest drill that passed.
    pub drill_every: Option<Duration>,
    /// Transfer cap.
    pub max_bytes_per_second: Option<u64>,
    /// Price of egress per GiB.
    pub egress_price_per_gib: Option<f64>,
    /// Who answers for it.
    pub owner_email: Option<String>,
    /// What changes hands with a failover.
    pub services: Services,
    /// Who is told of what.
    pub notifications: Notifications,
    /// Do not sync.
    pub paused: bool,
}

impl ValidGroup {
    /// One side.
    #[must_use]
    pub fn side(&self, name: SideName) -> &Side {
        match name {
            SideName::Primary => &self.primary,
            SideName::Secondary => &self.secondary,
        }
    }

    /// The side of a region.
    #[must_use]
    pub fn side_of(&self, region: &str) -> Option<SideName> {
        SideName::BOTH.into_iter().find(|side| self.side(*side).region == region)
    }
}
