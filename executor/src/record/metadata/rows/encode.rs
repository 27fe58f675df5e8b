use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use super::columns::{Layout, arrow_schema};

/// Rows that are encoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Why rows do not become a file; a bug.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// They do not fit the columns.
    #[error("rows do not fit the columns")]
    Rows(#[from] ArrowError),
    /// The Parquet writer failed.
    #[error("rows cannot be encoded")]
    Parquet(#[from] ParquetError),
}

/// A Parquet file of these rows.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(layout: Layout, rows: &[impl Serialize]) -> Result<Vec<u8>, EncodeError> {
    let schema = Arc::new(arrow_schema(layout));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(BATCH_ROWS).build_decoder()?;
    for batch in rows.chunks(BATCH_ROWS) {
        decoder.serialize(batch)?;
        if let Some(batch) = decoder.flush()? {
            writer.write(&batch)?;
        }
    }
    Ok(writer.into_inner()?)
}
