//! A cut: one version per table of a group, the state at the end of a finished run.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::id::{Name, TableName};

/// What pins the versions of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CutKind {
    /// The end of a finished run.
    Workflow,
    /// One instant, for a group without a workflow.
    Schedule,
}

/// The finished run that a cut holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CutRun {
    /// Id of the run, as the workflow's service spells it.
    pub id: String,
    /// When it ended. A run that is repaired or cleared ends anew and counts anew.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub ended_at: DateTime<Utc>,
}

/// One table of a cut, and what copying it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CutTable {
    /// `catalog.schema.table`
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: TableName,
    /// `metaData.id` of the source table: tells a recreated table from a changed one.
    pub source_table_id: String,
    /// Version that is copied.
    pub source_version: u64,
    /// Version of the target that holds the same state; none while nothing has been planned for the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<u64>,
    /// Version of the landing table that holds the same state; staged delivery only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_version: Option<u64>,
    /// Files (data and deletion vectors) that the target lacked.
    #[serde(default)]
    pub files_copied: u64,
    /// Bytes of these files.
    #[serde(default)]
    pub bytes_copied: u64,
    /// Files that the target no longer names.
    #[serde(default)]
    pub files_removed: u64,
    /// Files that the target held already.
    #[serde(default)]
    pub files_reused: u64,
    /// Compacted files that were not copied, because the target holds their rows in other files.
    #[serde(default, skip_serializing_if = "is_none")]
    pub files_skipped: u64,
    /// Bytes of these files.
    #[serde(default, skip_serializing_if = "is_none")]
    pub bytes_skipped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One version per table of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Follows from everything that pins the cut: equal cuts have equal ids.
    pub id: String,
    /// What pins the versions.
    pub kind: CutKind,
    /// The run that the cut holds; none for a group without a workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<CutRun>,
    /// The instant that the cut shows: the end of its run, or the instant at which the tables were pinned.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub as_of: DateTime<Utc>,
    /// The tables, ordered by name.
    pub tables: Vec<CutTable>,
}

/// One pinned table, as the choice of a cut yields it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The table.
    pub table: TableName,
    /// `metaData.id` of the source table.
    pub source_table_id: String,
    /// The version.
    pub source_version: u64,
}

impl Cut {
    /// The cut of a finished run.
    #[must_use]
    pub fn of_run(group: &Name, run: CutRun, pins: Vec<Pin>) -> Self {
        let as_of = run.ended_at;
        Self::new(group, CutKind::Workflow, Some(run), as_of, pins)
    }

    /// The cut of a group without a workflow. Its id does not depend on the instant: the same versions are the
    /// same cut.
    #[must_use]
    pub fn at_instant(group: &Name, as_of: DateTime<Utc>, pins: Vec<Pin>) -> Self {
        Self::new(group, CutKind::Schedule, None, as_of, pins)
    }

    fn new(
        group: &Name,
        kind: CutKind,
        run: Option<CutRun>,
        as_of: DateTime<Utc>,
        mut pins: Vec<Pin>,
    ) -> Self {
        pins.sort_by(|a, b| a.table.cmp(&b.table));
        let mut identity = vec![group.to_string()];
        identity.extend(run.iter().flat_map(|run| [run.id.clone(), crate::time::format(run.ended_at)]));
        for pin in &pins {
            identity.push(pin.table.to_string().to_lowercase());
            identity.push(pin.source_table_id.clone());
            identity.push(pin.source_version.to_string());
        }
        let digest = digest::of_bytes(identity.join("\n").as_bytes());
        let id = digest.trim_start_matches("sha256:").chars().take(16).collect();
        let tables = pins.into_iter().map(CutTable::from).collect();
        Self { id, kind, run, as_of, tables }
    }

    /// The entry of a table.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&CutTable> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The same state with source and target exchanged, as far as there are targets: what the cut is once the roles of
    /// the regions have changed. Nothing is to be copied for it, and the ids of its sources are not known (empty).
    #[must_use]
    pub fn turned(&self) -> Self {
        let turn = |table: &CutTable| {
            let pin = Pin {
                table: table.name.clone(),
                source_table_id: String::new(),
                source_version: table.target_version?,
            };
            Some(CutTable { target_version: Some(table.source_version), ..pin.into() })
        };
        Self { tables: self.tables.iter().filter_map(turn).collect(), ..self.clone() }
    }

    /// How a person names the cut: `run 123, finished 2026-11-20T10:02:00.000Z`.
    #[must_use]
    pub fn describe(&self) -> String {
        let at = crate::time::format(self.as_of);
        match &self.run {
            Some(run) => format!("run {}, finished {at}", run.id),
            None => format!("state of {at}"),
        }
    }
}

impl From<Pin> for CutTable {
    fn from(pin: Pin) -> Self {
        Self {
            name: pin.table,
            source_table_id: pin.source_table_id,
            source_version: pin.source_version,
            target_version: None,
            landed_version: None,
            files_copied: 0,
            bytes_copied: 0,
            files_removed: 0,
            files_reused: 0,
            files_skipped: 0,
            bytes_skipped: 0,
        }
    }
}
