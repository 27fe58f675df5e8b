//! Live files and tombstones → the pieces of a checkpoint that Spark, other readers and this program's own reader
//! take. What has been encoded is handed out row group by row group, so that a checkpoint of any size needs the memory
//! of one.

use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{ArrowError, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use thiserror::Error;

use super::schema::{Content, NoColumn, checkpoint_schema};
use super::write_columns::{AddColumns, with_head};
use crate::delta::action::{ActionKind, line};
use crate::delta::interval;
use crate::delta::json::{Fields, ObjectWriter};
use crate::delta::log_name::LogName;
use crate::delta::state::{AddFile, RemoveFile, TableHead};

/// Rows of a row group: small enough to be read in pieces, large enough to compress.
const GROUP_ROWS: usize = 50_000;
/// Encoded bytes after which a row group ends early.
const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8_192;
/// Bytes of JSON that are decoded at a time, unless a single row has more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long removed files stay in checkpoints (protocol, `delta.deletedFileRetentionDuration`).
const RETENTION: &str = "delta.deletedFileRetentionDuration";
const DEFAULT_RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Columns in which hardly a value repeats.
const UNIQUE: [[&str; 2]; 3] = [["add", "path"], ["add", "stats"], ["remove", "path"]];

/// Why a state cannot become a checkpoint. The log stays readable without it.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// An add has a field that the checkpoint was begun without a column for.
    #[error("an add has field `{field}`, for which the checkpoint was begun without a column")]
    Unforeseen {
        /// Name of the field.
        field: String,
    },
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

/// A checkpoint under way. Its content is that of the V2 specification when the table has `v2Checkpoint`; its name is
/// the classic one either way.
///
/// What a reader of protocol and metadata looks for is in a row group of its own, at the beginning.
pub struct CheckpointEncoder {
    columns: AddColumns,
    decoder: Decoder,
    writer: ArrowWriter<Vec<u8>>,
    line: Vec<u8>,
    pending_rows: usize,
    pending_bytes: usize,
    version: u64,
    expired_ms: Option<i64>,
    rows: u64,
    adds: u64,
    taken: u64,
}

/// The end of an encoded checkpoint.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The last piece.
    pub tail: Bytes,
    /// Content of `_last_checkpoint`, to be written once the checkpoint is in place.
    pub hint: Vec<u8>,
}

impl CheckpointEncoder {
    /// Begins the checkpoint of a version with everything but its files. Tombstones whose retention has passed at
    /// `now_ms` (milliseconds since the epoch) are going to be left out, as are removed domains.
    ///
    /// # Errors
    /// A [`CheckpointError`] when an action has no place in the columns.
    pub fn begin(head: &TableHead, columns: AddColumns, now_ms: i64) -> Result<Self, CheckpointError> {
        let content = if head.protocol.has("v2Checkpoint") { Content::V2 } else { Content::V1 };
        let lines = head_lines(head, content);
        let schema = Arc::new(with_head(checkpoint_schema(content, columns.data_type()), &lines)?);
        let mut encoder = Self {
            columns,
            decoder: ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(BATCH_ROWS).build_decoder()?,
            writer: writer(schema)?,
            line: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            version: head.version,
            expired_ms: retention_ms(head).map(|retention| now_ms.saturating_sub(retention)),
            rows: 0,
            adds: 0,
            taken: 0,
        };
        for line in &lines {
            encoder.push(line.as_bytes())?;
        }
        encoder.end_group()?;
        Ok(encoder)
    }

    /// Adds a live file.
    ///
    /// # Errors
    /// [`CheckpointError::Unforeseen`] when the add has a field without a column: the checkpoint has to be begun anew,
    /// with wider columns. Another [`CheckpointError`] when a value does not fit its column.
    pub fn add(&mut self, add: &AddFile) -> Result<(), CheckpointError> {
        let fields = add.raw.fields();
        if let Some(field) = self.columns.lacks(&fields) {
            return Err(CheckpointError::Unforeseen { field });
        }
        self.push_file(&ActionKind::Add, &fields)?;
        self.adds += 1;
        Ok(())
    }

