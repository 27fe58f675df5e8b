//! The table in its location.

use bytes::Bytes;
use futures::TryStreamExt as _;
use lakedr_control::store::OpenedStore;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use serde::Serialize;

use super::error::MetadataError;
use super::rows::DataFile;
use super::rows::{Commit, Layout, Misfit, encode, widened};
use crate::delta::checkpoint::read::Columns;
use crate::delta::json::RawObject;
use crate::delta::log_name::LogName;
use crate::error::DataError;
use crate::observe::delta_table::DeltaTable;
use crate::observe::snapshot::Snapshot;
use crate::observe::table_error::TableError;
use crate::publish::write_checkpoint;
use crate::spec::TableStore;

/// Commits behind the newest checkpoint that call for another one.
const CHECKPOINT_EVERY: u64 = 10;

/// Newest writer version that the table may ask for: what it is made with.
const WRITER: u32 = 2;

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It is there.
    Done,
    /// Somebody else has made that version.
    Lost,
}

/// What became of a commit, by what lies in its place; none when nobody can tell. Where nothing lies it is not lost, whatever the
/// store answered: a store that refuses two writes at a time may carry out this one yet, and it names a file then.
fn became(body: &Bytes, found: Option<&Bytes>) -> Option<Committed> {
    found.map(|found| if found == body { Committed::Done } else { Committed::Lost })
}

/// A table for people, such as the sync metadata table of a location.
#[derive(Debug)]
pub(crate) struct MetadataTable {
    store: TableStore,
    layout: Layout,
}

/// The table at its newest version.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) snapshot: Snapshot,
    layout: Layout,
    /// Commits since the newest checkpoint.
    behind: u64,
}

impl Opened {
    /// The metadata that has to be written, because the table lacks columns.
    pub(crate) fn metadata(&self) -> Result<Option<RawObject>, MetadataError> {
        let raw = &self.snapshot.head.metadata.raw;
        let schema: String = raw.fields().required("schemaString").map_err(|_| Misfit::Schema)?;
        let wide = widened(&schema, self.layout)?;
        Ok(wide.map(|wide| raw.with_raw("schemaString", &serde_json::Value::from(wide).to_string())))
    }

    /// How far an application is.
    pub(super) fn progress(&self, app_id: &str) -> u64 {
        let txn = self.snapshot.head.txns.get(app_id);
        txn.and_then(|txn| u64::try_from(txn.version).ok()).unwrap_or_default()
    }
}

impl MetadataTable {
    pub(crate) fn at(place: OpenedStore, layout: Layout) -> Result<Self, MetadataError> {
        let name = format!("lakedr.meta.{}", layout.name).parse().map_err(|_| MetadataError::Name)?;
        Ok(Self { store: TableStore::at(name, place), layout })
    }

    pub(super) fn url(&self) -> &str {
        self.store.url.as_str()
    }

    fn table(&self) -> DeltaTable {
        self.store.table()
    }

    /// The newest version; none while there is no table.
    pub(crate) async fn open(&self) -> Result<Option<Opened>, MetadataError> {
        let table = self.table();
        let listing = match table.listing().await {
            Err(TableError::NotATable { .. }) => return Ok(None),
            listing => listing?,
        };
        let snapshot = table.snapshot(&listing, None).await?;
        if snapshot.head.protocol.min_writer > WRITER {
            return Err(MetadataError::Changed { version: snapshot.head.protocol.min_writer });
        }
        let checkpoints = listing.others().filter_map(|entry| match entry.name {
            LogName::ClassicCheckpoint { version }
            | LogName::CheckpointPart { version, .. }
            | LogName::UuidCheckpoint { version, .. } => Some(version),
            _ => None,
        });
        let behind = snapshot.head.version.saturating_sub(checkpoints.max().unwrap_or_default());
        Ok(Some(Opened { snapshot, layout: self.layout, behind }))
    }

    /// Every live file, as its add says.
    pub(crate) async fn files(&self, opened: &Opened) -> Result<Vec<RawObject>, MetadataError> {
        let files: Vec<_> = opened.snapshot.files(Columns::All).try_collect().await?;
        Ok(files.into_iter().map(|(_, add)| add.raw).collect())
    }

    /// Puts rows into a file of this name, which no commit names.
    pub(crate) async fn put(&self, name: String, rows: &[impl Serialize]) -> Result<DataFile, MetadataError> {
        let bytes = encode(self.layout, rows)?;
        let file = DataFile { size: bytes.len() as u64, rows: rows.len(), name };
        let url = format!("{}/{}", self.store.url, file.name);
        let put = self.store.store.put(&self.place(&file), PutPayload::from_bytes(Bytes::from(bytes))).await;
        put.map_err(|cause| DataError { verb: "write", url, cause })?;
        Ok(file)
    }

    /// Removes a file that no commit names. Best effort: it is in nobody's way.
    pub(crate) async fn discard(&self, file: &DataFile) {
        if let Err(error) = self.store.store.delete(&self.place(file)).await {
            tracing::debug!("{}/{} stays: {error}", self.store.url, file.name);
        }
    }

    fn place(&self, file: &DataFile) -> Path {
        self.store.root.clone().join(file.name.as_str())
    }

    /// Makes the version behind the one that a commit is made on.
    pub(crate) async fn commit(&self, commit: &Commit) -> Result<Committed, MetadataError> {
        let version = commit.on.map_or(0, |on| on + 1);
        let (path, url) = self.store.log_file(&LogName::Commit { version }.file_name());
        let body = Bytes::from(commit.body());
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.store.put_opts(&path, PutPayload::from_bytes(body.clone()), options).await;
        let Err(cause) = put else { return Ok(Committed::Done) };
        // the version is taken, or the answer got lost on the way: what lies there decides
        let found = self.table().commit_bytes(version).await?;
        became(&body, found.as_ref()).ok_or_else(|| DataError { verb: "write", url, cause }.into())
    }

    /// Writes a checkpoint behind a commit, when it is time for one. Best effort.
    pub(crate) async fn checkpoint(&self, before: Option<&Opened>, now_ms: i64) {
        if before.is_none_or(|before| before.behind + 1 < CHECKPOINT_EVERY) {
            return;
        }
        let written = async {
            let table = self.table();
            let listing = table.listing().await?;
            let snapshot = table.snapshot(&listing, None).await?;
            write_checkpoint(&self.store, &snapshot, now_ms).await
        };
        if let Err(error) = written.await {
            tracing::debug!("no checkpoint of {}: {}", self.store.url, crate::error::chain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_commit_in_its_place_makes_a_commit_lost() {
        let (ours, other) = (Bytes::from_static(b"ours"), Bytes::from_static(b"other"));
        assert_eq!(became(&ours, Some(&ours)), Some(Committed::Done));
        assert_eq!(became(&ours, Some(&other)), Some(Committed::Lost));
        assert_eq!(became(&ours, None), None);
    }
}
