//! Rows of a checkpoint → live files and tombstones, with keys straight from the columns: no text is parsed
//! again.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StructArray};
use serde::de::Error as _;

use super::arrow_json::{Inexact, NoJson, object};
use super::column::{Longs, Texts};
use super::read::{RowError, STATS_PARSED, body};
use crate::delta::deletion_vector;
use crate::delta::json::{JsonError, RawObject, quote};
use crate::delta::state::{AddFile, FileKey, RemoveFile};

/// Statistics as JSON text.
const STATS: &str = "stats";

/// The live files of a batch, without those of which `superseded` says that newer commits decide.
///
/// # Errors
/// [`RowError`] when a row lacks what the protocol asks for, or cannot be carried exactly.
pub fn adds(
    batch: &RecordBatch,
    superseded: impl Fn(&FileKey) -> bool,
) -> Result<Vec<(FileKey, AddFile)>, RowError> {
    let Some(files) = Files::of(batch, "add")? else { return Ok(Vec::new()) };
    let size = files.longs("size")?;
    let stats = files.texts(STATS)?;
    let mut text = String::new();
    files.collect(batch, superseded, |row| {
        let size = size.as_ref().and_then(|size| size.at(row));
        let size = size.ok_or_else(|| files.missing("size"))?;
        let size = u64::try_from(size).map_err(|error| files.mistyped("size", &error))?;
        text.clear();
        body(files.column, row, &mut text).map_err(|source| files.refused(source))?;
        let logged = stats.as_ref().is_some_and(|stats| stats.at(row).is_some());
        let stats_synthesised = !logged && synthesise(files.column, row, &mut text);
        Ok(AddFile { raw: RawObject::assembled(&text), size, stats_synthesised })
    })
}

/// The tombstones of a batch, without those of which `superseded` says that newer commits decide.
///
/// # Errors
/// As [`adds`].
pub fn removes(
    batch: &RecordBatch,
    superseded: impl Fn(&FileKey) -> bool,
) -> Result<Vec<(FileKey, RemoveFile)>, RowError> {
    let Some(files) = Files::of(batch, "remove")? else { return Ok(Vec::new()) };
    let time = files.longs("deletionTimestamp")?;
    let mut text = String::new();
    files.collect(batch, superseded, |row| {
        text.clear();
        body(files.column, row, &mut text).map_err(|source| files.refused(source))?;
        let deletion_timestamp = time.as_ref().and_then(|time| time.at(row));
        Ok(RemoveFile { raw: RawObject::assembled(&text), deletion_timestamp })
    })
}

/// The column of one kind of file action.
struct Files<'a> {
    kind: &'static str,
    column: &'a StructArray,
    path: Texts<'a>,
    vector: Option<Vectors<'a>>,
}

impl<'a> Files<'a> {
    /// `None` when the batch has no such column.
    fn of(batch: &'a RecordBatch, kind: &'static str) -> Result<Option<Self>, RowError> {
        let Some(column) = batch.column_by_name(kind).and_then(|column| column.as_struct_opt()) else {
            return Ok(None);
        };
        let refused = |source| RowError::Column { column: kind.to_owned(), source };
        let Some(path) = column.column_by_name("path") else { return Ok(None) };
        let path = Texts::of(path.as_ref()).map_err(refused)?;
        let vector = column.column_by_name("deletionVector").and_then(|vector| vector.as_struct_opt());
        let vector = vector.map(Vectors::of).transpose().map_err(refused)?;
        Ok(Some(Self { kind, column, path, vector }))
    }

    fn collect<T>(
        &self,
        batch: &RecordBatch,
        superseded: impl Fn(&FileKey) -> bool,
        mut file: impl FnMut(usize) -> Result<T, RowError>,
    ) -> Result<Vec<(FileKey, T)>, RowError> {
        let mut found = Vec::with_capacity(batch.num_rows() - self.column.null_count());
        for row in 0..batch.num_rows() {
            let Some(key) = self.key(row)? else { continue };
            if !superseded(&key) {
                found.push((key, file(row)?));
            }
        }
        Ok(found)
    }

