//! Streams the files that a checkpoint holds.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::stream::{self, BoxStream, Stream};
use futures::{StreamExt as _, TryStreamExt as _};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::checkpoint::{BATCH, CheckpointFile, Content, Unread, footer, unread};
use super::json_lines::json_lines;
use super::view::Tail;
use crate::delta::action::{Action, ActionKind};
use crate::delta::checkpoint::files::{adds, removes};
use crate::delta::checkpoint::read::{Part, RowError, projection, row_groups};
use crate::delta::json::{JsonError, RawObject};
use crate::delta::replay::ReplayError;
use crate::delta::state::{AddFile, FileKey, RemoveFile};
use crate::observe::log_store::LogStore;
use crate::observe::table_error::{LogDefect, TableError};

/// An action on a file, as a checkpoint holds it.
pub(super) trait FileAction: Clone + Send + Sync + 'static {
    /// Its kind.
    const KIND: ActionKind;

    /// The actions of a batch, without those that the tail supersedes.
    fn of_batch(batch: &RecordBatch, tail: &Tail) -> Result<Vec<(FileKey, Self)>, RowError>;

    /// The action of a line.
    fn of_line(body: RawObject) -> Result<(FileKey, Self), JsonError>;
}

impl FileAction for AddFile {
    const KIND: ActionKind = ActionKind::Add;

    fn of_batch(batch: &RecordBatch, tail: &Tail) -> Result<Vec<(FileKey, Self)>, RowError> {
        adds(batch, |key| tail.supersedes(key))
    }

    fn of_line(body: RawObject) -> Result<(FileKey, Self), JsonError> {
        Self::parse(body)
    }
}

impl FileAction for RemoveFile {
    const KIND: ActionKind = ActionKind::Remove;

    fn of_batch(batch: &RecordBatch, tail: &Tail) -> Result<Vec<(FileKey, Self)>, RowError> {
        removes(batch, |key| tail.supersedes(key))
    }

    fn of_line(body: RawObject) -> Result<(FileKey, Self), JsonError> {
        Self::parse(body)
    }
}

type Found<F> = Result<Vec<(FileKey, F)>, TableError>;

/// The actions of one kind in the files of a checkpoint, without those that the tail supersedes.
pub(super) fn scan<F: FileAction>(
    log: &LogStore,
    files: &[Arc<CheckpointFile>],
    part: Part,
    tail: &Arc<Tail>,
) -> impl Stream<Item = Result<(FileKey, F), TableError>> + Send + use<F> {
    let scan = Scan { log: log.clone(), part, tail: Arc::clone(tail) };
    stream::iter(files.to_vec())
        .flat_map(move |file| scan.file::<F>(&file))
        .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
        .try_flatten()
}

#[derive(Debug, Clone)]
struct Scan {
    log: LogStore,
    part: Part,
    tail: Arc<Tail>,
}

impl Scan {
    fn file<F: FileAction>(&self, file: &Arc<CheckpointFile>) -> BoxStream<'static, Found<F>> {
        match &file.content {
            Content::Json => self.json(file).boxed(),
            Content::Parquet { size, footer } => self.parquet(file, *size, footer.clone()).boxed(),
        }
    }

    fn json<F: FileAction>(&self, file: &CheckpointFile) -> impl Stream<Item = Found<F>> + Send + use<F> {
        let (scan, key) = (self.clone(), file.key.clone());
        json_lines(self.log.clone(), key.clone()).map(move |lines| {
            let lines = lines.map_err(|reason| scan.error(reason))?;
            let of_kind = lines.into_iter().filter(|action| action.kind == F::KIND);
            let parsed = of_kind.map(|Action { kind, body }| {
                F::of_line(body).map_err(|source| {
                    let source = ReplayError::Malformed { kind, source };
                    scan.log.corrupt(LogDefect::Action { key: key.to_string(), source })
                })
            });
            let kept = parsed.filter(|read| !matches!(read, Ok((key, _)) if scan.tail.supersedes(key)));
            kept.collect()
        })
    }

    fn parquet<F: FileAction>(
        &self,
        file: &CheckpointFile,
        size: u64,
        known: Option<ArrowReaderMetadata>,
    ) -> impl Stream<Item = Found<F>> + Send + use<F> {
        let (scan, key) = (self.clone(), file.key.clone());
        let opened = async move {
            let footer = match known {
                Some(footer) => footer,
                None => footer(&scan.log, &key, size).await.map_err(|reason| scan.error(reason))?,
            };
            let groups = row_groups(footer.metadata(), scan.part);
            let mask = projection(footer.parquet_schema(), scan.part);
            let failed = |scan: &Self, source| scan.error(unread(&scan.log, &key, source));
            let object = scan.log.parquet(&key, size);
            let batches = ParquetRecordBatchStreamBuilder::new_with_metadata(object, footer)
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(BATCH)
                .build()
                .map_err(|source| failed(&scan, source))?;
            let key = key.clone();
            Ok(batches.map(move |batch| {
                let batch = batch.map_err(|source| scan.error(unread(&scan.log, &key, source)))?;
                F::of_batch(&batch, &scan.tail)
                    .map_err(|source| scan.log.corrupt(LogDefect::Row { key: key.to_string(), source }))
            }))
        };
        stream::once(opened).try_flatten()
    }

    /// A file that was there when the snapshot was opened is gone, or cannot be read.
    fn error(&self, reason: Unread) -> TableError {
        match reason {
            Unread::Lost(key) => self.log.vanished(key),
            Unread::Failed(error) => error,
        }
    }
}
