//! What is written beside the commits of the targets, for those who read them: version checksums, and checkpoints.
//! Nobody else writes them there, and readers would get slower with every sync. Both only repeat what the log says, so
//! one that fails is a warning.

use futures::future::join_all;
use object_store::{Error, PutMode, PutOptions, PutPayload};

use super::bodies::TableBodies;
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

/// Writes the checksums of the versions that a publish made, and the checkpoints that are due.
pub async fn keep_up_targets(scene: &Scene<'_>, plan: &GroupPlan, written: &[TableBodies]) {
    let written = plan.tables.iter().zip(written);
    let written = written.filter_map(|(table, written)| Some((table, table.slots().last()?, written)));
    let upkeep = written.map(|(table, version, written)| async move {
        if let Err(error) = keep_up(scene, table, version, written).await {
            tracing::warn!(table = %table.name(), "the upkeep of version {version} is missing: {}", chain(&error));
        }
    });
    join_all(upkeep).await;
}

async fn keep_up(
    scene: &Scene<'_>,
    table: &TablePlan,
    version: u64,
    written: &TableBodies,
) -> Result<(), CheckpointMissed> {
    let target = &table.target.table;
    let (files, bytes) = table.target.after;
    if let (Some(head), Some(bytes)) = (&written.head_after, bytes) {
        write_checksum(target, version, &Checksum::of(head, files, bytes)).await?;
    }
    let listing = target.table().listing().await?;
    if !is_due(newest_checkpoint(&listing), version, interval(table), files) {
        return Ok(());
    }
    let snapshot = target.table().snapshot(&listing, Some(version)).await?;
    write_checkpoint(target, &snapshot, scene.world.now().timestamp_millis()).await
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