    /// The key of a row; `None` when the row is of another kind.
    fn key(&self, row: usize) -> Result<Option<FileKey>, RowError> {
        if self.column.is_null(row) {
            return Ok(None);
        }
        let Some(path) = self.path.at(row) else { return Ok(None) };
        let vector = match &self.vector {
            Some(vectors) => vectors.identity(row).map_err(|field| self.missing(field))?,
            None => None,
        };
        Ok(Some(FileKey::new(path, vector)))
    }

    fn longs(&self, field: &str) -> Result<Option<Longs<'a>>, RowError> {
        let column = self.column.column_by_name(field);
        column.map(|column| Longs::of(column.as_ref())).transpose().map_err(|source| self.refused(source))
    }

    fn texts(&self, field: &str) -> Result<Option<Texts<'a>>, RowError> {
        let column = self.column.column_by_name(field);
        column.map(|column| Texts::of(column.as_ref())).transpose().map_err(|source| self.refused(source))
    }

    fn refused(&self, source: NoJson) -> RowError {
        RowError::Column { column: self.kind.to_owned(), source }
    }

    fn missing(&self, field: &'static str) -> RowError {
        RowError::Object { column: self.kind.to_owned(), source: JsonError::Missing { field } }
    }

    fn mistyped(&self, field: &'static str, problem: &dyn std::error::Error) -> RowError {
        let source = serde_json::Error::custom(problem);
        RowError::Object { column: self.kind.to_owned(), source: JsonError::Mistyped { field, source } }
    }
}

/// The fields of deletion vectors that make up their identity.
struct Vectors<'a> {
    column: &'a StructArray,
    storage: Option<Texts<'a>>,
    path: Option<Texts<'a>>,
    offset: Option<Longs<'a>>,
}

impl<'a> Vectors<'a> {
    fn of(column: &'a StructArray) -> Result<Self, NoJson> {
        let texts =
            |field: &str| column.column_by_name(field).map(|text| Texts::of(text.as_ref())).transpose();
        let offset = column.column_by_name("offset").map(|offset| Longs::of(offset.as_ref()));
        Ok(Self {
            column,
            storage: texts("storageType")?,
            path: texts("pathOrInlineDv")?,
            offset: offset.transpose()?,
        })
    }

    /// The identity of the vector of a row, if it has one; else the field that is missing.
    fn identity(&self, row: usize) -> Result<Option<String>, &'static str> {
        if self.column.is_null(row) {
            return Ok(None);
        }
        let text = |column: &Option<Texts<'a>>| column.as_ref().and_then(|column| column.at(row));
        let storage = text(&self.storage).ok_or("storageType")?;
        let path = text(&self.path).ok_or("pathOrInlineDv")?;
        let offset = self.offset.as_ref().and_then(|offset| offset.at(row));
        Ok(Some(deletion_vector::identity(storage, path, offset)))
    }
}

