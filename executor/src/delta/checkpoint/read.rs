//! Rows of a Parquet checkpoint or sidecar → actions, lossless.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;
use thiserror::Error;

use super::arrow_json::{Inexact, NoJson, object};
use crate::delta::action::{Action, ActionKind};
use crate::delta::json::{JsonError, RawObject};

/// Copies of other fields, typed for data skipping.
pub(super) const PARSED: &str = "_parsed";
/// Statistics as struct columns.
pub(super) const STATS_PARSED: &str = "stats_parsed";
/// The identity of a file, and its size.
const IDENTITY: [&str; 3] = ["path", "size", "deletionVector"];

/// How much of an add is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// At least path, size and deletion vector.
    Identity,
    /// Everything.
    All,
}

/// Which rows of a checkpoint are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything that is no file of the table: protocol, metadata, applications, domains, and what a V2
    /// checkpoint says of itself.
    Head,
    /// The live files.
    Adds(Columns),
    /// The tombstones.
    Removes,
}

impl Part {
    /// The kinds of rows, each with a field that none of them lacks (protocol, "Actions").
    fn kinds(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Head => &[
                ("protocol", "minReaderVersion"),
                ("metaData", "id"),
                ("txn", "appId"),
                ("domainMetadata", "domain"),
                ("sidecar", "path"),
                ("checkpointMetadata", "version"),
            ],
            Self::Adds(_) => &[("add", "path")],
            Self::Removes => &[("remove", "path")],
        }
    }

    fn wants(self, kind: &str, field: &str) -> bool {
        let of_kind = self.kinds().iter().any(|(wanted, _)| *wanted == kind);
        of_kind
            && match self {
                Self::Adds(Columns::Identity) => IDENTITY.contains(&field),
                Self::Adds(Columns::All) => field == STATS_PARSED || !field.ends_with(PARSED),
                Self::Head | Self::Removes => !field.ends_with(PARSED),
            }
    }
}

/// Why a row of a checkpoint is not an action.
#[derive(Debug, Error)]
pub enum RowError {
    /// A column has no exact JSON form.
    #[error("column `{column}` cannot be carried")]
    Column {
        /// Name of the top-level column.
        column: String,
        /// What is wrong with it.
        source: NoJson,
    },
    /// The text that was put together is no object.
    #[error("column `{column}` does not make an action")]
    Object {
        /// Name of the top-level column.
        column: String,
        /// What is wrong with it.
        source: JsonError,
    },
}

/// The leaves to read for a part: unknown fields are read, typed copies of other fields are not.
#[must_use]
pub fn projection(schema: &SchemaDescriptor, part: Part) -> ProjectionMask {
    let wanted = (0..schema.num_columns()).filter(|leaf| {
        let column = schema.column(*leaf);
        let parts = column.path().parts();
        let name = |level: usize| parts.get(level).map_or("", String::as_str);
        part.wants(name(0), name(1))
    });
    ProjectionMask::leaves(schema, wanted)
}

/// The row groups that may hold rows of a part: those whose statistics do not rule it out.
#[must_use]
pub fn row_groups(metadata: &ParquetMetaData, part: Part) -> Vec<usize> {
    let leaves = marks(metadata.file_metadata().schema_descr(), part);
    let groups = metadata.row_groups().iter().enumerate();
    groups
        .filter(|(_, group)| leaves.iter().any(|leaf| !is_all_null(group, *leaf)))
        .map(|(index, _)| index)
        .collect()
}

/// The leaves of a row group that tell which of its rows belong to a part.
#[must_use]
pub fn marking(schema: &SchemaDescriptor, group: &RowGroupMetaData, part: Part) -> ProjectionMask {
    let leaves = marks(schema, part).into_iter().filter(|leaf| !is_all_null(group, *leaf));
    ProjectionMask::leaves(schema, leaves)
}

/// Whether a row has any of the [marking](marking) leaves that were read.
#[must_use]
pub fn is_marked(batch: &RecordBatch, row: usize) -> bool {
    let kinds = batch.columns().iter().filter_map(|kind| kind.as_struct_opt());
    kinds.filter(|kind| kind.is_valid(row)).any(|kind| kind.columns().iter().any(|mark| mark.is_valid(row)))
}

/// The leaves that no row of a part lacks.
fn marks(schema: &SchemaDescriptor, part: Part) -> Vec<usize> {
    let is_mark = |leaf: &usize| match schema.column(*leaf).path().parts() {
        [kind, field] => part.kinds().contains(&(kind.as_str(), field.as_str())),
        _ => false,
    };
    (0..schema.num_columns()).filter(is_mark).collect()
}

