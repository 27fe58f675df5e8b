use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::SnapshotId;
use crate::codec::{DecodeError, check_format};
use crate::cut::CutRun;
use crate::group_log::Author;
use crate::id::{Name, TableName};
use crate::spec::SnapshotMode;

/// Newest format of snapshot documents that this program reads, and the one it writes.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SnapshotOrigin {
    /// Tables of a sync group at a cut: the newest recovery point when the snapshot was taken.
    Cut {
        /// The group.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        group: Name,
        /// Id of the cut.
        cut: String,
        /// Region that the tables were read in.
        region: String,
        /// The finished run that the cut holds; none for a group without a workflow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<CutRun>,
    },
    /// Listed tables of a region, all at one instant.
    Instant {
        /// The region.
        region: String,
    },
}

/// One table of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotTable {
    /// `catalog.schema.table`
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: TableName,
    /// URL of the table that was copied.
    pub source_url: String,
    /// `metaData.id` of that table: tells a recreated table from a changed one.
    pub source_table_id: String,
    /// Version that was copied.
    pub source_version: u64,
    /// Folder of the copy below the `data` folder of the schedule.
    pub path: String,
    /// Version of the copy that is this snapshot.
    pub version: u64,
    /// Live data files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Files that this snapshot added, deletion vectors included.
    pub files_added: u64,
    /// Bytes of these files.
    pub bytes_added: u64,
}

/// What one snapshot holds. Written once, before the catalog names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotDocument {
    /// Version of the format.
    pub format: u32,
    /// The schedule.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub schedule: Name,
    /// The snapshot.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: SnapshotId,
    /// When taking it began.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub taken_at: DateTime<Utc>,
    /// The instant that it shows.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub as_of: DateTime<Utc>,
    /// What it is of.
    pub origin: SnapshotOrigin,
    /// How it was made.
    pub mode: SnapshotMode,
    /// Who took it.
    pub by: Author,
    /// The tables, ordered by name.
    pub tables: Vec<SnapshotTable>,
}

impl SnapshotDocument {
    /// The format that is written.
    pub const FORMAT: u32 = FORMAT;

    /// Reads a document.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "snapshot document";
        check_format(key, what, FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what,
            cause,
        })
    }

    /// The entry of a table.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&SnapshotTable> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// How a person names what it holds: `run 123, finished 2026-11-20T10:02:00.000Z`.
    #[must_use]
    pub fn describe(&self) -> String {
        let at = crate::time::format(self.as_of);
        match &self.origin {
            SnapshotOrigin::Cut { run: Some(run), .. } => format!("run {}, finished {at}", run.id),
            _ => format!("state of {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_1() {
        let text = r#"{"format":1,"schedule":"weekly","id":"20261122T030000Z","taken_at":"2026-11-22T03:00:00.120Z",
            "as_of":"2026-11-22T02:10:00.000Z","origin":{"type":"cut","group":"etl","cut":"0011223344556677","region":"westus2",
            "run":{"id":"7","ended_at":"2026-11-22T02:10:00.000Z"}},"mode":"incremental",
            "by":{"executor":"0.1.0","host":"h","run":"r"},"tables":[{"name":"c.s.t","source_url":"s3://b/t",
            "source_table_id":"x","source_version":9,"path":"c/s/t","version":3,"files":4,"bytes":400,"files_added":1,
            "bytes_added":100}]}"#;
        let document = SnapshotDocument::decode("k", text.as_bytes()).unwrap();
        assert_eq!(document.describe(), "run 7, finished 2026-11-22T02:10:00.000Z");
        assert_eq!(document.table(&"C.S.T".parse().unwrap()).unwrap().version, 3);
        let again = serde_json::to_vec(&document).unwrap();
        assert_eq!(SnapshotDocument::decode("k", &again).unwrap(), document);
        let odd = text.replace(r#""files":4"#, r#""files":4,"more":1"#);
        assert!(SnapshotDocument::decode("k", odd.as_bytes()).is_err());
        let newer = text.replace(r#""format":1"#, r#""format":2"#);
        let error = SnapshotDocument::decode("k", newer.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("install that version or a newer one"), "{error}");
    }
}
