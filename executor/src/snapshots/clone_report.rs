//! `clone_report`: a row for each table of each snapshot, for people with SQL. Nothing rests on it, so what cannot be
//! written is a warning.

use chrono::{DateTime, Utc};
use lakedr_control::snapshots::{SnapshotDocument, SnapshotId};
use lakedr_control::spec::SnapshotMode;
use lakedr_control::time::rfc3339_millis_option;
use serde::Serialize;

use super::desk::Desk;
use super::error::{RACES, SnapshotError};
use super::take::TakenTable;
use crate::error::{Failure, chain};
use crate::record::metadata::rows::{Commit, Kind, Layout};
use crate::record::metadata::{Committed, MetadataError, MetadataTable};

/// The table.
const LAYOUT: Layout = Layout {
    name: "clone_report",
    description: "What lakedr copied for the snapshots of a schedule, table by table. Read by nobody but people.",
    columns: &[
        ("schedule", Kind::Text, "the snapshot schedule"),
        ("snapshot", Kind::Text, "id of the snapshot, or of the attempt"),
        ("timestamp", Kind::Instant, "when it was over"),
        ("as_of", Kind::Instant, "the instant that the snapshot shows"),
        ("table", Kind::Text, "catalog.schema.table; none when the attempt failed before any table"),
        ("source", Kind::Text, "URL of the table that was copied"),
        ("target", Kind::Text, "folder of the copy below data/"),
        ("version", Kind::Long, "version that was copied"),
        ("target_version", Kind::Long, "version of the copy"),
        ("mode", Kind::Text, "incremental or batch"),
        ("files", Kind::Long, "live files"),
        ("bytes", Kind::Long, "bytes of these files"),
        ("files_added", Kind::Long, "files that were copied"),
        ("bytes_added", Kind::Long, "bytes of these files"),
        ("milliseconds", Kind::Long, "how long the table took"),
        ("status", Kind::Text, "taken or failed"),
        ("error", Kind::Text, "of a failure: where, what, cause and remedy"),
    ],
};

#[derive(Debug, Default, Serialize)]
struct Row {
    schedule: String,
    snapshot: String,
    #[serde(with = "rfc3339_millis_option")]
    timestamp: Option<DateTime<Utc>>,
    #[serde(with = "rfc3339_millis_option")]
    as_of: Option<DateTime<Utc>>,
    table: Option<String>,
    source: Option<String>,
    target: Option<String>,
    version: Option<u64>,
    target_version: Option<u64>,
    mode: Option<SnapshotMode>,
    files: Option<u64>,
    bytes: Option<u64>,
    files_added: Option<u64>,
    bytes_added: Option<u64>,
    milliseconds: Option<u64>,
    status: &'static str,
    error: Option<String>,
}

fn row(desk: &Desk<'_>, id: &SnapshotId, status: &'static str) -> Row {
    Row {
        schedule: desk.schedule.name.to_string(),
        snapshot: id.to_string(),
        timestamp: Some(desk.world.now()),
        mode: Some(desk.schedule.mode),
        status,
        ..Row::default()
    }
}

/// Adds the rows of a snapshot.
pub(super) async fn report_taken(desk: &Desk<'_>, document: &SnapshotDocument, tables: &[TakenTable]) {
    let rows = tables.iter().map(|taken| {
        let table = &taken.table;
        Row {
            as_of: Some(document.as_of),
            table: Some(table.name.to_string()),
            source: Some(table.source_url.clone()),
            target: Some(table.path.clone()),
            version: Some(table.source_version),
            target_version: Some(table.version),
            files: Some(table.files),
            bytes: Some(table.bytes),
            files_added: Some(table.files_added),
            bytes_added: Some(table.bytes_added),
            milliseconds: u64::try_from(taken.took.as_millis()).ok(),
            ..row(desk, &document.id, "taken")
        }
    });
    heed(desk, append(desk, &document.id, &rows.collect::<Vec<_>>()).await);
}

/// Adds the rows of an attempt that failed: one for each table that did, or one without a table.
pub(super) async fn report_failed(desk: &Desk<'_>, id: &SnapshotId, failure: &Failure) {
    let failed = |table: Option<String>, failure: &Failure| Row {
        table,
        error: Some(chain(failure)),
        ..row(desk, id, "failed")
    };
    let rows: Vec<Row> = match failure.cause.downcast_ref() {
        Some(SnapshotError::Tables { failures }) => {
            failures.iter().map(|failure| failed(Some(failure.subject.clone()), failure)).collect()
        }
        _ => vec![failed(None, failure)],
    };
    heed(desk, append(desk, id, &rows).await);
}

fn heed(desk: &Desk<'_>, appended: Result<(), MetadataError>) {
    if let Err(error) = appended {
        tracing::warn!(schedule = %desk.schedule.name, "clone_report lacks rows: {}", chain(&error));
    }
}

async fn append(desk: &Desk<'_>, id: &SnapshotId, rows: &[Row]) -> Result<(), MetadataError> {
    let world = desk.world;
    let table = MetadataTable::at(desk.stores.clone_report()?, LAYOUT)?;
    let file = table.put(format!("{id}-{}.parquet", world.fresh_id()), rows).await?;
    for _ in 0..RACES {
        let opened = table.open().await?;
        let now_ms = world.now().timestamp_millis();
        let metadata = match &opened {
            Some(opened) => opened.metadata()?,
            None => Some(Commit::new_table(LAYOUT, world.fresh_id(), now_ms)),
        };
        let commit = Commit {
            now_ms,
            txn_id: world.fresh_id(),
            on: opened.as_ref().map(|opened| opened.snapshot.head.version),
            metadata,
            progress: Vec::new(),
            removes: Vec::new(),
            adds: vec![file.clone()],
        };
        if table.commit(&commit).await? == Committed::Done {
            table.checkpoint(opened.as_ref(), now_ms).await;
            return Ok(());
        }
    }
    table.discard(&file).await;
    Err(MetadataError::Busy { tries: RACES })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_row_of_the_clone_report_has_every_column_and_no_other_field() {
        let Value::Object(row) = serde_json::to_value(Row::default()).unwrap() else { panic!("an object") };
        let mut columns: Vec<&str> = LAYOUT.columns.iter().map(|(name, ..)| *name).collect();
        columns.sort_unstable();
        let mut fields: Vec<&str> = row.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, columns);
    }
}
