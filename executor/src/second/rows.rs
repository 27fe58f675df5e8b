use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, MapArray, RecordBatch, StructArray};

use super::live_file::{LiveFile, Stats, Values, Vector};
use crate::delta::root::canonical;
use crate::delta::state::FileKey;

/// The files of a batch of the kernel's scan, those that are selected. Rows beyond the selection are.
///
/// # Errors
/// A text that names the column that is not as it should be.
pub(super) fn scanned(batch: &RecordBatch, selection: &[bool]) -> Result<Vec<LiveFile>, String> {
    let constants = structure(batch.column_by_name("fileConstantValues"), "fileConstantValues")?;
    let columns = Columns::of(|name| batch.column_by_name(name), |name| constants.column_by_name(name))?;
    columns.files(batch.num_rows(), selection)
}

/// The files that a batch of commits adds, those that are selected. Rows beyond the selection are.
///
/// # Errors
/// A text that names the column that is not as it should be.
pub(super) fn added(batch: &RecordBatch, selection: &[bool]) -> Result<Vec<LiveFile>, String> {
    let add = structure(batch.column_by_name("add"), "add")?;
    let field = |name: &str| add.column_by_name(name);
    Columns::of(field, field)?.files(batch.num_rows(), selection)
}

/// The columns of a batch.
struct Columns<'a> {
    path: &'a ArrayRef,
    size: &'a ArrayRef,
    modification_time: &'a ArrayRef,
    stats: &'a ArrayRef,
    vector: &'a StructArray,
    partition_values: &'a ArrayRef,
    tags: &'a ArrayRef,
    base_row_id: &'a ArrayRef,
    default_row_commit_version: &'a ArrayRef,
    clustering_provider: &'a ArrayRef,
}

impl<'a> Columns<'a> {
    /// What changes from row to row, and what is the same for all rows of a file.
    fn of(
        column: impl Fn(&str) -> Option<&'a ArrayRef>,
        constant: impl Fn(&str) -> Option<&'a ArrayRef>,
    ) -> Result<Self, String> {
        let of_row = |name: &str| column(name).ok_or_else(|| missing(name));
        let of_file = |name: &str| constant(name).ok_or_else(|| missing(name));
        Ok(Self {
            path: of_row("path")?,
            size: of_row("size")?,
            modification_time: of_row("modificationTime")?,
            stats: of_row("stats")?,
            vector: structure(column("deletionVector"), "deletionVector")?,
            partition_values: of_file("partitionValues")?,
            tags: of_file("tags")?,
            base_row_id: of_file("baseRowId")?,
            default_row_commit_version: of_file("defaultRowCommitVersion")?,
            clustering_provider: of_file("clusteringProvider")?,
        })
    }

    fn files(&self, rows: usize, selection: &[bool]) -> Result<Vec<LiveFile>, String> {
        let selected = (0..rows).filter(|row| selection.get(*row).copied().unwrap_or(true));
        selected.map(|row| self.file(row)).collect()
    }

    fn file(&self, row: usize) -> Result<LiveFile, String> {
        let path = text(self.path, row, "path")?.ok_or_else(|| missing("path"))?;
        let (id, vector) = self.vector(row)?.unzip();
        Ok(LiveFile {
            key: FileKey { path: canonical(&path).into(), vector: id },
            size: long(self.size, row, "size")?.ok_or_else(|| missing("size"))?,
            modification_time: long(self.modification_time, row, "modificationTime")?,
            vector,
            partition_values: values(self.partition_values, row)?,
            tags: values(self.tags, row)?,
            stats: Stats::Logged(text(self.stats, row, "stats")?),
            base_row_id: long(self.base_row_id, row, "baseRowId")?,
            default_row_commit_version: long(
                self.default_row_commit_version,
                row,
                "defaultRowCommitVersion",
            )?,
            clustering_provider: text(self.clustering_provider, row, "clusteringProvider")?,
        })
    }

    /// Identity of a deletion vector (protocol, "Derived Fields", `uniqueId`), and what it comes to.
    fn vector(&self, row: usize) -> Result<Option<(Box<str>, Vector)>, String> {
        let field = |name: &str| member(self.vector, name);
        if self.vector.is_null(row) {
            return Ok(None);
        }
        let Some(storage) = text(field("storageType")?, row, "storageType")? else { return Ok(None) };
        let path = text(field("pathOrInlineDv")?, row, "pathOrInlineDv")?.unwrap_or_default();
        let id = match int(field("offset")?, row, "offset")? {
            Some(offset) => format!("{storage}{path}@{offset}"),
            None => format!("{storage}{path}"),
        };
        let size = int(field("sizeInBytes")?, row, "sizeInBytes")?.ok_or_else(|| missing("sizeInBytes"))?;
        let cardinality = long(field("cardinality")?, row, "cardinality")?;
        let cardinality = cardinality.ok_or_else(|| missing("cardinality"))?;
        Ok(Some((id.into(), Vector { size: size.into(), cardinality })))
    }
}

fn member<'a>(of: &'a StructArray, name: &str) -> Result<&'a ArrayRef, String> {
    of.column_by_name(name).ok_or_else(|| missing(name))
}

fn structure<'a>(column: Option<&'a ArrayRef>, name: &str) -> Result<&'a StructArray, String> {
    column.ok_or_else(|| missing(name))?.as_struct_opt().ok_or_else(|| mistyped(name))
}

fn missing(name: &str) -> String {
    format!("`{name}` is missing")
}

fn mistyped(name: &str) -> String {
    format!("`{name}` has an unexpected type")
}

fn text(array: &ArrayRef, row: usize, name: &str) -> Result<Option<String>, String> {
    let array = array.as_string_opt::<i32>().ok_or_else(|| mistyped(name))?;
    Ok(array.is_valid(row).then(|| array.value(row).to_owned()))
}

fn long(array: &ArrayRef, row: usize, name: &str) -> Result<Option<i64>, String> {
    let array = array.as_primitive_opt::<Int64Type>().ok_or_else(|| mistyped(name))?;
    Ok(array.is_valid(row).then(|| array.value(row)))
}

fn int(array: &ArrayRef, row: usize, name: &str) -> Result<Option<i32>, String> {
    let array = array.as_primitive_opt::<Int32Type>().ok_or_else(|| mistyped(name))?;
    Ok(array.is_valid(row).then(|| array.value(row)))
}

/// A map of texts; an absent one is empty.
fn values(array: &ArrayRef, row: usize) -> Result<Values, String> {
    let map: &MapArray = array.as_map_opt().ok_or_else(|| mistyped("map"))?;
    if map.is_null(row) {
        return Ok(Values::new());
    }
    let entries = map.value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    let entry = |at: usize| {
        let key = text(keys, at, "key")?.ok_or_else(|| missing("key"))?;
        Ok((key, text(values, at, "value")?))
    };
    (0..entries.len()).map(entry).collect()
}
