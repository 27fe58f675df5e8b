//! Reads the files that rebuild a version, and replays them.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::errors::ParquetError;

use super::log_store::LogStore;
use super::parquet_object::store_error;
use super::table_error::{LogDefect, TableError};
use crate::delta::action::{Action, ActionKind, actions};
use crate::delta::checkpoint::read::{projection, rows};
use crate::delta::listing::LogListing;
use crate::delta::log_name::{LogName, UuidCheckpointFormat};
use crate::delta::replay::{Replay, Tombstones};
use crate::delta::segment::{Checkpoint, LogSegment, choose};
use crate::delta::state::TableState;

/// Commits that are fetched at a time.
pub(crate) const PARALLEL_COMMITS: usize = 16;
/// Rows of a checkpoint that are in memory at a time.
const CHECKPOINT_BATCH: usize = 4_096;

/// What reading a checkpoint came to.
enum Outcome {
    Read,
    /// One of its files does not exist: it never was complete, or it is being cleaned up.
    Incomplete {
        lost: Path,
    },
}

/// Rebuilds a version. A checkpoint that lacks a file is passed over, as if it did not exist.
pub(crate) async fn replay(
    log: &LogStore,
    listing: &LogListing,
    version: Option<u64>,
    tombstones: Tombstones,
) -> Result<TableState, TableError> {
    let mut broken: BTreeSet<Checkpoint> = BTreeSet::new();
    let mut lost_file: Option<Path> = None;
    loop {
        let segment = choose(listing, version, &broken).map_err(|error| match &lost_file {
            Some(lost) => log.corrupt(LogDefect::LostFile { key: lost.to_string() }),
            None => TableError::of_segment(&log.url, error),
        })?;
        let mut reader = Reader { log, tombstones, replay: Replay::new(tombstones), sidecars: Vec::new() };
        if let Some(checkpoint) = &segment.checkpoint
            && let Outcome::Incomplete { lost } = reader.checkpoint(checkpoint).await?
        {
            broken.insert(checkpoint.clone());
            lost_file = Some(lost);
            continue;
        }
        reader.commits(&segment).await?;
        if segment.commits.is_empty() && listing.commit(segment.version).is_some() {
            reader.commit_info(segment.version).await?;
        }
        return reader.finish(segment.version);
    }
}

/// A replay and where its actions come from.
struct Reader<'a> {
    log: &'a LogStore,
    tombstones: Tombstones,
    replay: Replay,
    sidecars: Vec<Action>,
}

impl Reader<'_> {
    async fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<Outcome, TableError> {
        for entry in &checkpoint.files {
            let file = self.log.file(&entry.name);
            let outcome = match entry.name {
                LogName::UuidCheckpoint { format: UuidCheckpointFormat::Json, .. } => {
                    self.json(&file).await?
                }
                _ => self.parquet(&file, entry.size).await?,
            };
            if let Outcome::Incomplete { .. } = outcome {
                return Ok(outcome);
            }
        }
        for sidecar in std::mem::take(&mut self.sidecars) {
            let (file, size) = self.log.sidecar(&sidecar)?;
            let outcome = self.parquet(&file, size).await?;
            if let Outcome::Incomplete { .. } = outcome {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Read)
    }

    async fn json(&mut self, file: &Path) -> Result<Outcome, TableError> {
        let Some(bytes) = self.log.get(file).await? else {
            return Ok(Outcome::Incomplete { lost: file.clone() });
        };
        self.lines(&bytes, file.as_ref())?;
        Ok(Outcome::Read)
    }

    async fn parquet(&mut self, file: &Path, size: u64) -> Result<Outcome, TableError> {
        match self.batches(file, size).await {
            Err(TableError::Checkpoint { source, .. }) if is_lost(&source) => {
                Ok(Outcome::Incomplete { lost: file.clone() })
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Outcome::Read),
        }
    }

    async fn batches(&mut self, file: &Path, size: u64) -> Result<(), TableError> {
        let log = self.log;
        let failed = |source| log.parquet_error(file, source);
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let object = log.parquet(file, size);
        let builder =
            ParquetRecordBatchStreamBuilder::new_with_options(object, options).await.map_err(failed)?;
        let mask = projection(builder.parquet_schema(), self.tombstones);
        let mut batches =
            builder.with_projection(mask).with_batch_size(CHECKPOINT_BATCH).build().map_err(failed)?;
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let rows = rows(&batch)
                .map_err(|source| log.corrupt(LogDefect::Row { key: file.to_string(), source }))?;
            for row in rows {
                self.take(row.action, row.stats_synthesised, file.as_ref())?;
            }
        }
        Ok(())
    }

    async fn commits(&mut self, segment: &LogSegment) -> Result<(), TableError> {
        let log = self.log;
        let reads = segment.commits.iter().map(|version| async move {
            let bytes = log.listed_commit(*version).await?;
            Ok::<_, TableError>((LogName::Commit { version: *version }.file_name(), bytes))
        });
        let mut commits = stream::iter(reads).buffered(PARALLEL_COMMITS);
        while let Some((file, bytes)) = commits.try_next().await? {
            self.replay.begin_commit();
            self.lines(&bytes, &file)?;
        }
        Ok(())
    }

    /// The in-commit timestamp of a version that a checkpoint made up: checkpoints do not hold it.
    async fn commit_info(&mut self, version: u64) -> Result<(), TableError> {
        let bytes = self.log.listed_commit(version).await?;
        let file = LogName::Commit { version }.file_name();
        for action in actions(&bytes) {
            let action = action.map_err(|source| self.line_defect(&file, source))?;
            if action.kind == ActionKind::CommitInfo {
                self.take(action, false, &file)?;
            }
        }
        Ok(())
    }

    fn lines(&mut self, bytes: &[u8], file: &str) -> Result<(), TableError> {
        for action in actions(bytes) {
            let action = action.map_err(|source| self.line_defect(file, source))?;
            self.take(action, false, file)?;
        }
        Ok(())
    }

    fn take(&mut self, action: Action, stats_synthesised: bool, file: &str) -> Result<(), TableError> {
        let applied = match action.kind {
            ActionKind::Sidecar => {
                self.sidecars.push(action);
                return Ok(());
            }
            ActionKind::Add if stats_synthesised => self.replay.apply_synthesised(action.body),
            _ => self.replay.apply(action),
        };
        applied.map_err(|source| self.log.corrupt(LogDefect::Action { key: file.to_owned(), source }))
    }

    fn finish(self, version: u64) -> Result<TableState, TableError> {
        let state = self.replay.finish(&self.log.url, version);
        state.map_err(|source| self.log.corrupt(LogDefect::State { source }))
    }

    fn line_defect(&self, file: &str, source: crate::delta::action::LineError) -> TableError {
        self.log.corrupt(LogDefect::Line { key: file.to_owned(), source })
    }
}

fn is_lost(error: &ParquetError) -> bool {
    matches!(store_error(error), Some(object_store::Error::NotFound { .. }))
}
