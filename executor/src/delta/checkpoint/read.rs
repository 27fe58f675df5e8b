//! Rows of a Parquet checkpoint or sidecar → actions, lossless.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::schema::types::SchemaDescriptor;
use thiserror::Error;

use super::arrow_json::{Inexact, NoJson, object};
use crate::delta::action::{Action, ActionKind};
use crate::delta::json::{JsonError, RawObject};
use crate::delta::replay::Tombstones;

/// Copies of other fields, typed for data skipping.
const PARSED: &str = "_parsed";
/// Statistics as struct columns.
const STATS_PARSED: &str = "stats_parsed";
/// Statistics as JSON text.
const STATS: &str = "stats";
/// Column that every file action has; a row without it is of another kind.
const PATH: &str = "path";

/// One action of a checkpoint.
#[derive(Debug, Clone)]
pub struct CheckpointRow {
    /// The action.
    pub action: Action,
    /// The add has statistics that were put together from struct columns.
    pub stats_synthesised: bool,
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

/// The leaves to read: all but typed copies, and removes only when they are kept. Unknown columns are read.
#[must_use]
pub fn projection(schema: &SchemaDescriptor, tombstones: Tombstones) -> ProjectionMask {
    let wanted = (0..schema.num_columns()).filter(|leaf| {
        let column = schema.column(*leaf);
        let parts = column.path().parts();
        let kind = parts.first().map(String::as_str);
        let field = parts.get(1).map_or("", String::as_str);
        let removed = kind == Some("remove") && tombstones == Tombstones::Drop;
        let copied = field.ends_with(PARSED) && !(kind == Some("add") && field == STATS_PARSED);
        !removed && !copied
    });
    ProjectionMask::leaves(schema, wanted)
}

/// The actions of a batch, row by row.
///
/// # Errors
/// [`RowError`] when a row cannot be carried exactly.
pub fn rows(batch: &RecordBatch) -> Result<Vec<CheckpointRow>, RowError> {
    let schema = batch.schema();
    let columns: Vec<(&str, &StructArray)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| matches!(field.data_type(), DataType::Struct(_)))
        .map(|(field, column)| (field.name().as_str(), column.as_struct()))
        .collect();
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        for (name, column) in &columns {
            if is_present(name, column, row) {
                rows.push(action(name, column, row)?);
            }
        }
    }
    Ok(rows)
}

/// Whether a row holds an action of a kind. Some writers fill the structs of other kinds with null members
/// instead of making the struct null.
fn is_present(kind: &str, column: &StructArray, row: usize) -> bool {
    if column.is_null(row) {
        return false;
    }
    match kind {
        "add" | "remove" | "cdc" | "sidecar" => {
            column.column_by_name(PATH).is_some_and(|path| path.is_valid(row))
        }
        _ => column.columns().iter().any(|member| member.is_valid(row)),
    }
}

fn action(kind: &str, column: &StructArray, row: usize) -> Result<CheckpointRow, RowError> {
    let refused = |source| RowError::Column { column: kind.to_owned(), source };
    let mut text = String::new();
    object(column, row, Inexact::Refuse, |member| !member.ends_with(PARSED), &mut text).map_err(refused)?;
    let body =
        RawObject::parse(&text).map_err(|source| RowError::Object { column: kind.to_owned(), source })?;
    let stats = if kind == "add" { synthesised(column, row) } else { None };
    let body = match &stats {
        Some(stats) => body.with_raw(STATS, &serde_json::Value::from(stats.as_str()).to_string()),
        None => body,
    };
    let action = Action { kind: ActionKind::of(kind), body };
    Ok(CheckpointRow { action, stats_synthesised: stats.is_some() })
}

/// Statistics from struct columns, for an add that has no JSON statistics.
fn synthesised(add: &StructArray, row: usize) -> Option<String> {
    if add.column_by_name(STATS).is_some_and(|stats| stats.is_valid(row)) {
        return None;
    }
    let parsed = add.column_by_name(STATS_PARSED)?;
    if parsed.is_null(row) {
        return None;
    }
    let mut text = String::new();
    object(parsed.as_struct_opt()?, row, Inexact::Omit, |_| true, &mut text).ok()?;
    (text != "{}").then_some(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow_json::ReaderBuilder;
    use arrow_schema::{Field, Fields, Schema};

    fn structure(members: Vec<Field>) -> DataType {
        DataType::Struct(Fields::from(members))
    }

    fn batch(json: &str) -> RecordBatch {
        let stats = structure(vec![
            Field::new("numRecords", DataType::Int64, true),
            Field::new("minValues", structure(vec![Field::new("a", DataType::Int64, true)]), true),
        ]);
        let add = structure(vec![
            Field::new("path", DataType::Utf8, true),
            Field::new("size", DataType::Int64, true),
            Field::new("stats", DataType::Utf8, true),
            Field::new("stats_parsed", stats, true),
            Field::new(
                "partitionValues_parsed",
                structure(vec![Field::new("p", DataType::Int64, true)]),
                true,
            ),
            Field::new("later", DataType::Boolean, true),
        ]);
        let txn = structure(vec![
            Field::new("appId", DataType::Utf8, true),
            Field::new("version", DataType::Int64, true),
        ]);
        let schema = Schema::new(vec![Field::new("add", add, true), Field::new("txn", txn, true)]);
        let mut reader = ReaderBuilder::new(Arc::new(schema)).build(json.as_bytes()).expect("reader");
        reader.next().expect("a batch").expect("batch")
    }

    #[test]
    fn rows_become_actions() {
        let batch = batch(concat!(
            r#"{"add":{"path":"a","size":1,"stats":"{\"numRecords\":2}","stats_parsed":{"numRecords":2},"later":true}}"#,
            r#"{"add":{"path":"b","size":1,"stats_parsed":{"numRecords":3,"minValues":{"a":4}},"partitionValues_parsed":{"p":1}}}"#,
            r#"{"add":{"path":"c","size":1}}"#,
            r#"{"txn":{"appId":"s","version":9007199254740993},"add":{"size":null}}"#,
        ));
        let rows = rows(&batch).expect("rows");
        let shown: Vec<(String, bool)> =
            rows.iter().map(|row| (row.action.line(), row.stats_synthesised)).collect();
        let expected = [
            (r#"{"add":{"path":"a","size":1,"stats":"{\"numRecords\":2}","later":true}}"#, false),
            (r#"{"add":{"path":"b","size":1,"stats":"{\"numRecords\":3,\"minValues\":{\"a\":4}}"}}"#, true),
            (r#"{"add":{"path":"c","size":1}}"#, false),
            (r#"{"txn":{"appId":"s","version":9007199254740993}}"#, false),
        ];
        assert_eq!(shown, expected.map(|(line, flag)| (line.to_owned(), flag)));
    }
}
