use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStoreExt as _, PutPayload};

use super::pieces::Pieces;
use crate::delta::checkpoint::read::Columns;
use crate::delta::checkpoint::write::{CheckpointEncoder, CheckpointError, Finished, name};
use crate::delta::checkpoint::write_columns::AddColumns;
use crate::delta::log_name::LAST_CHECKPOINT;
use crate::delta::state::{AddFile, RemoveFile, TableHead};
use crate::error::DataError;
use crate::observe::snapshot::Snapshot;
use crate::observe::table_error::TableError;
use crate::spec::TableStore;

/// A version of a table that a checkpoint can be made of: one that can be read, or one that is to come. The files may
/// be asked for more than once.
pub trait CheckpointSource: Sync {
    /// Everything but the files.
    fn head(&self) -> &TableHead;
    /// Every live file once, in any order.
    fn files(&self) -> BoxStream<'_, Result<AddFile, TableError>>;
    /// Every file that was removed, in any order.
    fn tombstones(&self) -> BoxStream<'_, Result<RemoveFile, TableError>>;
}

impl CheckpointSource for Snapshot {
    fn head(&self) -> &TableHead {
        &self.head
    }

    fn files(&self) -> BoxStream<'_, Result<AddFile, TableError>> {
        Self::files(self, Columns::All).map_ok(|(_, add)| add).boxed()
    }

    fn tombstones(&self) -> BoxStream<'_, Result<RemoveFile, TableError>> {
        Self::tombstones(self).map_ok(|(_, remove)| remove).boxed()
    }
}

