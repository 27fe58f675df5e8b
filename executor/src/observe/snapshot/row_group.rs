//! One row group of a checkpoint, decoded on a thread that may block.

use std::ops::ControlFlow;

use arrow_array::RecordBatch;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::{ParquetError, Result};

use super::checkpoint::{Unread, unread};
use super::windows::Windows;
use crate::observe::log_store::LogStore;
use crate::observe::parquet_object::external;

/// Rows that are decoded at a time.
const BATCH: usize = 4_096;
/// Bytes of a row group that are in memory at a time, more or less.
const WINDOWS: u64 = 16 << 20;

/// A row group of a Parquet file of the log.
#[derive(Debug, Clone)]
pub(super) struct RowGroup {
    pub(super) log: LogStore,
    pub(super) key: Path,
    /// Bytes of the file.
    pub(super) size: u64,
    pub(super) footer: ArrowReaderMetadata,
    /// Which of its row groups.
    pub(super) number: usize,
}

/// What is read of a row group.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub(super) columns: ProjectionMask,
    /// All rows if there is none.
    pub(super) rows: Option<RowSelection>,
}

impl RowGroup {
    /// Decodes what is selected, and takes a step from state to state with every batch, until there is no more or a
    /// step says that no more is wanted.
    pub(super) async fn fold<S: Send + 'static>(
        self,
        selected: Selected,
        mut state: S,
        step: impl Fn(&mut S, &RecordBatch) -> ControlFlow<()> + Send + 'static,
    ) -> std::result::Result<S, Unread> {
        let Self { log, key, size, footer, number } = self;
        let failed = |source| unread(&log, &key, source);
        let group = footer.metadata().row_group(number);
        let windows = Windows::open(log.parquet(&key, size), group, &selected.columns, WINDOWS).await;
        let windows = windows.map_err(|cause| failed(external(cause)))?;
        let work = tokio::task::spawn_blocking(move || {
            let read = || {
                for batch in batches(&windows, footer, number, selected)? {
                    if step(&mut state, &batch?).is_break() {
                        break;
                    }
                }
                Ok(())
            };
            match read() {
                Ok(()) => Ok(state),
                Err(decoder) => Err(windows.failure().map_or(decoder, external)),
            }
        });
        work.await.unwrap_or_else(|broken| Err(ParquetError::External(Box::new(broken)))).map_err(failed)
    }
}

fn batches(
    windows: &Windows,
    footer: ArrowReaderMetadata,
    number: usize,
    selected: Selected,
) -> Result<ParquetRecordBatchReader> {
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(windows.clone(), footer)
        .with_row_groups(vec![number])
        .with_projection(selected.columns)
        .with_batch_size(BATCH);
    match selected.rows {
        Some(rows) => reader.with_row_selection(rows).build(),
        None => reader.build(),
    }
}
