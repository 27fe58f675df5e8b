//! Opens a table at a version: everything that can be wrong with its log is found here.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;

use super::checkpoint::{self, OpenCheckpoint, Unread};
use super::view::{Snapshot, Tail};
use crate::delta::action::{ActionKind, LineError, actions};
use crate::delta::listing::LogListing;
use crate::delta::log_name::LogName;
use crate::delta::replay::{Replay, ReplayError};
use crate::delta::segment::{Checkpoint, LogSegment, choose};
use crate::delta::state::TableState;
use crate::observe::log_store::{LogStore, PARALLEL_COMMITS};
use crate::observe::table_error::{LogDefect, TableError};

/// Opens a version, or the latest. A checkpoint that lacks a file is passed over, as if it did not exist.
pub(in crate::observe) async fn open(
    log: &LogStore,
    listing: &LogListing,
    version: Option<u64>,
) -> Result<Snapshot, TableError> {
    let mut broken: BTreeSet<Checkpoint> = BTreeSet::new();
    let mut lost_file: Option<Path> = None;
    loop {
        let segment = choose(listing, version, &broken).map_err(|error| match &lost_file {
            Some(lost) => log.corrupt(LogDefect::LostFile { key: lost.to_string() }),
            None => TableError::of_segment(&log.url, error),
        })?;
        let start = match &segment.checkpoint {
            None => OpenCheckpoint { head: Vec::new(), files: Vec::new() },
            Some(checkpoint) => match checkpoint::open(log, checkpoint).await {
                Ok(opened) => opened,
                Err(Unread::Failed(error)) => return Err(error),
                Err(Unread::Lost(lost)) => {
                    broken.insert(checkpoint.clone());
                    lost_file = Some(lost);
                    continue;
                }
            },
        };
        return snapshot(log, listing, &segment, start).await;
    }
}

/// Replays the head of the checkpoint and the commits behind it. What the replay then holds of files is what
/// the commits say of them: the tail.
async fn snapshot(
    log: &LogStore,
    listing: &LogListing,
    segment: &LogSegment,
    start: OpenCheckpoint,
) -> Result<Snapshot, TableError> {
    let mut replay = Replay::new();
    for (key, head) in start.head {
        for action in head {
            replay.apply(action).map_err(|source| damaged_action(log, key.as_ref(), source))?;
        }
    }
    commits(log, listing, segment, &mut replay).await?;
    if let Some(entry) = listing.commit(segment.version).filter(|_| segment.commits.is_empty()) {
        commit_info(log, &entry.name, &mut replay).await?;
    }
    let TableState { head, files, tombstones } = replay
        .finish(&log.url, segment.version)
        .map_err(|source| log.corrupt(LogDefect::State { source }))?;
    let tail = Arc::new(Tail { adds: files, removes: tombstones });
    Ok(Snapshot { head, log: log.clone(), files: start.files, tail })
}

async fn commits(
    log: &LogStore,
    listing: &LogListing,
    segment: &LogSegment,
    replay: &mut Replay,
) -> Result<(), TableError> {
    let reads = segment.commits.iter().map(|version| async move {
        let missing = || log.corrupt(LogDefect::MissingCommit { version: *version });
        let name = listing.commit(*version).ok_or_else(missing)?.name;
        Ok::<_, TableError>((name.file_name(), log.listed_commit(&name).await?))
    });
    let mut commits = stream::iter(reads).buffered(PARALLEL_COMMITS);
    while let Some((file, bytes)) = commits.try_next().await? {
        replay.begin_commit();
        for action in actions(&bytes) {
            let action = action.map_err(|source| damaged_line(log, &file, source))?;
            replay.apply(action).map_err(|source| damaged_action(log, &file, source))?;
        }
    }
    Ok(())
}

/// The in-commit timestamp of a version that a checkpoint made up: checkpoints do not hold it.
async fn commit_info(log: &LogStore, name: &LogName, replay: &mut Replay) -> Result<(), TableError> {
    let bytes = log.listed_commit(name).await?;
    let file = name.file_name();
    for action in actions(&bytes) {
        let action = action.map_err(|source| damaged_line(log, &file, source))?;
        if action.kind == ActionKind::CommitInfo {
            replay.apply(action).map_err(|source| damaged_action(log, &file, source))?;
        }
    }
    Ok(())
}

fn damaged_line(log: &LogStore, file: &str, source: LineError) -> TableError {
    log.corrupt(LogDefect::Line { key: file.to_owned(), source })
}

fn damaged_action(log: &LogStore, file: &str, source: ReplayError) -> TableError {
    log.corrupt(LogDefect::Action { key: file.to_owned(), source })
}
