//! A few rows of a file, decoded: that a file is there with its size says nothing of what is in it.

use futures::TryStreamExt as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;

use crate::observe::parquet_object::ParquetObject;

/// Rows that are decoded.
const ROWS: usize = 16;

/// Bytes of a row group that are fetched for them, in whole columns; one column at the least.
const ENOUGH: i64 = 1 << 20;

/// Decodes the first rows of a file, of as many columns as little has to be fetched for; how many rows these are. A kind of
/// column that the reader does not know is none of the file's faults.
///
/// # Errors
/// When the footer cannot be read, the columns cannot be decoded, or the store does not answer.
pub(super) async fn read_rows(file: ParquetObject) -> Result<u64> {
    let builder = ParquetRecordBatchStreamBuilder::new(file).await?;
    let Some(first) = builder.metadata().row_groups().first() else { return Ok(0) };
    let columns = ProjectionMask::leaves(builder.parquet_schema(), cheapest(first));
    let rows =
        builder.with_row_groups(vec![0]).with_projection(columns).with_limit(ROWS).with_batch_size(ROWS);
    let decoded = async { rows.build()?.try_collect::<Vec<_>>().await };
    match decoded.await {
        Ok(batches) => Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum()),
        Err(ParquetError::NYI(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// The columns of a row group that fit, the smallest first.
fn cheapest(group: &RowGroupMetaData) -> Vec<usize> {
    let mut sizes: Vec<(i64, usize)> =
        group.columns().iter().enumerate().map(|(leaf, column)| (column.compressed_size(), leaf)).collect();
    sizes.sort_unstable();
    let mut sum = 0;
    let fit = sizes.into_iter().enumerate().take_while(|(place, (size, _))| {
        sum += size;
        *place == 0 || sum <= ENOUGH
    });
    fit.map(|(_, (_, leaf))| leaf).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray};
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{ObjectStoreExt as _, PutPayload};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn file() -> Vec<u8> {
        let numbers = Arc::new(Int64Array::from_iter_values(0..100));
        let texts = Arc::new(StringArray::from_iter_values((0..100).map(|n| format!("text {n}").repeat(50))));
        let batch = RecordBatch::try_from_iter([("n", numbers as _), ("t", texts as _)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    async fn object(bytes: Vec<u8>) -> ParquetObject {
        let (store, key, size) = (Arc::new(InMemory::new()), Path::from("f"), bytes.len() as u64);
        store.put(&key, PutPayload::from(bytes)).await.unwrap();
        ParquetObject::new(store, key, size)
    }

    #[tokio::test]
    async fn a_few_rows_are_decoded_and_damage_is_found() {
        assert_eq!(read_rows(object(file()).await).await.unwrap(), ROWS as u64);
        // the footer is whole, the pages are not
        let mut damaged = file();
        damaged[4..40].fill(0xff);
        assert!(read_rows(object(damaged).await).await.is_err());
        let empty = ArrowWriter::try_new(
            Vec::new(),
            Arc::new(arrow_schema::Schema::new(vec![arrow_schema::Field::new(
                "n",
                arrow_schema::DataType::Int64,
                true,
            )])),
            None,
        );
        let empty = empty.unwrap().into_inner().unwrap();
        assert_eq!(read_rows(object(empty).await).await.unwrap(), 0);
    }
}
