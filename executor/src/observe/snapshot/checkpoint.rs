//! The files of one checkpoint: opened, and known to be there.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;

use super::head::head;
use super::json_lines::json_lines;
use super::row_group::RowGroup;
use crate::delta::action::{Action, ActionKind};
use crate::delta::checkpoint::instants::in_microseconds;
use crate::delta::checkpoint::read::{Part, row_groups};
use crate::delta::listing::LogEntry;
use crate::delta::log_name::{LogName, UuidCheckpointFormat};
use crate::delta::segment::Checkpoint;
use crate::observe::log_store::LogStore;
use crate::observe::parquet_object::store_error;
use crate::observe::table_error::{LogDefect, TableError};

/// Files of a checkpoint that are looked at at a time.
const PARALLEL_FILES: usize = 16;

/// Why a file of a checkpoint was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It does not exist: the checkpoint never was complete, or it is being cleaned up.
    Lost(Path),
    /// Anything else.
    Failed(TableError),
}

impl From<TableError> for Unread {
    fn from(error: TableError) -> Self {
        Self::Failed(error)
    }
}

/// A file of a checkpoint that may hold files of the table.
#[derive(Debug, Clone)]
pub(super) struct CheckpointFile {
    pub(super) key: Path,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Newline-delimited JSON.
    Json,
    /// Parquet of a number of bytes; the footer when it has been read already.
    Parquet { size: u64, footer: Option<ArrowReaderMetadata> },
}

/// What a checkpoint says apart from its files, and where those are.
#[derive(Debug)]
pub(super) struct OpenCheckpoint {
    /// The head actions of a file, with its key.
    pub(super) head: Vec<(Path, Vec<Action>)>,
    pub(super) files: Vec<Arc<CheckpointFile>>,
}

/// Reads the head of a checkpoint and makes sure that all of its files exist.
pub(super) async fn open(log: &LogStore, checkpoint: &Checkpoint) -> Result<OpenCheckpoint, Unread> {
    let reads = checkpoint.files.iter().map(|entry| top_file(log, entry));
    let tops: Vec<Top> = stream::iter(reads).buffered(PARALLEL_FILES).try_collect().await?;
    let mut opened = OpenCheckpoint { head: Vec::new(), files: Vec::new() };
    let mut sidecars = Vec::new();
    for Top { file, actions, has_files } in tops {
        let (named, head): (Vec<Action>, Vec<Action>) =
            actions.into_iter().partition(|action| action.kind == ActionKind::Sidecar);
        sidecars.extend(named);
        opened.head.push((file.key.clone(), head));
        opened.files.extend(has_files.then(|| Arc::new(file)));
    }
    let reads = sidecars.iter().map(|sidecar| sidecar_file(log, sidecar));
    let sidecars: Vec<CheckpointFile> = stream::iter(reads).buffered(PARALLEL_FILES).try_collect().await?;
    opened.files.extend(sidecars.into_iter().map(Arc::new));
    Ok(opened)
}

/// A file that the listing shows, its head actions, and whether it may hold files of the table.
struct Top {
    file: CheckpointFile,
    actions: Vec<Action>,
    has_files: bool,
}

async fn top_file(log: &LogStore, entry: &LogEntry) -> Result<Top, Unread> {
    let key = log.file(&entry.name);
    match entry.name {
        LogName::UuidCheckpoint { format: UuidCheckpointFormat::Json, .. } => json_top(log, key).await,
        _ => parquet_top(log, key, entry.size).await,
    }
}

async fn json_top(log: &LogStore, key: Path) -> Result<Top, Unread> {
    let mut head = Vec::new();
    let mut has_files = false;
    let mut lines = std::pin::pin!(json_lines(log.clone(), key.clone()));
    while let Some(actions) = lines.try_next().await? {
        for action in actions {
            match action.kind {
                ActionKind::Add | ActionKind::Remove => has_files = true,
                _ => head.push(action),
            }
        }
    }
    Ok(Top { file: CheckpointFile { key, content: Content::Json }, actions: head, has_files })
}

async fn parquet_top(log: &LogStore, key: Path, size: u64) -> Result<Top, Unread> {
    let footer = footer(log, &key, size).await?;
    let mut actions = Vec::new();
    for number in row_groups(footer.metadata(), Part::Head) {
        let (log, key, footer) = (log.clone(), key.clone(), footer.clone());
        actions.extend(head(RowGroup { log, key, size, footer, number }).await?);
    }
    let content = Content::Parquet { size, footer: Some(footer) };
    Ok(Top { file: CheckpointFile { key, content }, actions, has_files: true })
}

/// A sidecar exists and has the size that the checkpoint says; it is not opened.
async fn sidecar_file(log: &LogStore, action: &Action) -> Result<CheckpointFile, Unread> {
    let (key, size) = log.sidecar(action)?;
    let Some(found) = log.size(&key).await? else { return Err(Unread::Lost(key)) };
    if found != size {
        let problem = format!("`{key}` has {found} bytes, and not {size}");
        return Err(Unread::Failed(log.corrupt(LogDefect::Sidecar { problem })));
    }
    Ok(CheckpointFile { key, content: Content::Parquet { size, footer: None } })
}

/// The footer of a Parquet file. Types are those of the Parquet schema, whatever Arrow schema it embeds; instants are
/// microseconds.
pub(super) async fn footer(log: &LogStore, key: &Path, size: u64) -> Result<ArrowReaderMetadata, Unread> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let footer = ArrowReaderMetadata::load_async(&mut log.parquet(key, size), options).await;
    footer.and_then(in_microseconds).map_err(|source| unread(log, key, source))
}

/// Tells a file that is gone from one that cannot be read.
pub(super) fn unread(log: &LogStore, key: &Path, source: ParquetError) -> Unread {
    match store_error(&source) {
        Some(object_store::Error::NotFound { .. }) => Unread::Lost(key.clone()),
        _ => Unread::Failed(log.parquet_error(key, source)),
    }
}