fn is_all_null(group: &RowGroupMetaData, leaf: usize) -> bool {
    let nulls = group.columns().get(leaf).and_then(|chunk| chunk.statistics()?.null_count_opt());
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows()))
}

/// The actions of a batch, row by row, with every column that was read. Files as the rest of the program sees
/// them come from [`super::files`].
///
/// # Errors
/// [`RowError`] when a row cannot be carried exactly.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Action>, RowError> {
    let schema = batch.schema();
    let columns: Vec<(&str, &StructArray)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| matches!(field.data_type(), DataType::Struct(_)))
        .map(|(field, column)| (field.name().as_str(), column.as_struct()))
        .collect();
    let mut rows = Vec::new();
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (kind, column) in columns.iter().filter(|(kind, column)| is_present(kind, column, row)) {
            text.clear();
            body(column, row, &mut text)
                .map_err(|source| RowError::Column { column: (*kind).to_owned(), source })?;
            rows.push(Action { kind: ActionKind::of(kind), body: RawObject::assembled(&text) });
        }
    }
    Ok(rows)
}

/// Appends the object of a row without the typed copies of its fields.
pub(super) fn body(column: &StructArray, row: usize, out: &mut String) -> Result<(), NoJson> {
    object(column, row, Inexact::Refuse, |member| !member.ends_with(PARSED), out)
}

/// Whether a row holds an action of a kind. Some writers fill the structs of other kinds with null members
/// instead of making the struct null.
fn is_present(kind: &str, column: &StructArray, row: usize) -> bool {
    if column.is_null(row) {
        return false;
    }
    match kind {
        "add" | "remove" | "cdc" | "sidecar" => {
            column.column_by_name("path").is_some_and(|path| path.is_valid(row))
        }
        _ => column.columns().iter().any(|member| member.is_valid(row)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delta::checkpoint::schema::{Content, add, checkpoint_schema};
    use arrow_json::ReaderBuilder;
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;

    /// A checkpoint of row groups of two rows.
    fn checkpoint(lines: &[&str]) -> ParquetRecordBatchReaderBuilder<Bytes> {
        let schema = Arc::new(checkpoint_schema(Content::V2, add()));
        let text = lines.concat();
        let reader = ReaderBuilder::new(Arc::clone(&schema)).build(text.as_bytes()).expect("reader");
        let two = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(two)).expect("writer");
        for batch in reader {
            writer.write(&batch.expect("batch")).expect("written");
        }
        let bytes = Bytes::from(writer.into_inner().expect("parquet"));
        ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet")
    }

    const LINES: [&str; 5] = [
        r#"{"add":{"path":"a","size":1,"stats":"{}","tags":{"k":null}}}"#,
        r#"{"remove":{"path":"b","deletionTimestamp":7}}"#,
        r#"{"txn":{"appId":"s","version":9007199254740993}}"#,
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
        r#"{"add":{"path":"c","size":2}}"#,
    ];

    #[test]
    fn only_row_groups_and_columns_of_a_part_are_read() {
        let cases = [
            (Part::Head, vec![1], vec![LINES[2], LINES[3]]),
            (Part::Adds(Columns::Identity), vec![0, 2], vec![r#"{"add":{"path":"a","size":1}}"#, LINES[4]]),
            (Part::Adds(Columns::All), vec![0, 2], vec![LINES[0], LINES[4]]),
            (Part::Removes, vec![0], vec![LINES[1]]),
        ];
        for (part, groups, lines) in cases {
            let builder = checkpoint(&LINES);
            assert_eq!(row_groups(builder.metadata(), part), groups, "{part:?}");
            let mask = projection(builder.parquet_schema(), part);
            let batches = builder.with_projection(mask).with_row_groups(groups).build().expect("reader");
            let found: Vec<String> = batches
                .flat_map(|batch| rows(&batch.expect("batch")).expect("rows"))
                .map(|action| action.line())
                .collect();
            assert_eq!(found, lines, "{part:?}");
        }
    }

    #[test]
    fn structs_of_null_members_are_no_rows() {
        let builder = checkpoint(&[r#"{"txn":{"appId":"s","version":1},"add":{"size":5},"protocol":{}}"#]);
        let batch = builder.build().expect("reader").next().expect("one").expect("batch");
        let lines: Vec<String> = rows(&batch).expect("rows").iter().map(Action::line).collect();
        assert_eq!(lines, [r#"{"txn":{"appId":"s","version":1}}"#]);
    }
}
