//! The projected columns of one row group, each seen through a window of its bytes, so that a row group of any size
//! is read in bounded memory. A row group that fits into the windows is fetched at once.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use crate::observe::parquet_object::ParquetObject;

/// No window is smaller than this part of the budget.
const LEAST: u64 = 16;
/// Bytes behind the beginning of a page that are at hand before its header is read.
const HEADER: u64 = 4 << 10;

/// The columns of a row group. Reading beyond a window blocks until the next one is fetched, so it belongs on a thread
/// that may block.
#[derive(Debug, Clone)]
pub(super) struct Windows(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    object: ParquetObject,
    runtime: Handle,
    /// By their place in the file.
    columns: Vec<Column>,
    /// What the store said when a window could not be fetched: the decoder passes on no more than its text.
    failure: Mutex<Option<object_store::Error>>,
}

#[derive(Debug)]
struct Column {
    range: Range<u64>,
    /// Bytes of a window.
    window: u64,
    seen: Mutex<Seen>,
}

/// The bytes of a window and where it begins.
#[derive(Debug, Clone)]
struct Seen {
    from: u64,
    bytes: Bytes,
}

impl Windows {
    /// Fetches the first window of every projected column. The windows have about `budget` bytes together, or as many
    /// as the largest pages need. To be called within a runtime.
    pub(super) async fn open(
        object: ParquetObject,
        group: &RowGroupMetaData,
        mask: &ProjectionMask,
        budget: u64,
    ) -> object_store::Result<Self> {
        let columns = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
        let mut ranges: Vec<Range<u64>> = columns
            .map(|(_, column)| column.byte_range())
            .map(|(start, length)| start..start.saturating_add(length))
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let windows = sizes(&ranges, budget);
        let first: Vec<Range<u64>> =
            ranges.iter().zip(&windows).map(|(range, window)| part(range, range.start, *window)).collect();
        let fetched = object.fetch(&first).await?;
        let columns = ranges
            .into_iter()
            .zip(windows)
            .zip(fetched)
            .map(|((range, window), bytes)| {
                let seen = Mutex::new(Seen { from: range.start, bytes });
                Column { range, window, seen }
            })
            .collect();
        let failure = Mutex::new(None);
        Ok(Self(Arc::new(Shared { object, runtime: Handle::current(), columns, failure })))
    }

    /// The failure of the store behind an error of the decoder, if it was one.
    pub(super) fn failure(&self) -> Option<object_store::Error> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Some bytes from a position on, at least as many as asked for unless the column ends before.
    fn at_least(&self, start: u64, length: u64) -> Result<Bytes> {
        let after = self.0.columns.partition_point(|column| column.range.start <= start);
        let column = after.checked_sub(1).and_then(|at| self.0.columns.get(at));
        let column = column.filter(|column| start <= column.range.end).ok_or_else(|| {
            ParquetError::General(format!("byte {start} belongs to no column that was asked for"))
        })?;
        let needed = part(&column.range, start, length);
        let mut seen = column.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let covered = seen.from..seen.from + seen.bytes.len() as u64;
        if covered.start > needed.start || needed.end > covered.end {
            let wanted = part(&column.range, start, length.max(column.window));
            *seen = Seen { from: wanted.start, bytes: self.fetch(wanted)? };
        }
        let skipped = usize::try_from(start - seen.from)?;
        Ok(seen.bytes.slice(skipped.min(seen.bytes.len())..))
    }

    fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        let Shared { object, runtime, failure, .. } = &*self.0;
        match runtime.block_on(object.fetch(&[range])) {
            Ok(fetched) => Ok(fetched.into_iter().next().unwrap_or_default()),
            Err(error) => {
                let told = ParquetError::General(error.to_string());
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(told)
            }
        }
    }
}

/// The windows of columns: shares of the budget.
fn sizes(columns: &[Range<u64>], budget: u64) -> Vec<u64> {
    let lengths = || columns.iter().map(|range| range.end - range.start);
    let all: u64 = lengths().sum::<u64>().max(1);
    if all <= budget {
        return lengths().collect();
    }
    let share = |length: u64| u128::from(length) * u128::from(budget) / u128::from(all);
    lengths()
        .map(|length| u64::try_from(share(length)).unwrap_or(budget).max(budget / LEAST).max(1))
        .collect()
}

/// So many bytes of a column from a position on, or as many as it has.
fn part(column: &Range<u64>, start: u64, length: u64) -> Range<u64> {
    start..start.saturating_add(length).min(column.end).max(start)
}

