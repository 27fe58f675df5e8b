//! Streams the files that a checkpoint holds.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::stream::{self, Stream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use parquet::errors::ParquetError;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;

use super::checkpoint::{CheckpointFile, Content, Unread, footer};
use super::json_lines::json_lines;
use super::row_group::{RowGroup, Selected};
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

/// Row groups that are read at a time.
const LANES: usize = 4;
/// Batches that are kept for whoever asks next.
const AHEAD: usize = 2;

/// The actions of one kind in the files of a checkpoint, without those that the tail supersedes. They are read ahead
/// by a task of their own, which ends when the stream is dropped.
pub(super) fn scan<F: FileAction>(
    log: &LogStore,
    files: &[Arc<CheckpointFile>],
    part: Part,
    tail: &Arc<Tail>,
) -> impl Stream<Item = Result<(FileKey, F), TableError>> + Send + use<F> {
    let scan = Scan { log: log.clone(), part, tail: Arc::clone(tail) };
    let files = files.to_vec();
    let begin = async move {
        let (sender, found) = mpsc::channel(AHEAD);
        let log = scan.log.clone();
        let work = tokio::spawn(scan.run::<F>(files, sender));
        let found = stream::unfold(found, |mut found| async move { Some((found.recv().await?, found)) });
        found.map(Ok).chain(stream::once(end(log, work)).filter_map(std::future::ready))
    };
    stream::once(begin)
        .flatten()
        .map_ok(|found: Vec<(FileKey, F)>| stream::iter(found.into_iter().map(Ok)))
        .try_flatten()
}

/// How the work behind a scan ended: one that broke off must not pass for one that has come to its end.
async fn end<T>(log: LogStore, work: JoinHandle<Result<(), TableError>>) -> Option<Result<T, TableError>> {
    match work.await {
        Ok(ended) => ended.err().map(Err),
        Err(broken) => {
            Some(Err(log.parquet_error(log.directory(), ParquetError::External(Box::new(broken)))))
        }
    }
}

#[derive(Debug, Clone)]
struct Scan {
    log: LogStore,
    part: Part,
    tail: Arc<Tail>,
}

impl Scan {
    async fn run<F: FileAction>(
        self,
        files: Vec<Arc<CheckpointFile>>,
        sender: Sender<Vec<(FileKey, F)>>,
    ) -> Result<(), TableError> {
        let (scan, sender) = (&self, &sender);
        let pieces = stream::iter(files).map(|file| scan.pieces(file)).buffered(LANES);
        let pieces = pieces.map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok))).try_flatten();
        pieces.try_for_each_concurrent(LANES, |piece| scan.piece(piece, sender.clone())).await
    }

    /// What of a file is read on its own.
    async fn pieces(&self, file: Arc<CheckpointFile>) -> Result<Vec<Piece>, TableError> {
        let (size, known) = match &file.content {
            Content::Json => return Ok(vec![Piece::Json(file.key.clone())]),
            Content::Parquet { size, footer } => (*size, footer.clone()),
        };
        let footer = match known {
            Some(footer) => footer,
            None => footer(&self.log, &file.key, size).await.map_err(|reason| self.error(reason))?,
        };
        let groups = row_groups(footer.metadata(), self.part).into_iter();
        let group = |number| {
            let (log, key, footer) = (self.log.clone(), file.key.clone(), footer.clone());
            Piece::Group(RowGroup { log, key, size, footer, number })
        };
        Ok(groups.map(group).collect())
    }

    async fn piece<F: FileAction>(
        &self,
        piece: Piece,
        sender: Sender<Vec<(FileKey, F)>>,
    ) -> Result<(), TableError> {
        if sender.is_closed() {
            return Ok(());
        }
        match piece {
            Piece::Json(key) => self.json(&key, &sender).await,
            Piece::Group(group) => self.group(group, sender).await,
        }
    }

    async fn json<F: FileAction>(
        &self,
        key: &Path,
        sender: &Sender<Vec<(FileKey, F)>>,
    ) -> Result<(), TableError> {
        let mut lines = std::pin::pin!(json_lines(self.log.clone(), key.clone()));
        while let Some(lines) = lines.try_next().await.map_err(|reason| self.error(reason))? {
            let of_kind = lines.into_iter().filter(|action| action.kind == F::KIND);
            let parsed = of_kind.map(|Action { kind, body }| {
                F::of_line(body).map_err(|source| {
                    let source = ReplayError::Malformed { kind, source };
                    self.log.corrupt(LogDefect::Action { key: key.to_string(), source })
                })
            });
            let kept = parsed.filter(|read| !matches!(read, Ok((key, _)) if self.tail.supersedes(key)));
            if sender.send(kept.collect::<Found<F>>()?).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn group<F: FileAction>(
        &self,
        group: RowGroup,
        sender: Sender<Vec<(FileKey, F)>>,
    ) -> Result<(), TableError> {
        let (tail, key) = (Arc::clone(&self.tail), group.key.to_string());
        let columns = projection(group.footer.parquet_schema(), self.part);
        let step = move |refused: &mut Option<RowError>, batch: &RecordBatch| match F::of_batch(batch, &tail)
        {
            Ok(found) => match sender.blocking_send(found) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            },
            Err(source) => {
                *refused = Some(source);
                ControlFlow::Break(())
            }
        };
        let refused = group.fold(Selected { columns, rows: None }, None, step).await;
        match refused.map_err(|reason| self.error(reason))? {
            Some(source) => Err(self.log.corrupt(LogDefect::Row { key, source })),
            None => Ok(()),
        }
    }

    /// A file that was there when the snapshot was opened is gone, or cannot be read.
    fn error(&self, reason: Unread) -> TableError {
        match reason {
            Unread::Lost(key) => self.log.vanished(key),
            Unread::Failed(error) => error,
        }
    }
}

/// A part of a checkpoint that is read on its own.
#[derive(Debug)]
enum Piece {
    Json(Path),
    Group(RowGroup),
}
