use serde::{Deserialize, Serialize};

use super::{Kind, ScheduleSpec, Spec};

/// Copies of tables kept on a schedule, with retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotScheduleSpec {
    /// Name of the schedule, unique in the control store.
    pub name: String,
    /// What is copied.
    pub source: SnapshotSourceSpec,
    /// Tables that are left out: names, or patterns with `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<String>>,
    /// Where the copies are kept.
    pub target: SnapshotTargetSpec,
    /// How a copy is made.
    #[serde(default)]
    pub mode: SnapshotMode,
    /// Keep one copy only and replace it. Mode `batch` only.
    #[serde(default)]
    pub overwrite: bool,
    /// When a copy is taken.
    pub schedule: ScheduleSpec,
    /// Which copies are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
    /// Take none.
    #[serde(default)]
    pub paused: bool,
}

impl Spec for SnapshotScheduleSpec {
    const KIND: Kind = Kind::SnapshotSchedule;

    fn name(&self) -> &str {
        &self.name
    }
}

/// What a schedule copies: either `sync_group`, or `region` with `table_root` or tables or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotSourceSpec {
    /// All tables of a sync group, at its newest recovery point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_group: Option<String>,
    /// Region of the tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Root below which a table without URL lies, at catalog/schema/table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_root: Option<String>,
    /// The tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<SnapshotTableSpec>>,
}

/// One table of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotTableSpec {
    /// `catalog.schema.table`
    pub name: String,
    /// URL of the table, if it does not follow from `table_root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Where copies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotTargetSpec {
    /// External location.
    pub location: String,
    /// Folder in the location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// How a copy is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SnapshotMode {
    /// Copies share the files that did not change.
    #[default]
    Incremental,
    /// Each copy is complete in itself.
    Batch,
}

/// Which copies are kept. A copy is kept when any of the rules keeps it; without any rule all are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetentionSpec {
    /// The newest copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
    /// The newest copy of each of so many hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_hourly: Option<u32>,
    /// The newest copy of each of so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_daily: Option<u32>,
    /// The newest copy of each of so many weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_weekly: Option<u32>,
    /// The newest copy of each of so many months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_monthly: Option<u32>,
    /// The newest copy of each of so many years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_yearly: Option<u32>,
    /// Every copy younger than this, for example `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_within: Option<String>,
}