impl Length for Windows {
    fn len(&self) -> u64 {
        self.0.object.size()
    }
}

impl ChunkReader for Windows {
    type T = Walk;

    fn get_read(&self, start: u64) -> Result<Walk> {
        let bytes = self.at_least(start, HEADER)?;
        Ok(Walk { windows: self.clone(), at: start, bytes })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.at_least(start, length as u64)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} do not fit into their column")));
        }
        Ok(bytes.slice(..length))
    }
}

/// Reads on from a position, across windows.
#[derive(Debug)]
pub(super) struct Walk {
    windows: Windows,
    at: u64,
    bytes: Bytes,
}

impl Read for Walk {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.bytes = self.windows.at_least(self.at, HEADER).map_err(io::Error::other)?;
        }
        let read = self.bytes.len().min(into.len());
        self.bytes.copy_to_slice(into.get_mut(..read).unwrap_or_default());
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{ObjectStore, ObjectStoreExt as _};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
    use parquet::file::properties::WriterProperties;

    use super::*;

    const ROWS: i64 = 5_000;

    /// One row group of many pages, some of them with headers of kilobytes: statistics of long texts.
    fn file() -> Bytes {
        let long = |row: i64| format!("{}{row}", "x".repeat(usize::try_from(row % 7).unwrap() * 1_500));
        let texts: StringArray = (0..ROWS).map(|row| Some(long(row))).collect();
        let numbers = Int64Array::from_iter((0..ROWS).map(|row| (row % 3 > 0).then_some(row)));
        let names: StringArray = (0..ROWS).map(|row| Some(format!("part-{row}"))).collect();
        let columns: [(&str, ArrayRef); 3] =
            [("long", Arc::new(texts)), ("number", Arc::new(numbers)), ("name", Arc::new(names))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let pages = WriterProperties::builder()
            .set_data_page_row_count_limit(100)
            .set_write_batch_size(100)
            .set_dictionary_enabled(false)
            .set_write_page_header_statistics(true)
            .set_statistics_truncate_length(None)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(pages)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap().into()
    }

    async fn windows(
        file: &Bytes,
        mask: &ProjectionMask,
        budget: u64,
    ) -> (Windows, ArrowReaderMetadata, Arc<dyn ObjectStore>) {
        let (store, key) = (Arc::new(InMemory::new()), Path::from("checkpoint"));
        store.put(&key, file.clone().into()).await.unwrap();
        let store: Arc<dyn ObjectStore> = store;
        let footer = ArrowReaderMetadata::load(file, Default::default()).unwrap();
        assert_eq!(footer.metadata().num_row_groups(), 1);
        let object = ParquetObject::new(Arc::clone(&store), key.clone(), file.len() as u64);
        let opened = Windows::open(object, footer.metadata().row_group(0), mask, budget).await.unwrap();
        (opened, footer, store)
    }

    async fn read(
        windows: Windows,
        footer: ArrowReaderMetadata,
        mask: ProjectionMask,
    ) -> Result<Vec<RecordBatch>> {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(windows, footer);
        let work =
            move || Ok(reader.with_projection(mask).build()?.collect::<std::result::Result<_, _>>()?);
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    #[tokio::test]
    async fn windows_of_any_size_show_the_same_rows() {
        let file = file();
        let schema = ArrowReaderMetadata::load(&file, Default::default()).unwrap();
        for leaves in [vec![0, 1, 2], vec![0], vec![1, 2]] {
            let mask = ProjectionMask::leaves(schema.parquet_schema(), leaves);
            let all = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
            let all: Vec<RecordBatch> =
                all.with_projection(mask.clone()).build().unwrap().map(|batch| batch.unwrap()).collect();
            for budget in [1, 1 << 10, 64 << 10, 1 << 30] {
                let (windows, footer, store) = windows(&file, &mask, budget).await;
                if budget > file.len() as u64 {
                    // everything has been fetched
                    store.delete(&Path::from("checkpoint")).await.unwrap();
                }
                assert_eq!(read(windows, footer, mask.clone()).await.unwrap(), all, "{budget}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_goes_away_is_told_by_the_error_of_the_store() {
        let file = file();
        let mask = ProjectionMask::all();
        let (opened, footer, store) = windows(&file, &mask, 1 << 10).await;
        store.delete(&Path::from("checkpoint")).await.unwrap();
        assert!(read(opened.clone(), footer, mask).await.is_err());
        assert!(matches!(opened.failure(), Some(object_store::Error::NotFound { .. })));
    }
}
