use serde::{Deserialize, Serialize};

use super::{Kind, ServicesSpec, Spec};

/// Tables, and optionally the workflow that writes them, whose state is one atomic unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SyncGroupSpec {
    /// Name of the group, unique in the control store.
    pub name: String,
    /// Who answers for the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    /// Region that is active when the group is created. A later failover is never undone by it.
    pub initial_active_region: String,
    /// The one fixed region.
    pub primary: SideSpec,
    /// The other fixed region.
    pub secondary: SideSpec,
    /// The tables, at least one.
    pub tables: Vec<TableSpec>,
    /// The workflow whose finished runs are the cuts. Without one all tables are pinned at one instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowSpec>,
    /// When the group is due. Without one it is due at every call of the executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// How a failed sync is tried again within one call of the executor.
    #[serde(default)]
    pub retry: RetrySpec,
    /// Who moves the data.
    #[serde(default)]
    pub delivery: Delivery,
    /// Who commits to the final tables.
    #[serde(default)]
    pub publish: PublishSpec,
    /// What happens to files that only rewrite rows that are already there.
    #[serde(default)]
    pub compaction: Compaction,
    /// Allowance for clocks that disagree, where commit times are compared with run times.
    #[serde(default = "default_clock_skew")]
    pub clock_skew: String,
    /// RPO lag that is still acceptable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_target: Option<String>,
    /// Time to recover that is still acceptable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_target: Option<String>,
    /// Time after which a failover has to be rehearsed again with `lakedr drill`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill_every: Option<String>,
    /// Cap on transfer, in bytes per second; 0 is no cap.
    #[serde(default)]
    pub max_bytes_per_second: u64,
    /// Price of egress, in any currency per GiB, for the cost in plans and reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_price_per_gib: Option<f64>,
    /// What is stopped in the old and started in the new active region by a failover or failback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<ServicesSpec>,
    /// Who is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<NotificationsSpec>,
    /// Do not sync.
    #[serde(default)]
    pub paused: bool,
}

fn default_clock_skew() -> String {
    "2s".to_owned()
}

impl Spec for SyncGroupSpec {
    const KIND: Kind = Kind::SyncGroup;

    fn name(&self) -> &str {
        &self.name
    }
}

/// One side of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SideSpec {
    /// Region of this side.
    pub region: String,
    /// External location of this side: landing area, group log and metadata while this side is standby.
    pub location: String,
    /// Root below which a table without an explicit URL lies, at catalog/schema/table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_root: Option<String>,
    /// Databricks workspace of this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceSpec>,
    /// Unity Catalog that resolves table names on this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<CatalogSpec>,
}

/// A Databricks workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// Name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `https://…`
    pub url: String,
    /// Reference of the token. Either this or `client_id` and `client_secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Reference of the client id of a service principal (OAuth M2M).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Reference of the secret of that client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A Unity Catalog endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogSpec {
    /// `https://…`
    pub url: String,
    /// Reference of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// One table of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// `catalog.schema.table`
    pub name: String,
    /// URL of the table in the primary region, if it does not follow from `table_root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_url: Option<String>,
    /// URL of the table in the secondary region, if it does not follow from `table_root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_url: Option<String>,
    /// The table is a shallow clone: its log may name files outside of its root, and lakedr may read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shallow_clone: Option<bool>,
    /// Writer features that lakedr does not know and that the table is copied with all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_writer_features: Option<Vec<String>>,
}

/// The workflow that writes the tables: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkflowSpec {
    /// A Databricks job in the active region's workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub databricks_job: Option<WorkflowJobSpec>,
    /// An Airflow DAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub airflow_dag: Option<AirflowDagSpec>,
    /// Run records written by `lakedr mark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<MarkerSpec>,
}

/// A Databricks job that each region has one of: exactly one of name and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkflowJobSpec {
    /// Name of the job; it must be unique in each workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Id of the job while the secondary region is active; `id` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_id: Option<i64>,
}

/// A Databricks job: exactly one of name and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatabricksJobSpec {
    /// Name of the job; it must be unique in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

/// An Airflow DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AirflowDagSpec {
    /// Base URL of the web server, of Airflow 2 or 3.
    pub url: String,
    /// Base URL of the web server that runs the DAG while the secondary region is active; `url` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_url: Option<String>,
    /// Id of the DAG.
    pub dag_id: String,
    /// Reference of the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Reference of the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Run records written by `lakedr mark`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkerSpec {
    /// Where the records lie.
    pub url: String,
    /// Where they lie while the secondary region is active; `url` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_url: Option<String>,
}

/// When something is due: exactly one of interval and cron.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Time between two starts, for example `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Cron expression of five fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// IANA time zone of the cron expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// How a failed sync is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RetrySpec {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// Wait after the first failure; it doubles from then on.
    pub initial_backoff: String,
    /// Longest wait.
    pub max_backoff: String,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self { max_attempts: 3, initial_backoff: "10s".to_owned(), max_backoff: "5m".to_owned() }
    }
}

/// Who moves the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// One process reads the active and writes the standby side.
    #[default]
    Direct,
    /// A sender lands the cut, a receiver publishes it.
    Staged,
}

/// Who commits to the final tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishSpec {
    /// The engine.
    #[serde(default)]
    pub engine: PublishEngine,
    /// SQL warehouse of engine `databricks_sql`, in the workspace of the secondary side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<String>,
    /// The one in the workspace of the primary side: it publishes while the secondary region is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_warehouse_id: Option<String>,
}

/// Engine that commits to the final tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PublishEngine {
    /// lakedr writes the Delta log itself.
    #[default]
    Native,
    /// A Databricks SQL warehouse clones from the landing area: for managed tables.
    DatabricksSql,
}

/// What happens to files that only rewrite rows that are already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Compaction {
    /// They are copied like all others.
    #[default]
    Copy,
    /// They stay at home.
    Skip,
}

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotificationsSpec {
    /// Told of failures, their end, missed RPO targets, retentions that are too short, changes of roles, services that do
    /// not do as they are told, and drills: `mailto:…`, `https://…`,
    /// `pagerduty://<secret reference>`, or a secret reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Vec<String>>,
    /// Told of recovery points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Vec<String>>,
    /// What is told of: `success`, `failure`, `recovered`, `stale`, `retention`, `failover`, `services`, `drill`;
    /// everything, without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}
