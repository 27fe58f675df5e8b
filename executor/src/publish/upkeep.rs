//! What is written beside the commits of the targets, for those who read them: version checksums, and checkpoints.
//! Nobody else writes them there, and readers would get slower with every sync. Both only repeat what the log says, so
//! one that fails is a warning.

use std::collections::BTreeSet;
use std::future::ready;

use futures::stream::{self, StreamExt as _};
use lakedr_control::id::TableName;
use object_store::{Error, PutMode, PutOptions, PutPayload};

use super::checkpoint_upload::{CheckpointMissed, write_checkpoint};
use crate::delta::checksum::{self, Checksum};
use crate::delta::listing::LogListing;
use crate::delta::log_name::LogName;
use crate::error::{DataError, chain};
use crate::pipeline::Scene;
use crate::plan::group::{GroupPlan, TablePlan};
use crate::spec::TableStore;

/// Commits between two checkpoints when the table does not say (protocol, `delta.checkpointInterval`).
const DEFAULT_INTERVAL: u64 = 10;

/// Files from which on a table does not wait for its interval.
const MANY_FILES: u64 = 10_000;

/// Checkpoints that are written at a time: each needs the memory of a row group.
const CHECKPOINTS_AT_A_TIME: usize = 2;

/// A version that a publish made.
struct Written<'a> {
    table: &'a TablePlan,
    version: u64,
}

/// Writes the checkpoints that are due at the versions that a publish made; the tables that have got one.
pub async fn write_checkpoints(scene: &Scene<'_>, plan: &GroupPlan) -> BTreeSet<TableName> {
    let now_ms = scene.world.now().timestamp_millis();
    let checkpoints = plan.tables.iter().filter_map(Written::of).map(|written| async move {
        let due = written.heed("checkpoint", written.checkpoint(now_ms).await);
        due.unwrap_or_default().then(|| written.table.name().clone())
    });
    stream::iter(checkpoints).buffered(CHECKPOINTS_AT_A_TIME).filter_map(ready).collect().await
}

/// Writes the checkpoint of the version that a plan has made, if one is due. Best effort.
pub(crate) async fn keep_checkpointed(table: &TablePlan, now_ms: i64) {
    if let Some(written) = Written::of(table) {
        let _ = written.heed("checkpoint", written.checkpoint(now_ms).await);
    }
}

impl<'a> Written<'a> {
    fn of(table: &'a TablePlan) -> Option<Self> {
        Some(Self { table, version: table.slots().last()? })
    }

    /// Writes the checkpoint of the version, if it is due; whether it was.
    async fn checkpoint(&self, now_ms: i64) -> Result<bool, CheckpointMissed> {
        let target = &self.table.target.table;
        let (files, _) = self.table.target.after;
        let listing = target.table().listing().await?;
        if !is_due(newest_checkpoint(&listing), self.version, interval(self.table), files) {
            return Ok(false);
        }
        let snapshot = target.table().snapshot(&listing, Some(self.version)).await?;
        write_checkpoint(target, &snapshot, now_ms).await?;
        Ok(true)
    }

    /// What was done; what could not be is a warning.
    fn heed<T>(&self, what: &str, done: Result<T, CheckpointMissed>) -> Option<T> {
        let warn = |error: &CheckpointMissed| {
            tracing::warn!(table = %self.table.name(), "no {what} at version {}: {}", self.version, chain(error));
        };
        done.inspect_err(warn).ok()
    }
}

/// Writes the checksum of a version unless it has one: checksums are never overwritten (protocol, "Version Checksum
/// File", writer requirements).
///
/// # Errors
/// A [`DataError`] when the store does not take it.
pub async fn write_checksum(table: &TableStore, version: u64, checksum: &Checksum) -> Result<(), DataError> {
    let (path, url) = table.log_file(&checksum::name(version).file_name());
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match table.store.put_opts(&path, PutPayload::from(checksum.text()), options).await {
        Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
        Err(cause) => Err(DataError { verb: "write", url, cause }),
    }
}

/// Whether a checkpoint is due at a version. A table of very many files gets one at once: its first commit names them
/// all, and every reader would have to parse it.
fn is_due(newest: Option<u64>, version: u64, interval: u64, files: u64) -> bool {
    match newest {
        Some(newest) => version.saturating_sub(newest) >= interval,
        None => version >= interval || files >= MANY_FILES,
    }
}

fn interval(table: &TablePlan) -> u64 {
    table.checkpoint_interval().filter(|interval| *interval > 0).unwrap_or(DEFAULT_INTERVAL)
}

fn newest_checkpoint(listing: &LogListing) -> Option<u64> {
    let version = |name: LogName| match name {
        LogName::ClassicCheckpoint { version }
        | LogName::CheckpointPart { version, .. }
        | LogName::UuidCheckpoint { version, .. } => Some(version),
        LogName::Commit { .. }
        | LogName::StagedCommit { .. }
        | LogName::Compacted { .. }
        | LogName::Checksum { .. } => None,
    };
    listing.others().filter_map(|entry| version(entry.name)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_follow_the_interval_and_large_tables_get_one_at_once() {
        assert!(!is_due(None, 0, 10, 9_999));
        assert!(is_due(None, 0, 10, 10_000));
        assert!(!is_due(None, 9, 10, 3) && is_due(None, 10, 10, 3));
        assert!(!is_due(Some(10), 19, 10, 50_000) && is_due(Some(10), 20, 10, 3));
    }
}