    /// Adds a tombstone, unless it has expired. Tombstones follow the live files.
    ///
    /// # Errors
    /// A [`CheckpointError`] when a value does not fit its column.
    pub fn remove(&mut self, remove: &RemoveFile) -> Result<(), CheckpointError> {
        let expired = self.expired_ms.is_some_and(|at| remove.deletion_timestamp.unwrap_or(0) <= at);
        if expired { Ok(()) } else { self.push_file(&ActionKind::Remove, &remove.raw.fields()) }
    }

    /// The bytes that are complete and have not been taken; none while a row group is being filled.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        let piece = std::mem::take(self.writer.inner_mut());
        self.taken += piece.len() as u64;
        piece.into()
    }

    /// Ends the checkpoint.
    ///
    /// # Errors
    /// A [`CheckpointError`] when the last rows cannot be encoded.
    pub fn finish(mut self) -> Result<Finished, CheckpointError> {
        self.decode()?;
        self.writer.finish()?;
        let tail = self.take();
        let mut hint = ObjectWriter::default();
        hint.field("version", self.version).field("size", self.rows);
        hint.field("sizeInBytes", self.taken).field("numOfAddFiles", self.adds);
        Ok(Finished { tail, hint: hint.text().into_bytes() })
    }

    /// A file action as a line; in a checkpoint no file is a change of data.
    fn push_file(&mut self, kind: &ActionKind, fields: &Fields<'_>) -> Result<(), CheckpointError> {
        let mut text = std::mem::take(&mut self.line);
        text.clear();
        for part in ["{\"", kind.key(), "\":{\"dataChange\":false"] {
            text.extend_from_slice(part.as_bytes());
        }
        for (name, value) in fields.iter().filter(|(name, _)| *name != "dataChange") {
            text.push(b',');
            serde_json::to_writer(&mut text, name)?;
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
        }
        text.extend_from_slice(b"}}");
        self.push(&text)?;
        self.line = text;
        Ok(())
    }

    fn push(&mut self, text: &[u8]) -> Result<(), CheckpointError> {
        if self.pending_rows == BATCH_ROWS || self.pending_bytes >= BATCH_BYTES {
            self.decode()?;
        }
        self.decoder.decode(text)?;
        self.decoder.decode(b"\n")?;
        self.rows += 1;
        self.pending_rows += 1;
        self.pending_bytes += text.len();
        Ok(())
    }

    fn decode(&mut self) -> Result<(), CheckpointError> {
        (self.pending_rows, self.pending_bytes) = (0, 0);
        if let Some(batch) = self.decoder.flush()? {
            self.writer.write(&batch)?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), CheckpointError> {
        self.decode()?;
        Ok(self.writer.flush()?)
    }
}

/// Everything but the files, as lines of a commit.
fn head_lines(head: &TableHead, content: Content) -> Vec<String> {
    let mut lines = Vec::new();
    if content == Content::V2 {
        let mut version = ObjectWriter::default();
        version.field("version", head.version);
        lines.push(line(&ActionKind::CheckpointMetadata, &version.finish()));
    }
    lines.push(line(&ActionKind::Protocol, &head.protocol.raw));
    lines.push(line(&ActionKind::Metadata, &head.metadata.raw));
    lines.extend(head.txns.values().map(|txn| line(&ActionKind::Txn, &txn.raw)));
    lines.extend(head.domains.values().map(|domain| line(&ActionKind::DomainMetadata, &domain.raw)));
    lines
}

/// The name of the checkpoint of a version.
#[must_use]
pub fn name(version: u64) -> LogName {
    LogName::ClassicCheckpoint { version }
}

fn writer(schema: Arc<Schema>) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES));
    for [kind, field] in UNIQUE {
        let column = ColumnPath::from(vec![kind.to_owned(), field.to_owned()]);
        properties = properties.set_column_dictionary_enabled(column, false);
    }
    let options =
        ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options)
}

