//! What the rules make of the services of a group.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::SideName;
use crate::id::Name;
use crate::secret::SecretRef;
use crate::spec::DatabricksJobSpec;

/// The services of both sides, in the order in which they are started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    /// Of the primary side.
    pub primary: Vec<SideService>,
    /// Of the secondary side.
    pub secondary: Vec<SideService>,
}

impl Services {
    /// The services of one side.
    #[must_use]
    pub fn of(&self, side: SideName) -> &[SideService] {
        match side {
            SideName::Primary => &self.primary,
            SideName::Secondary => &self.secondary,
        }
    }
}

/// One service of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideService {
    /// What the group log calls it: region, kind and name.
    pub id: String,
    /// What it is.
    pub kind: ServiceKind,
}

impl SideService {
    /// A service of a region.
    #[must_use]
    pub fn new(region: &str, kind: ServiceKind) -> Self {
        Self { id: format!("{region}: {kind}"), kind }
    }
}

/// What a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// An instance pool with the idle instances that it keeps while its region is active.
    InstancePool {
        /// Its id.
        id: String,
        /// Idle instances.
        min_idle: u32,
    },
    /// A SQL warehouse, by its id.
    SqlWarehouse(String),
    /// A cluster, by its id.
    Cluster(String),
    /// A Databricks job, by name or id.
    DatabricksJob(DatabricksJobSpec),
    /// An Airflow DAG.
    AirflowDag(DagService),
    /// Anything else.
    Hook(Hook),
}

impl ServiceKind {
    /// Whether it starts runs that write tables, by itself. Pausing it is a decision that people take, too.
    #[must_use]
    pub fn is_schedule(&self) -> bool {
        matches!(self, Self::DatabricksJob(_) | Self::AirflowDag(_))
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstancePool { id, .. } => write!(f, "instance pool {id}"),
            Self::SqlWarehouse(id) => write!(f, "SQL warehouse {id}"),
            Self::Cluster(id) => write!(f, "cluster {id}"),
            Self::DatabricksJob(DatabricksJobSpec { id: Some(id), .. }) => write!(f, "job {id}"),
            Self::DatabricksJob(job) => write!(f, "job {:?}", job.name.as_deref().unwrap_or_default()),
            Self::AirflowDag(dag) => {
                write!(f, "DAG {} of {}", dag.dag_id, dag.url.as_str().trim_end_matches('/'))
            }
            Self::Hook(hook) => write!(f, "hook {}", hook.name),
        }
    }
}

/// An Airflow DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DagService {
    /// Base URL of the web server: `https://…`, or `http://…` on this machine.
    pub url: Url,
    /// Id of the DAG.
    pub dag_id: String,
    /// References of user name and password; none when the server asks nobody.
    pub login: Option<(SecretRef, SecretRef)>,
}

/// Something that is told to stop and to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: Name,
    /// How it is told.
    pub call: HookCall,
    /// How long that may take.
    pub timeout: Duration,
}

/// How a hook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookCall {
    /// The request is posted.
    Post {
        /// Where: `https://…`, or `http://…` on this machine.
        url: Url,
        /// Reference of the token that is sent along.
        token: Option<SecretRef>,
    },
    /// An executable is run with the request on its standard input.
    Run {
        /// Its absolute path.
        command: String,
    },
}
