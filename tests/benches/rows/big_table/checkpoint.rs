//! A checkpoint in one file, with the columns and the compression that Spark gives it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use super::{Shape, content};

const BATCH: usize = 8192;

/// Writes the checkpoint of a table; how many rows it has.
pub(super) fn write(file: &Path, shape: Shape) -> Result<u64> {
    let schema = Arc::new(schema());
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let output = File::create(file).with_context(|| format!("create {}", file.display()))?;
    let mut writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties))?;
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(BATCH).build_decoder()?;
    let adds = (0..shape.files).map(|file| content::add(file, shape.columns));
    let mut rows = 0;
    for action in content::head(shape.columns).into_iter().chain(adds) {
        decode(&mut decoder, &action)?;
        rows += 1;
        if rows % BATCH as u64 == 0 {
            flush(&mut decoder, &mut writer)?;
        }
    }
    flush(&mut decoder, &mut writer)?;
    writer.close()?;
    Ok(rows)
}

fn decode(decoder: &mut Decoder, action: &Value) -> Result<()> {
    let mut line = Vec::new();
    writeln!(line, "{action}")?;
    let taken = decoder.decode(&line)?;
    anyhow::ensure!(taken == line.len(), "a batch is full before it is flushed");
    Ok(())
}

fn flush(decoder: &mut Decoder, writer: &mut ArrowWriter<File>) -> Result<()> {
    if let Some(batch) = decoder.flush()? {
        writer.write(&batch)?;
    }
    Ok(())
}

/// The columns (protocol, "Checkpoint Schema").
fn schema() -> Schema {
    let (text, long, int, flag) = (DataType::Utf8, DataType::Int64, DataType::Int32, DataType::Boolean);
    let vector = structure(&[
        ("storageType", text.clone()),
        ("pathOrInlineDv", text.clone()),
        ("offset", int.clone()),
        ("sizeInBytes", int.clone()),
        ("cardinality", long.clone()),
    ]);
    let txn = [("appId", text.clone()), ("version", long.clone()), ("lastUpdated", long.clone())];
    let add = [
        ("path", text.clone()),
        ("partitionValues", text_map()),
        ("size", long.clone()),
        ("modificationTime", long.clone()),
        ("dataChange", flag.clone()),
        ("tags", text_map()),
        ("deletionVector", vector.clone()),
        ("stats", text.clone()),
    ];
    let remove = [
        ("path", text.clone()),
        ("deletionTimestamp", long.clone()),
        ("dataChange", flag.clone()),
        ("extendedFileMetadata", flag),
        ("partitionValues", text_map()),
        ("size", long.clone()),
        ("deletionVector", vector),
    ];
    let metadata = [
        ("id", text.clone()),
        ("name", text.clone()),
        ("description", text.clone()),
        ("format", structure(&[("provider", text.clone()), ("options", text_map())])),
        ("schemaString", text.clone()),
        ("partitionColumns", text_list()),
        ("configuration", text_map()),
        ("createdTime", long),
    ];
    let protocol = [
        ("minReaderVersion", int.clone()),
        ("minWriterVersion", int),
        ("readerFeatures", text_list()),
        ("writerFeatures", text_list()),
    ];
    Schema::new(fields(&[
        ("txn", structure(&txn)),
        ("add", structure(&add)),
        ("remove", structure(&remove)),
        ("metaData", structure(&metadata)),
        ("protocol", structure(&protocol)),
        ("domainMetadata", structure(&[("domain", text.clone()), ("configuration", text)])),
    ]))
}

fn fields(columns: &[(&str, DataType)]) -> Fields {
    columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect()
}

fn structure(columns: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields(columns))
}

fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)))
}

fn text_map() -> DataType {
    let entry = [Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
    DataType::Map(
        Arc::new(Field::new("key_value", DataType::Struct(entry.into_iter().collect()), false)),
        false,
    )
}