/// `None` when the property is no interval: then every tombstone is kept.
fn retention_ms(head: &TableHead) -> Option<i64> {
    head.metadata.property(RETENTION).map_or(Some(DEFAULT_RETENTION_MS), interval::milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::checkpoint::read::rows;
    use crate::delta::compare::differences;
    use crate::delta::replay::Replay;
    use crate::delta::state::TableState;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::metadata::RowGroupMetaData;

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
        let mut replay = Replay::new();
        for action in actions(log.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 7).expect("state")
    }

    /// All pieces of a checkpoint, and its hint.
    fn encode_with(
        state: &TableState,
        columns: AddColumns,
    ) -> Result<(Vec<Bytes>, Vec<u8>), CheckpointError> {
        let mut encoder = CheckpointEncoder::begin(&state.head, columns, NOW_MS)?;
        let mut pieces = Vec::new();
        for add in state.files.values() {
            encoder.add(add)?;
            pieces.push(encoder.take());
        }
        for remove in state.tombstones.values() {
            encoder.remove(remove)?;
        }
        let finished = encoder.finish()?;
        pieces.push(finished.tail);
        pieces.retain(|piece| !piece.is_empty());
        Ok((pieces, finished.hint))
    }

    fn widened(state: &TableState) -> Result<AddColumns, CheckpointError> {
        let mut columns = AddColumns::default();
        state.files.values().try_for_each(|add| columns.widen(&add.raw))?;
        Ok(columns)
    }

    fn encode(state: &TableState) -> Result<(Vec<Bytes>, Vec<u8>), CheckpointError> {
        encode_with(state, widened(state)?)
    }

    const NOW_MS: i64 = 100_000_000;

    fn reader(pieces: &[Bytes]) -> ParquetRecordBatchReaderBuilder<Bytes> {
        ParquetRecordBatchReaderBuilder::try_new(Bytes::from(pieces.concat())).expect("parquet")
    }

    fn read_back(pieces: &[Bytes]) -> TableState {
        let mut replay = Replay::new();
        for batch in reader(pieces).build().expect("reader") {
            for row in rows(&batch.expect("batch")).expect("rows") {
                replay.apply(row).expect("action");
            }
        }
        replay.finish("file:///t", 7).expect("state")
    }

    #[test]
    fn a_checkpoint_holds_the_whole_state() {
        let state = replay(LOG);
        let (pieces, hint) = encode(&state).expect("checkpoint");
        assert_eq!(name(7).file_name(), "00000000000000000007.checkpoint.parquet");
        let size = pieces.concat().len();
        let expected = format!(r#"{{"version":7,"size":8,"sizeInBytes":{size},"numOfAddFiles":2}}"#);
        assert_eq!(String::from_utf8_lossy(&hint), expected);
        let again = read_back(&pieces);
        assert_eq!(differences(&state, &again), Vec::new());
        let removed: Vec<&str> = again.tombstones.keys().map(|key| key.path.as_ref()).collect();
        assert_eq!(removed, ["young"]);
        assert!(again.files.values().all(|add| add.raw.text().contains("\"dataChange\":false")));
    }

    #[test]
    fn a_field_beyond_the_columns_is_told_before_anything_is_lost() {
        let state = replay(LOG);
        let error = encode_with(&state, AddColumns::default()).expect_err("unforeseen");
        assert!(
            matches!(error, CheckpointError::Unforeseen { ref field } if field == "statsWithCollation"),
            "{error}"
        );
        let nested =
            replay(&LOG.replace("\"statsWithCollation\"", "\"tags\"").replace("\"labels\"", "\"tags\""));
        let error = encode_with(&nested, AddColumns::default()).expect_err("unforeseen");
        assert!(
            matches!(error, CheckpointError::Unforeseen { ref field } if field == "maxRowIndex"),
            "{error}"
        );
    }

    #[test]
    fn the_head_keeps_fields_beyond_the_protocol() {
        let later = |action: &str, fields: &str| {
            (format!("{{\"{action}\":{{"), format!("{{\"{action}\":{{{fields},"))
        };
        let (metadata, with_metadata) =
            later("metaData", r#""clusterBy":["a"],"owner":{"id":7,"of":{"n":"x"}}"#);
        let (txn, with_txn) = later("txn", r#""epoch":9007199254740993"#);
        let (domain, with_domain) = later("domainMetadata", r#""labels":{"k":null}"#);
        let (protocol, with_protocol) = later("protocol", r#""later":true"#);
        let log = LOG.replace(&metadata, &with_metadata).replace(&txn, &with_txn);
        let state = replay(&log.replace(&domain, &with_domain).replace(&protocol, &with_protocol));
        let (pieces, _) = encode(&state).expect("checkpoint");
        let again = read_back(&pieces);
        assert_eq!(differences(&state, &again), Vec::new());
        for field in ["clusterBy", "owner"] {
            let of = |state: &TableState| field_of(&state.head.metadata.raw, field);
            assert!(of(&state).is_some() && of(&state) == of(&again), "{field}");
        }
        let raw = |state: &TableState| {
            let (txn, domain) = (&state.head.txns["s"].raw, &state.head.domains["d"].raw);
            [field_of(txn, "epoch"), field_of(domain, "labels"), field_of(&state.head.protocol.raw, "later")]
        };
        assert_eq!(raw(&state), raw(&again));
        assert!(raw(&state).iter().all(Option::is_some));
    }

    fn field_of(raw: &crate::delta::json::RawObject, field: &str) -> Option<serde_json::Value> {
        raw.fields().get(field).map(|value| serde_json::from_str(value.get()).expect("json"))
    }

    #[test]
    fn a_head_that_no_column_can_hold_is_refused() {
        for value in ["1.5", "[]", "{\"n\":[]}"] {
            let log = LOG.replace("{\"metaData\":{", &format!("{{\"metaData\":{{\"later\":{value},"));
            let error = encode(&replay(&log)).expect_err(value);
            assert!(matches!(error, CheckpointError::NoColumn(_)), "{value}: {error}");
        }
    }

    #[test]
    fn large_checkpoints_come_in_pieces() {
        let mut log = LOG.to_owned();
        for file in 0..120_000 {
            log.push_str(&format!(
                "{{\"add\":{{\"path\":\"f{file}\",\"partitionValues\":{{}},\"size\":{file},\"modificationTime\":1}}}}\n"
            ));
        }
        let state = replay(&log);
        let (pieces, _) = encode(&state).expect("checkpoint");
        // two full row groups, the head before the first of them, and the rest with the footer
        assert_eq!(pieces.len(), 3);
        let groups: Vec<i64> =
            reader(&pieces).metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(groups, [5, 50_000, 50_000, 20_003]);
        let again = read_back(&pieces);
        assert_eq!(differences(&state, &again), Vec::new());
        assert_eq!((again.files.len(), again.tombstones.len()), (120_002, 1));
    }

    #[test]
    fn row_groups_are_bounded_in_bytes() {
        let mut seed = 1_u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + 3 + ((seed >> 58) as u8) % 56)
        };
        let mut log = LOG.to_owned();
        for file in 0..40 {
            let stats: String = (0..1_000_000).map(|_| noise()).collect();
            log.push_str(&format!("{{\"add\":{{\"path\":\"f{file}\",\"size\":1,\"stats\":\"{stats}\"}}}}\n"));
        }
        let state = replay(&log);
        let (pieces, _) = encode(&state).expect("checkpoint");
        let sizes: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert!(sizes.len() == 2 && sizes.iter().all(|size| *size < GROUP_BYTES + BATCH_BYTES), "{sizes:?}");
        assert_eq!(differences(&state, &read_back(&pieces)), Vec::new());
    }

    #[test]
    fn what_no_column_can_hold_is_refused() {
        let state = replay(&LOG.replace("\"labels\":{", "\"labels\":{\"n\":1.5,"));
        assert_eq!(
            encode(&state).expect_err("refused").to_string(),
            "field `n` has values that no single column can hold exactly"
        );
    }
}
