use std::num::NonZero;
use std::sync::Arc;

use buoyant_kernel::engine::arrow_data::EngineDataArrowExt as _;
use buoyant_kernel::scan::{Scan, StatsOptions};
use buoyant_kernel::{CancellationTokenRef, DeltaResult, Error as KernelError, Snapshot, SnapshotRef};
use buoyant_kernel_engine::{DefaultEngine, DefaultEngineBuilder};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::SecondError;
use super::executor::{OnRuntime, WhileHeard};
use super::live_file::LiveFile;
use super::rows;
use super::view::TableView;
use crate::delta::protocol::Protocol;
use crate::observe::log_store::lists_in_order;
use crate::spec::TableStore;

/// Where the kernel finds the table: at the root of its view.
const ROOT: &str = "table:///";
/// Files of a log that are read ahead at a time.
const FILES_AHEAD: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(3);
/// Batches of files that may wait for their reader.
const BATCHES_AHEAD: usize = 2;

type Batch = Result<Vec<LiveFile>, SecondError>;
pub(super) type Engine = DefaultEngine<OnRuntime>;

/// What the second implementation says of a table apart from its files.
#[derive(Debug, Clone)]
pub struct SecondHead {
    /// The version.
    pub version: u64,
    /// Versions and features that it found.
    pub protocol: Protocol,
    /// Identity of the table.
    pub table_id: String,
    /// The schema as logged.
    pub schema_string: String,
    /// Names of the columns that the table is partitioned by.
    pub partition_columns: Vec<String>,
    /// Table properties.
    pub configuration: std::collections::BTreeMap<String, String>,
}

/// A version of a table as the second implementation reads it.
#[derive(Debug)]
pub struct SecondTable {
    /// Everything but the files.
    pub head: SecondHead,
    url: String,
    batches: Receiver<Batch>,
    work: JoinHandle<()>,
}

impl SecondTable {
    /// Every live file once, in any order, in bounded memory. Dropping the stream ends the work behind it.
    pub fn files(self) -> impl Stream<Item = Result<LiveFile, SecondError>> + Send {
        let Self { url, batches, work, .. } = self;
        let batches =
            stream::unfold(batches, |mut batches| async move { Some((batches.recv().await?, batches)) });
        // a kernel that broke off must not pass for one that has come to its end
        let end = stream::once(work).filter_map(move |ended| {
            let broken = ended.err().map(|_| Err(SecondError::BrokeOff { url: url.clone() }));
            std::future::ready(broken)
        });
        batches.chain(end).map_ok(|files| stream::iter(files.into_iter().map(Ok))).try_flatten()
    }
}

/// Reads a version of a table with the Delta kernel, which blocks and therefore works on a thread of its own.
///
/// # Errors
/// [`SecondError::CannotRead`] when the kernel does not know a feature of the table; another [`SecondError`] when it
/// should have been able to read it.
pub async fn read(table: &TableStore, version: u64) -> Result<SecondTable, SecondError> {
    let url = table.url.to_string();
    let (head, opened) = oneshot::channel();
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let reader = Reader { url: url.clone(), engine: engine(table), sender };
    let work = tokio::task::spawn_blocking(move || reader.run(version, head));
    let broke_off = |_| SecondError::BrokeOff { url: url.clone() };
    let head = opened.await.map_err(broke_off)??;
    Ok(SecondTable { head, url, batches, work })
}

/// The kernel's own way to read files, through a view of the table that cannot be written.
pub(super) fn engine(table: &TableStore) -> Engine {
    let in_order = lists_in_order(table.url.as_str());
    let view = TableView::new(Arc::clone(&table.store), table.root.clone(), in_order);
    DefaultEngineBuilder::new(Arc::new(view))
        .with_task_executor(Arc::new(OnRuntime(Handle::current())))
        .with_buffer_size(FILES_AHEAD)
        .build()
}

/// The blocking half.
struct Reader {
    url: String,
    engine: Engine,
    sender: Sender<Batch>,
}

impl Reader {
    fn run(self, version: u64, head: oneshot::Sender<Result<SecondHead, SecondError>>) {
        let scan = match self.open(version) {
            Ok((found, scan)) => {
                // nobody waits for an answer any more: the first batch finds that out
                let _ = head.send(Ok(found));
                scan
            }
            Err(error) => {
                let _ = head.send(Err(SecondError::of(&self.url, error)));
                return;
            }
        };
        if let Err(error) = self.scan(&scan) {
            let _ = self.sender.blocking_send(Err(error));
        }
    }

    fn open(&self, version: u64) -> DeltaResult<(SecondHead, Scan)> {
        let heard: CancellationTokenRef = Arc::new(WhileHeard(self.sender.clone()));
        let snapshot = open(&self.engine, version, Arc::clone(&heard))?;
        let head = head(&snapshot);
        let scan = snapshot
            .scan_builder()
            .with_stats(StatsOptions::json_only())
            .without_row_transforms()
            .with_cancellation_token(heard)
            .build()?;
        Ok((head, scan))
    }

    /// Sends the live files, until nobody listens any more.
    fn scan(&self, scan: &Scan) -> Result<(), SecondError> {
        let failed = |error: KernelError| SecondError::of(&self.url, error);
        for found in scan.scan_metadata(&self.engine).map_err(failed)? {
            let (data, selection) = found.map_err(failed)?.scan_files.into_parts();
            let batch = data.try_into_record_batch().map_err(failed)?;
            let files = rows::scanned(&batch, &selection)
                .map_err(|problem| SecondError::Malformed { url: self.url.clone(), problem })?;
            if self.sender.blocking_send(Ok(files)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Opens a version, unless nobody waits for it any more.
pub(super) fn open(engine: &Engine, version: u64, heard: CancellationTokenRef) -> DeltaResult<SnapshotRef> {
    let snapshot =
        Snapshot::builder_for(ROOT).at_version(version).with_cancellation_token(heard).build(engine)?;
    if snapshot.schema().num_fields() == 0 {
        return Err(KernelError::Unsupported("a schema without columns".to_owned()));
    }
    Ok(snapshot)
}

/// Everything but the files.
pub(super) fn head(snapshot: &SnapshotRef) -> SecondHead {
    let table = snapshot.table_configuration();
    let (protocol, metadata) = (table.protocol(), table.metadata());
    let unsigned = |version: i32| u32::try_from(version).unwrap_or_default();
    let names = |features: &[_]| features.iter().map(ToString::to_string).collect();
    SecondHead {
        version: snapshot.version(),
        protocol: Protocol::build(
            unsigned(protocol.min_reader_version()),
            unsigned(protocol.min_writer_version()),
            protocol.reader_features().map(names),
            protocol.writer_features().map(names),
        ),
        table_id: metadata.id().to_owned(),
        schema_string: metadata.schema_string().clone(),
        partition_columns: metadata.partition_columns().to_vec(),
        configuration: metadata
            .configuration()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}