/// Why a checkpoint was not written. The log is complete without it.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointMissed {
    /// The table cannot be read.
    #[error(transparent)]
    Read(#[from] TableError),
    /// The state does not become a checkpoint.
    #[error(transparent)]
    Encode(#[from] CheckpointError),
    /// The store does not take it.
    #[error(transparent)]
    Write(#[from] DataError),
}

/// Writes the checkpoint of a version below a table, then `_last_checkpoint`. Memory is that of a row group and of a
/// part of the upload, whatever the number of files. Nothing is there before the whole checkpoint is.
///
/// # Errors
/// A [`CheckpointMissed`]; what was uploaded so far is given up.
pub async fn write_checkpoint<S: CheckpointSource>(
    table: &TableStore,
    source: &S,
    now_ms: i64,
) -> Result<(), CheckpointMissed> {
    let hint = match upload(table, source, AddColumns::default(), now_ms).await {
        Err(CheckpointMissed::Encode(CheckpointError::Unforeseen { field })) => {
            tracing::debug!(table = %table.name, "adds have fields beyond the protocol, `{field}` for one");
            upload(table, source, columns(source).await?, now_ms).await?
        }
        uploaded => uploaded?,
    };
    let (path, url) = table.log_file(LAST_CHECKPOINT);
    let put = table.store.put(&path, PutPayload::from_bytes(Bytes::from(hint))).await;
    put.map_err(|cause| DataError { verb: "write", url, cause })?;
    Ok(())
}

/// The columns that hold every add.
async fn columns<S: CheckpointSource>(source: &S) -> Result<AddColumns, CheckpointMissed> {
    let mut columns = AddColumns::default();
    let mut files = source.files();
    while let Some(add) = files.try_next().await? {
        columns.widen(&add.raw)?;
    }
    Ok(columns)
}

/// Uploads the checkpoint and returns the content of `_last_checkpoint`.
async fn upload<S: CheckpointSource>(
    table: &TableStore,
    source: &S,
    columns: AddColumns,
    now_ms: i64,
) -> Result<Vec<u8>, CheckpointMissed> {
    let (path, url) = table.log_file(&name(source.head().version).file_name());
    let mut object = Pieces::new(table.store.as_ref(), path, url);
    let filled = fill(&mut object, source, columns, now_ms).await;
    match filled {
        Ok(hint) => {
            object.complete().await?;
            Ok(hint)
        }
        Err(error) => {
            object.give_up().await;
            Err(error)
        }
    }
}

async fn fill<S: CheckpointSource>(
    object: &mut Pieces<'_>,
    source: &S,
    columns: AddColumns,
    now_ms: i64,
) -> Result<Vec<u8>, CheckpointMissed> {
    let mut encoder = CheckpointEncoder::begin(source.head(), columns, now_ms)?;
    let mut files = source.files();
    while let Some(add) = files.try_next().await? {
        encoder.add(&add)?;
        object.put(encoder.take()).await?;
    }
    let mut tombstones = source.tombstones();
    while let Some(remove) = tombstones.try_next().await? {
        encoder.remove(&remove)?;
        object.put(encoder.take()).await?;
    }
    let Finished { tail, hint } = encoder.finish()?;
    object.put(tail).await?;
    Ok(hint)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use object_store::memory::InMemory;
    use object_store::path::Path;

    use lakedr_control::store::OpenedStore;

    use super::*;
    use crate::delta::action::actions;
    use crate::delta::compare::differences;
    use crate::delta::replay::Replay;
    use crate::delta::state::TableState;

    /// A state that counts how often its files are asked for, and may break off.
    struct Counted {
        state: TableState,
        passes: AtomicUsize,
        broken: bool,
    }

    impl CheckpointSource for Counted {
        fn head(&self) -> &TableHead {
            &self.state.head
        }

        fn files(&self) -> BoxStream<'_, Result<AddFile, TableError>> {
            self.passes.fetch_add(1, Ordering::Relaxed);
            let files = futures::stream::iter(self.state.files.values().cloned().map(Ok));
            let lost = TableError::NotATable { url: "memory:///t".to_owned() };
            let end = futures::stream::iter(self.broken.then_some(Err(lost)));
            files.chain(end).boxed()
        }

        fn tombstones(&self) -> BoxStream<'_, Result<RemoveFile, TableError>> {
            futures::stream::empty().boxed()
        }
    }

    fn source(extra: &str, broken: bool) -> Counted {
        let log = [
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_owned(),
            r#"{"metaData":{"id":"t","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[]}}"#
                .to_owned(),
            r#"{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1}}"#.to_owned(),
            format!(r#"{{"add":{{"path":"b","partitionValues":{{}},"size":1{extra}}}}}"#),
        ]
        .join("\n");
        let mut replay = Replay::new();
        for action in actions(log.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        let state = replay.finish("memory:///t", 3).expect("state");
        Counted { state, passes: AtomicUsize::new(0), broken }
    }

    fn table() -> TableStore {
        let place = OpenedStore {
            store: Arc::new(InMemory::new()),
            root: Path::from("t"),
            url: "s3://memory/t".parse().expect("url"),
            cloud: None,
        };
        TableStore::at("c.s.t".parse().expect("name"), place)
    }

    #[tokio::test]
    async fn fields_beyond_the_protocol_cost_two_more_passes_and_are_kept() {
        for (extra, passes) in [("", 1), (r#","later":{"x":[1]}"#, 3)] {
            let (source, table) = (source(extra, false), table());
            write_checkpoint(&table, &source, 0).await.expect("checkpoint");
            assert_eq!(source.passes.load(Ordering::Relaxed), passes);
            let delta = table.table();
            let again = delta.state(&delta.listing().await.expect("listing"), None).await.expect("state");
            assert_eq!(differences(&source.state, &again), Vec::new());
            let (hint, _) = table.log_file(LAST_CHECKPOINT);
            assert!(table.store.head(&hint).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_source_that_breaks_off_leaves_nothing() {
        let (source, table) = (source("", true), table());
        let error = write_checkpoint(&table, &source, 0).await.expect_err("broken");
        assert!(matches!(error, CheckpointMissed::Read(_)), "{error}");
        let log = table.store.list_with_delimiter(Some(&Path::from("t/_delta_log"))).await.expect("list");
        assert_eq!(log.objects, Vec::new());
    }
}
