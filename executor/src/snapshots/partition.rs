//! Which partitions of a table are brought back.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use lakedr_control::id::TableName;
use object_store::path::Path;
use serde::Deserialize;

use super::error::SnapshotError;
use super::partition_value::normal;
use crate::delta::fingerprint::text_id;
use crate::delta::json::RawObject;
use crate::delta::state::{AddFile, TableHead};
use crate::error::{At as _, Failure, Stage};
use crate::observe::snapshot::Columns;
use crate::plan::diff::{AddAction, DiffRefusal, FileChange, TableDiff};
use crate::plan::followed::objects;
use crate::plan::group::TablePlan;
use crate::plan::translate::Translation;

/// A choice of partitions: every column that is named has to have one of the values that are named for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions(BTreeMap<String, BTreeSet<String>>);

/// A text that names no partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no partition: write column=value, for example date=2026-11-20; nothing behind = means null"
)]
pub struct InvalidPartition {
    given: String,
}

impl Partitions {
    /// Reads `column=value`, several times.
    ///
    /// # Errors
    /// [`InvalidPartition`]
    pub fn parse(given: &[String]) -> Result<Self, InvalidPartition> {
        let mut chosen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for given in given {
            let invalid = || InvalidPartition { given: given.clone() };
            let (column, value) =
                given.split_once('=').filter(|(column, _)| !column.is_empty()).ok_or_else(invalid)?;
            chosen.entry(column.to_owned()).or_default().insert(value.to_owned());
        }
        Ok(Self(chosen))
    }

    /// Whether all of a table is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The choice as it was given.
    pub(super) fn told(&self) -> Vec<String> {
        let told = |(column, values): (&String, &BTreeSet<String>)| -> Vec<String> {
            values.iter().map(|value| format!("{column}={value}")).collect()
        };
        self.0.iter().flat_map(told).collect()
    }

    /// The same choice by the names that the log has for the columns (protocol, "Column Mapping"), and by their types.
    pub(super) fn of(&self, table: &TableName, head: &TableHead) -> Result<Chosen, SnapshotError> {
        let fields = head.metadata.raw.fields();
        let columns: Vec<String> = fields.required("partitionColumns").unwrap_or_default();
        let schema: String = fields.required("schemaString").unwrap_or_default();
        let schema: Schema = serde_json::from_str(&schema).unwrap_or_default();
        let mapped = head.metadata.property("delta.columnMapping.mode").is_some_and(|mode| mode != "none");
        let mut chosen = Vec::new();
        for (wanted, values) in &self.0 {
            let column =
                columns.iter().find(|column| column.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
                    let (table, column, known) = (table.clone(), wanted.clone(), columns.join(", "));
                    SnapshotError::NoPartitionColumn { table, column, known }
                })?;
            let field = schema.fields.iter().find(|field| field.name == *column);
            let physical = field.filter(|_| mapped).and_then(|field| field.metadata.physical_name.as_deref());
            let kind = field.and_then(|field| field.kind.as_str()).unwrap_or_default();
            chosen.push(ChosenColumn::of(wanted, physical.unwrap_or(column), kind, values));
        }
        Ok(Chosen(chosen))
    }

    /// A plan that touches the chosen partitions of a table that there is, and nothing but files. A table that was made
    /// for them (`of_its_own`) has the protocol of a replica.
    ///
    /// # Errors
    /// When the table is not there, has no such columns, or is another one by now.
    pub(super) fn restrict(&self, mut plan: TablePlan, of_its_own: bool) -> Result<TablePlan, SnapshotError> {
        let table = plan.name().clone();
        let other =
            |problem: &str| SnapshotError::OtherSchema { table: table.clone(), problem: problem.to_owned() };
        let source = &plan.source.head;
        let held = plan.target.head.clone().ok_or_else(|| other("there is no such table any more"))?;
        if !of_its_own && !source.protocol.same(&held.protocol) {
            return Err(other("its protocol has changed"));
        }
        if !same_layout(source, &held) {
            return Err(other("its schema or its partition columns have changed"));
        }
        let chosen = self.of(&table, &held)?;
        let FileChange::Listed { mut adds, mut removes } = plan.diff.files else {
            return Err(other("there is no such table any more"));
        };
        adds.retain(|add| chosen.hold(&add.raw));
        removes.retain(|remove| chosen.hold(&remove.raw));
        let files = FileChange::Listed { adds, removes };
        let diff = TableDiff::new(&held, Some(&held), files, plan.diff.totals);
        plan.diff = TableDiff { source_version: source.version, ..diff };
        with_copies_of_adds(plan)
    }

    /// A plan that makes a table of the chosen partitions alone.
    ///
    /// # Errors
    /// When the table has no such columns, or its files cannot be read.
    pub(super) async fn begin(&self, mut plan: TablePlan) -> Result<TablePlan, Failure> {
        let name = plan.name().clone();
        let chosen = self.of(&name, &plan.source.head).at(Stage::Plan, &name)?;
        let translation = plan.translation().at(Stage::Plan, &name)?;
        let mut adds = Vec::new();
        if let Some(snapshot) = &plan.source.snapshot {
            let mut files = std::pin::pin!(snapshot.files(Columns::All));
            while let Some((key, add)) = files.try_next().await.at(Stage::Plan, &name)? {
                if chosen.hold(&add.raw) {
                    let raw = translation
                        .file(&key, &add)
                        .map_err(DiffRefusal::File)
                        .at(Stage::Plan, &name)?
                        .add
                        .raw;
                    adds.push(AddAction { raw, data_change: true });
                }
            }
        }
        let files = FileChange::Listed { adds, removes: Vec::new() };
        plan.diff = TableDiff::new(&plan.source.head, None, files, plan.diff.totals);
        with_copies_of_adds(plan).at(Stage::Plan, &name)
    }
}