/// Appends statistics from struct columns to an add that has none as JSON text; false when there are none.
fn synthesise(add: &StructArray, row: usize, body: &mut String) -> bool {
    let Some(parsed) = add.column_by_name(STATS_PARSED).filter(|parsed| parsed.is_valid(row)) else {
        return false;
    };
    let Some(parsed) = parsed.as_struct_opt() else { return false };
    let mut stats = String::new();
    let written = object(parsed, row, Inexact::Omit, |_| true, &mut stats);
    if written.is_err() || stats == "{}" {
        return false;
    }
    body.pop();
    body.push_str(",\"stats\":");
    quote(&stats, body);
    body.push('}');
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow_json::ReaderBuilder;
    use arrow_schema::{DataType, Field, Fields, Schema};

    fn structure(members: Vec<Field>) -> DataType {
        DataType::Struct(Fields::from(members))
    }

    fn nullable(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    fn schema(text: &DataType) -> Schema {
        let statistics = structure(vec![
            nullable("numRecords", DataType::Int64),
            nullable("minValues", structure(vec![nullable("a", DataType::Int64)])),
        ]);
        let vector = structure(vec![
            nullable("storageType", text.clone()),
            nullable("pathOrInlineDv", text.clone()),
            nullable("offset", DataType::Int32),
        ]);
        let add = structure(vec![
            nullable("path", text.clone()),
            nullable("size", DataType::Int64),
            nullable("stats", text.clone()),
            nullable("deletionVector", vector.clone()),
            nullable("stats_parsed", statistics),
            nullable("partitionValues_parsed", structure(vec![nullable("p", DataType::Int64)])),
            nullable("later", DataType::Boolean),
        ]);
        let remove = structure(vec![
            nullable("path", text.clone()),
            nullable("deletionTimestamp", DataType::Int64),
            nullable("deletionVector", vector),
        ]);
        Schema::new(vec![nullable("add", add), nullable("remove", remove)])
    }

    fn batch(json: &str, text: &DataType) -> RecordBatch {
        let mut reader = ReaderBuilder::new(Arc::new(schema(text))).build(json.as_bytes()).expect("reader");
        reader.next().expect("a batch").expect("batch")
    }

    const ROWS: &str = concat!(
        r#"{"add":{"path":"a","size":1,"stats":"{\"numRecords\":2}","stats_parsed":{"numRecords":2},"later":true}}"#,
        r#"{"add":{"path":"b","size":1,"stats_parsed":{"numRecords":3,"minValues":{"a":4}},"partitionValues_parsed":{"p":1}}}"#,
        r#"{"remove":{"path":"file:/x%20y","deletionTimestamp":7}}"#,
        r#"{"add":{"path":"c","size":9007199254740993,"deletionVector":{"storageType":"u","pathOrInlineDv":"v","offset":1}}}"#,
        r#"{"add":{"size":5},"remove":{"path":"c","deletionVector":{"storageType":"i","pathOrInlineDv":"w"}}}"#,
        r#"{"add":{"path":"gone","size":1}}"#,
    );

    #[test]
    fn keys_and_texts_are_those_of_the_actions() {
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
            let batch = batch(ROWS, &text);
            let adds = adds(&batch, |key| &*key.path == "gone").expect("adds");
            let expected = [
                (r#"{"path":"a","size":1,"stats":"{\"numRecords\":2}","later":true}"#, false),
                (r#"{"path":"b","size":1,"stats":"{\"numRecords\":3,\"minValues\":{\"a\":4}}"}"#, true),
                (
                    r#"{"path":"c","size":9007199254740993,"deletionVector":{"storageType":"u","pathOrInlineDv":"v","offset":1}}"#,
                    false,
                ),
            ];
            let shown: Vec<(&str, bool)> =
                adds.iter().map(|(_, add)| (add.raw.text(), add.stats_synthesised)).collect();
            assert_eq!(shown, expected);
            for (key, add) in &adds {
                let (parsed, again) = AddFile::parse(add.raw.clone()).expect("add");
                assert_eq!((key, add.size), (&parsed, again.size));
            }
            for (key, remove) in removes(&batch, |_| false).expect("removes") {
                let (parsed, again) = RemoveFile::parse(remove.raw.clone()).expect("remove");
                assert_eq!((key, remove.deletion_timestamp), (parsed, again.deletion_timestamp));
            }
            assert_eq!(removes(&batch, |_| false).expect("removes").len(), 2);
        }
    }

    #[test]
    fn what_the_protocol_asks_for_must_be_there() {
        let cases = [
            (r#"{"add":{"path":"a"}}"#, "required field `size` is missing"),
            (r#"{"add":{"path":"a","size":-1}}"#, "field `size` has an unexpected value"),
            (
                r#"{"add":{"path":"a","size":1,"deletionVector":{"storageType":"u"}}}"#,
                "required field `pathOrInlineDv` is missing",
            ),
        ];
        for (row, expected) in cases {
            let RowError::Object { source, .. } =
                adds(&batch(row, &DataType::Utf8), |_| false).expect_err(row)
            else {
                panic!("{row}");
            };
            assert!(source.to_string().starts_with(expected), "{source}");
        }
    }
}
