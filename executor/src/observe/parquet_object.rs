//! A Parquet file in a store, read in ranges.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// Bytes at the end of a file that are fetched in the hope that the footer fits.
const FOOTER: usize = 64 * 1024;

/// A Parquet file of known size. The size saves suffix requests, which not every store has.
#[derive(Debug)]
pub(crate) struct ParquetObject {
    store: Arc<dyn ObjectStore>,
    key: Path,
    size: u64,
}

impl ParquetObject {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, key: Path, size: u64) -> Self {
        Self { store, key, size }
    }

    /// Bytes of the whole file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of ranges, in their order; neighbours are fetched together.
    pub(crate) async fn fetch(&self, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        self.store.get_ranges(&self.key, ranges).await
    }
}

impl AsyncFileReader for ParquetObject {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move { self.store.get_range(&self.key, range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { self.fetch(&ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .with_prefetch_hint(Some(FOOTER));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

pub(crate) fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// The store's own error inside of a Parquet error, if it is one.
pub(crate) fn store_error(error: &ParquetError) -> Option<&object_store::Error> {
    match error {
        ParquetError::External(cause) => cause.downcast_ref(),
        _ => None,
    }
}