/// The plan, which copies what its adds need and counts no more.
fn with_copies_of_adds(mut plan: TablePlan) -> Result<TablePlan, SnapshotError> {
    let FileChange::Listed { adds, removes } = &plan.diff.files else { return Ok(plan) };
    let translation = plan.source.table.translation().map_err(SnapshotError::Stores)?;
    let mut wanted = BTreeSet::new();
    for add in adds {
        wanted.extend(keys(&translation, &add.raw)?.iter().map(|key| text_id(key.as_ref())));
    }
    let mut copies = crate::copy::Manifest::new();
    for transfer in &plan.copies {
        let transfer = transfer.map_err(SnapshotError::Manifest)?;
        if wanted.contains(&text_id(transfer.target.key.as_ref())) {
            copies.push(&transfer).map_err(SnapshotError::Manifest)?;
        }
    }
    let totals = &mut plan.diff.totals;
    totals.removed_files = removes.len() as u64;
    (totals.copied_data_files, totals.copied_data_bytes) = (copies.len(), copies.bytes());
    plan.copies = copies;
    Ok(plan)
}

/// Whether files of one table fit the other one.
fn same_layout(a: &TableHead, b: &TableHead) -> bool {
    let layout = |head: &TableHead| {
        let fields = head.metadata.raw.fields();
        let columns: Vec<String> = fields.required("partitionColumns").unwrap_or_default();
        let schema: String = fields.required("schemaString").unwrap_or_default();
        (columns, schema)
    };
    layout(a) == layout(b)
}

/// The objects that a file needs, by their keys below the root of a table.
fn keys(translation: &Translation, raw: &RawObject) -> Result<Vec<Path>, SnapshotError> {
    let (key, add) = AddFile::parse(raw.clone()).map_err(DiffRefusal::Malformed)?;
    let file = translation.file(&key, &add).map_err(DiffRefusal::File)?;
    Ok(objects(&file).into_iter().map(|object| object.target_key).collect())
}

