use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use buoyant_kernel::engine::arrow_data::EngineDataArrowExt as _;
use buoyant_kernel::log_replay::FileActionKey;
use buoyant_kernel::{CancellationTokenRef, DeltaResult, Error as KernelError, SnapshotRef};
use tokio::sync::mpsc;

use super::error::SecondError;
use super::executor::WhileHeard;
use super::live_file::LiveFile;
use super::read::{Engine, SecondHead, engine, head, open};
use super::rows;
use crate::delta::root::canonical;
use crate::delta::state::FileKey;
use crate::spec::TableStore;

/// What a range of commits leaves changed, as the second implementation reads it.
#[derive(Debug)]
pub struct SecondChanges {
    /// The version that they lead to, files aside.
    pub head: SecondHead,
    /// Files that they add, or of which they change what the log says.
    pub added: Vec<LiveFile>,
    /// Files that they remove.
    pub removed: BTreeSet<FileKey>,
}

/// Reads the commits behind version `after` up to `version` with the Delta kernel, in memory that grows with what they
/// change; none when its log begins behind them.
///
/// # Errors
/// As [`read`](super::read).
pub async fn changes(
    table: &TableStore,
    after: u64,
    version: u64,
) -> Result<Option<SecondChanges>, SecondError> {
    let url = table.url.to_string();
    // the kernel stops when this call is dropped, and its end of the channel with it
    let (heard, _waiting) = mpsc::channel::<Infallible>(1);
    let reader = Reader { url: url.clone(), engine: engine(table), heard: Arc::new(WhileHeard(heard)) };
    let work = tokio::task::spawn_blocking(move || reader.run(after, version));
    work.await.map_err(|_| SecondError::BrokeOff { url })?
}

/// Files that come, and files that go.
type Files = (Vec<LiveFile>, BTreeSet<FileKey>);

/// The blocking half.
struct Reader {
    url: String,
    engine: Engine,
    heard: CancellationTokenRef,
}

impl Reader {
    fn run(self, after: u64, version: u64) -> Result<Option<SecondChanges>, SecondError> {
        let failed = |error: KernelError| SecondError::of(&self.url, error);
        let snapshot = open(&self.engine, version, Arc::clone(&self.heard)).map_err(failed)?;
        let head = head(&snapshot);
        let Some((added, removed)) = self.files(snapshot, after)? else { return Ok(None) };
        Ok(Some(SecondChanges { head, added, removed }))
    }

    fn files(&self, snapshot: SnapshotRef, after: u64) -> Result<Option<Files>, SecondError> {
        let failed = |error: KernelError| SecondError::of(&self.url, error);
        let Some(mut stream) =
            snapshot.incremental_scan_builder(after).build(&self.engine).map_err(failed)?
        else {
            return Ok(None);
        };
        let mut added = Vec::new();
        for batch in stream.by_ref() {
            if self.heard.is_cancelled() {
                return Err(SecondError::BrokeOff { url: self.url.clone() });
            }
            let (data, selection) = batch.map_err(failed)?.into_parts();
            let batch = data.try_into_record_batch().map_err(failed)?;
            let files = rows::added(&batch, &selection)
                .map_err(|problem| SecondError::Malformed { url: self.url.clone(), problem })?;
            added.extend(files);
        }
        let summary: DeltaResult<_> = stream.into_summary();
        let removed = summary.map_err(failed)?.removes.iter().map(key).collect();
        Ok(Some((added, removed)))
    }
}

fn key(file: &FileActionKey) -> FileKey {
    FileKey { path: canonical(file.path()).into(), vector: file.dv_unique_id().map(Into::into) }
}
