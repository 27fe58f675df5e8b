//! Checkpoints at the targets. Nobody else writes them there, and readers would get slower with every sync. A
//! checkpoint only repeats what the log says, so one that fails is a warning.

use futures::future::join_all;

use super::checkpoint_upload::{CheckpointMissed, write_checkpoint};
use crate::delta::listing::LogListing;
use crate::delta::log_name::LogName;
use crate::error::chain;
use crate::pipeline::Scene;
use crate::plan::group::{GroupPlan, TablePlan};

/// Commits between two checkpoints when the table does not say (protocol, `delta.checkpointInterval`).
const DEFAULT_INTERVAL: u64 = 10;

/// Files from which on a table does not wait for its interval.
const MANY_FILES: u64 = 10_000;

/// Writes the checkpoints that are due after a publish.
pub async fn checkpoint_targets(scene: &Scene<'_>, plan: &GroupPlan) {
    let written = plan.tables.iter().filter_map(|table| Some((table, table.slots().last()?)));
    let checkpoints = written.map(|(table, version)| async move {
        if let Err(error) = checkpoint(scene, table, version).await {
            tracing::warn!(table = %table.name(), "no checkpoint at version {version}: {}", chain(&error));
        }
    });
    join_all(checkpoints).await;
}

async fn checkpoint(scene: &Scene<'_>, table: &TablePlan, version: u64) -> Result<(), CheckpointMissed> {
    let delta = table.target.table.table();
    let listing = delta.listing().await?;
    if !is_due(newest_checkpoint(&listing), version, interval(table), table.diff.totals.source_files) {
        return Ok(());
    }
    let state = delta.state_with_tombstones(&listing, Some(version)).await?;
    write_checkpoint(&table.target.table, &state, scene.world.now().timestamp_millis()).await
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