/// A choice of partitions of one table.
#[derive(Debug)]
pub(super) struct Chosen(Vec<ChosenColumn>);

/// A column, and the values of it that are chosen.
#[derive(Debug)]
struct ChosenColumn {
    /// As it was given.
    given: String,
    /// How the log calls it.
    name: String,
    /// Its type.
    kind: String,
    /// By what they mean, as they were given.
    values: BTreeMap<String, String>,
}

impl ChosenColumn {
    fn of(given: &str, name: &str, kind: &str, values: &BTreeSet<String>) -> Self {
        let values = values.iter().map(|value| (normal(kind, value), value.clone())).collect();
        Self { given: given.to_owned(), name: name.to_owned(), kind: kind.to_owned(), values }
    }

    /// The value of a file. Null and an empty text are one (protocol, "Partition Value Serialization").
    fn value<'a>(&self, values: &'a BTreeMap<String, Option<String>>) -> &'a str {
        values.get(&self.name).and_then(Option::as_deref).unwrap_or_default()
    }
}

impl Chosen {
    /// How many columns are named.
    pub(super) fn columns(&self) -> usize {
        self.0.len()
    }

    /// Whether a file lies in one of the partitions.
    fn hold(&self, file: &RawObject) -> bool {
        self.seen_in(file).0.len() == self.columns()
    }

    /// The chosen values that a file has, one for a column at most, and all that it has in the chosen columns.
    pub(super) fn seen_in(&self, file: &RawObject) -> (Vec<String>, String) {
        let values: BTreeMap<String, Option<String>> =
            file.fields().optional("partitionValues").unwrap_or_default().unwrap_or_default();
        let told = |column: &ChosenColumn, value: &str| format!("{}={value}", column.given);
        let all = self.0.iter().map(|column| told(column, column.value(&values)));
        let found = self.0.iter().filter_map(|column| {
            let given = column.values.get(&normal(&column.kind, column.value(&values)))?;
            Some(told(column, given))
        });
        (found.collect(), all.collect::<Vec<_>>().join(" "))
    }

    #[cfg(test)]
    pub(super) fn of_columns(partitions: &Partitions, kinds: &[(&str, &str)]) -> Self {
        let column = |(name, values): (&String, _)| {
            let kind = kinds.iter().find(|(column, _)| column == name).map_or("string", |(_, kind)| *kind);
            ChosenColumn::of(name, name, kind, values)
        };
        Self(partitions.0.iter().map(column).collect())
    }
}

/// What of a schema says how columns are called in the log.
#[derive(Debug, Default, Deserialize)]
struct Schema {
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    #[serde(default, rename = "type")]
    kind: serde_json::Value,
    #[serde(default)]
    metadata: FieldMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct FieldMetadata {
    #[serde(rename = "delta.columnMapping.physicalName")]
    physical_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_to_have_one_of_its_values() {
        let parse = |given: &[&str]| {
            Partitions::parse(&given.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        let chosen = parse(&["date=2026-11-20", "date=2026-11-21", "hour="]).unwrap();
        let chosen = Chosen::of_columns(&chosen, &[("date", "date"), ("hour", "integer")]);
        let holds = |values: &str| {
            let raw =
                RawObject::parse(&format!(r#"{{"path":"a","partitionValues":{values},"size":1}}"#)).unwrap();
            chosen.hold(&raw)
        };
        assert!(holds(r#"{"date":"2026-11-20","hour":null}"#));
        assert!(holds(r#"{"date":"2026-11-21","hour":""}"#));
        assert!(!holds(r#"{"date":"2026-11-22","hour":null}"#));
        assert!(!holds(r#"{"date":"2026-11-20","hour":"3"}"#));
        assert!(!holds("{}"));
        for bad in ["date", "=x", ""] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
        assert!(parse(&[]).unwrap().is_empty());
    }
}
