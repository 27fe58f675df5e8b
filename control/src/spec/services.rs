use serde::{Deserialize, Serialize};

use super::DatabricksJobSpec;

/// What runs in each region beside the tables, and changes hands with a failover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServicesSpec {
    /// Services of the primary side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<SideServicesSpec>,
    /// Services of the secondary side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary: Option<SideServicesSpec>,
}

/// Services of one side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SideServicesSpec {
    /// Jobs of the side's Databricks workspace: their schedule, trigger or continuous run is paused and unpaused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub databricks_jobs: Option<Vec<DatabricksJobSpec>>,
    /// Ids of SQL warehouses of the side's workspace: stopped and started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_warehouses: Option<Vec<String>>,
    /// Ids of clusters of the side's workspace: terminated and started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<String>>,
    /// Instance pools of the side's workspace: their idle minimum is set to 0 and to the declared number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_pools: Option<Vec<InstancePoolSpec>>,
    /// Airflow DAGs: paused and unpaused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub airflow_dags: Option<Vec<DagServiceSpec>>,
    /// Everything else: told to stop and to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<HookSpec>>,
}

/// An instance pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstancePoolSpec {
    /// Id of the pool.
    pub id: String,
    /// Instances that it keeps idle while its region is active, at least 1.
    pub min_idle: u32,
}

/// An Airflow DAG that is paused and unpaused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DagServiceSpec {
    /// Base URL of the web server of this side, of Airflow 2 or 3.
    pub url: String,
    /// Id of the DAG.
    pub dag_id: String,
    /// Reference of the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Reference of the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Something that is told to stop and to start: exactly one of `url` and `command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// Name, unique on its side.
    pub name: String,
    /// `https://…`: the request is posted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Reference of the token that is sent to `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Absolute path of an executable: it is run with the request on its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How long one call may take.
    #[serde(default = "default_timeout")]
    pub timeout: String,
}

fn default_timeout() -> String {
    "30s".to_owned()
}
