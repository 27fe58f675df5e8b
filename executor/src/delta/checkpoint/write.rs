//! A state → a checkpoint that Spark, other readers and this program's own reader take.

use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use thiserror::Error;

use super::schema::{Content, NoColumn, add, checkpoint_schema, widen};
use crate::delta::action::{ActionKind, line};
use crate::delta::interval;
use crate::delta::json::{ObjectWriter, RawObject};
use crate::delta::log_name::LogName;
use crate::delta::state::{RemoveFile, TableState};

/// Rows of a row group: small enough to be read in pieces, large enough to compress.
const ROW_GROUP: usize = 50_000;
/// Rows that are decoded at a time.
const BATCH: usize = 8_192;
/// How long removed files stay in checkpoints (protocol, `delta.deletedFileRetentionDuration`).
const RETENTION: &str = "delta.deletedFileRetentionDuration";
const DEFAULT_RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A checkpoint, ready to be stored under `_delta_log`.
#[derive(Debug, Clone)]
pub struct EncodedCheckpoint {
    /// Name of the file.
    pub name: LogName,
    /// Its content.
    pub parquet: Vec<u8>,
    /// Content of `_last_checkpoint`, to be written once the checkpoint is in place.
    pub hint: Vec<u8>,
}

/// Why a state cannot become a checkpoint. The log stays readable without it.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A field that no column can hold.
    #[error(transparent)]
    NoColumn(#[from] NoColumn),
    /// An action does not fit the columns.
    #[error("an action does not fit the columns of a checkpoint")]
    Decode(#[from] ArrowError),
    /// The Parquet writer failed.
    #[error("the checkpoint cannot be encoded")]
    Encode(#[from] ParquetError),
    /// The text of an add is no object.
    #[error("the add of a file cannot be opened")]
    Add(#[from] serde_json::Error),
}

/// Encodes a state as a checkpoint with a classic name: V2 content when the table has `v2Checkpoint`.
///
/// The state must have been replayed with its tombstones; those whose retention has passed at `now_ms`
/// (milliseconds since the epoch) are left out, as are removed domains.
///
/// # Errors
/// A [`CheckpointError`] when an action has no place in the columns.
pub fn encode(state: &TableState, now_ms: i64) -> Result<EncodedCheckpoint, CheckpointError> {
    let content = if state.head.protocol.has("v2Checkpoint") { Content::V2 } else { Content::V1 };
    let schema = Arc::new(checkpoint_schema(content, add_columns(state)?));
    let mut sink = Sink::new(&schema)?;
    if content == Content::V2 {
        let mut head = ObjectWriter::default();
        head.field("version", state.head.version);
        sink.push(&ActionKind::CheckpointMetadata, &head.finish())?;
    }
    sink.push(&ActionKind::Protocol, &state.head.protocol.raw)?;
    sink.push(&ActionKind::Metadata, &state.head.metadata.raw)?;
    for txn in state.head.txns.values() {
        sink.push(&ActionKind::Txn, &txn.raw)?;
    }
    for domain in state.head.domains.values() {
        sink.push(&ActionKind::DomainMetadata, &domain.raw)?;
    }
    for add in state.files.values() {
        sink.push(&ActionKind::Add, &add.raw.with_raw("dataChange", "false"))?;
    }
    let retention = retention_ms(state);
    for remove in state.tombstones.values().filter(|remove| is_retained(remove, retention, now_ms)) {
        sink.push(&ActionKind::Remove, &remove.raw.with_raw("dataChange", "false"))?;
    }
    let (parquet, rows) = sink.finish()?;
    let mut hint = ObjectWriter::default();
    hint.field("version", state.head.version).field("size", rows);
    hint.field("sizeInBytes", parquet.len()).field("numOfAddFiles", state.files.len());
    let name = LogName::ClassicCheckpoint { version: state.head.version };
    Ok(EncodedCheckpoint { name, parquet, hint: hint.text().into_bytes() })
}

/// `None` when the property is no interval: then every tombstone is kept.
fn retention_ms(state: &TableState) -> Option<i64> {
    state.head.metadata.property(RETENTION).map_or(Some(DEFAULT_RETENTION_MS), interval::milliseconds)
}

fn is_retained(remove: &RemoveFile, retention_ms: Option<i64>, now_ms: i64) -> bool {
    let Some(retention_ms) = retention_ms else { return true };
    remove.deletion_timestamp.unwrap_or(0) > now_ms.saturating_sub(retention_ms)
}

/// The columns of `add`: the protocol's, widened where an add of this table carries more.
fn add_columns(state: &TableState) -> Result<DataType, CheckpointError> {
    let mut columns = add();
    for file in state.files.values() {
        if has_unknown(&columns, &file.raw) {
            columns = widen(&columns, "add", &serde_json::from_str::<Value>(file.raw.text())?)?;
        }
    }
    Ok(columns)
}

/// Whether an add, or its deletion vector, has a field without a column.
fn has_unknown(columns: &DataType, raw: &RawObject) -> bool {
    let DataType::Struct(known) = columns else { return true };
    raw.fields().iter().filter(|(_, value)| value.get() != "null").any(|(name, value)| {
        let Some((_, column)) = known.find(name) else { return true };
        match column.data_type() {
            nested @ DataType::Struct(_) => {
                RawObject::parse(value.get()).map_or(true, |nested_raw| has_unknown(nested, &nested_raw))
            }
            // Lists and structs beyond the protocol are few: looked at in full.
            DataType::List(_) => true,
            _ => false,
        }
    })
}

/// Actions in, Parquet out.
struct Sink {
    decoder: Decoder,
    writer: ArrowWriter<Vec<u8>>,
    pending: usize,
    rows: u64,
}

impl Sink {
    fn new(schema: &Arc<Schema>) -> Result<Self, CheckpointError> {
        let decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(BATCH).build_decoder()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)?;
        Ok(Self { decoder, writer, pending: 0, rows: 0 })
    }

    fn push(&mut self, kind: &ActionKind, body: &RawObject) -> Result<(), CheckpointError> {
        let text = line(kind, body);
        self.decoder.decode(text.as_bytes())?;
        self.decoder.decode(b"\n")?;
        self.rows += 1;
        self.pending += 1;
        if self.pending == BATCH {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), CheckpointError> {
        self.pending = 0;
        if let Some(batch) = self.decoder.flush()? {
            self.writer.write(&batch)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<u8>, u64), CheckpointError> {
        self.flush()?;
        Ok((self.writer.into_inner()?, self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::checkpoint::read::rows;
    use crate::delta::compare::differences;
    use crate::delta::replay::{Replay, Tombstones};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    const LOG: &str = concat!(
        r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["v2Checkpoint"],"writerFeatures":["v2Checkpoint","domainMetadata"]}}"#,
        "\n",
        r#"{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{}","partitionColumns":["p"],"configuration":{"delta.deletedFileRetentionDuration":"interval 1 day"},"createdTime":1}}"#,
        "\n",
        r#"{"add":{"path":"a%20b","partitionValues":{"p":null},"size":9007199254740993,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}","tags":{"k":"v"},"statsWithCollation":{"icu.en":{"minValues":{"a":"x"}}},"labels":{"x":"y","z":null}}}"#,
        "\n",
        r#"{"add":{"path":"b","partitionValues":{"p":"ü"},"size":1,"modificationTime":1,"dataChange":true,"deletionVector":{"storageType":"i","pathOrInlineDv":"x","sizeInBytes":2,"cardinality":1,"maxRowIndex":4},"baseRowId":0,"defaultRowCommitVersion":3}}"#,
        "\n",
        r#"{"remove":{"path":"young","deletionTimestamp":90000000,"dataChange":true,"size":1,"partitionValues":{"p":"1"}}}"#,
        "\n",
        r#"{"remove":{"path":"old","deletionTimestamp":10,"dataChange":true}}"#,
        "\n",
        r#"{"txn":{"appId":"s","version":4,"lastUpdated":5}}"#,
        "\n",
        r#"{"domainMetadata":{"domain":"d","configuration":"{}","removed":false}}"#,
        "\n",
    );

    fn replay(log: &str) -> TableState {
        let mut replay = Replay::new(Tombstones::Keep);
        for action in actions(log.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 7).expect("state")
    }

    fn read_back(parquet: Vec<u8>) -> TableState {
        let mut replay = Replay::new(Tombstones::Keep);
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet)).expect("parquet");
        for batch in reader.build().expect("reader") {
            for row in rows(&batch.expect("batch")).expect("rows") {
                replay.apply(row).expect("action");
            }
        }
        replay.finish("file:///t", 7).expect("state")
    }

    #[test]
    fn a_checkpoint_holds_the_whole_state() {
        let state = replay(LOG);
        let checkpoint = encode(&state, 100_000_000).expect("checkpoint");
        assert_eq!(checkpoint.name.file_name(), "00000000000000000007.checkpoint.parquet");
        let size = checkpoint.parquet.len();
        let hint = format!(r#"{{"version":7,"size":8,"sizeInBytes":{size},"numOfAddFiles":2}}"#);
        assert_eq!(String::from_utf8_lossy(&checkpoint.hint), hint);
        let again = read_back(checkpoint.parquet);
        assert_eq!(differences(&state, &again), Vec::new());
        let removed: Vec<&str> = again.tombstones.keys().map(|key| key.path.as_ref()).collect();
        assert_eq!(removed, ["young"]);
    }

    #[test]
    fn many_rows_pass_in_batches() {
        let mut log = LOG.to_owned();
        for file in 0..20_000 {
            log.push_str(&format!(
                "{{\"add\":{{\"path\":\"f{file}\",\"partitionValues\":{{}},\"size\":{file},\"modificationTime\":1}}}}\n"
            ));
        }
        let state = replay(&log);
        let again = read_back(encode(&state, 0).expect("checkpoint").parquet);
        assert_eq!(differences(&state, &again), Vec::new());
        assert_eq!(again.files.len(), 20_002);
        assert_eq!(again.tombstones.len(), 2);
    }

    #[test]
    fn a_field_without_a_column_is_refused() {
        let state = replay(&LOG.replace("\"labels\":{", "\"labels\":{\"n\":1.5,"));
        assert_eq!(
            encode(&state, 0).expect_err("refused").to_string(),
            "field `n` has values that no single column can hold exactly"
        );
    }
}
