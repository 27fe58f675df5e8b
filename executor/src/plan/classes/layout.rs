//! The part of a schema that decides how a data file is read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::delta::state::Metadata;

/// The highest field id that the table ever gave away (protocol, "Column Mapping").
const MAX_FIELD_ID: &str = "delta.columnMapping.maxColumnId";
/// How columns of the schema find those of the files.
pub(super) const MAPPING_MODE: &str = "delta.columnMapping.mode";
const FIELD_ID: &str = "delta.columnMapping.id";
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";
/// Types that a field had before (protocol, "Type Widening").
const TYPE_CHANGES: &str = "delta.typeChanges";

/// What names a column in a data file, from the outermost field inwards.
type Place = Vec<String>;

#[derive(Debug)]
struct Column {
    id: Option<i64>,
    kind: Value,
    type_changes: Vec<Value>,
}

/// The columns of a schema by their place in the data files.
#[derive(Debug)]
pub(super) struct Layout {
    mapped: bool,
    max_id: i64,
    columns: BTreeMap<Place, Column>,
    partitioning: Vec<Place>,
}

impl Layout {
    /// None when the schema cannot be read.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let mapped = metadata.property(MAPPING_MODE).is_some_and(|mode| !mode.eq_ignore_ascii_case("none"));
        let fields = metadata.raw.fields();
        let schema: String = fields.required("schemaString").ok()?;
        let schema: Value = serde_json::from_str(&schema).ok()?;
        let mut columns = Columns { mapped, found: BTreeMap::new() };
        columns.fields(&schema, &Vec::new())?;
        let names: Vec<String> = fields.required("partitionColumns").ok()?;
        let top_level = schema.get("fields")?.as_array()?;
        let partitioning = names.iter().map(|name| {
            let field =
                top_level.iter().find(|field| field.get("name").and_then(Value::as_str) == Some(name))?;
            Some(vec![columns.name(field)?])
        });
        let given = metadata.property(MAX_FIELD_ID).and_then(|id| id.parse().ok()).unwrap_or(0);
        let used = columns.found.values().filter_map(|column| column.id).max().unwrap_or(0);
        Some(Self {
            mapped,
            max_id: used.max(given),
            partitioning: partitioning.collect::<Option<_>>()?,
            columns: columns.found,
        })
    }

    /// Whether a file reads the same under `next` as under this layout, whatever columns it holds.
    ///
    /// A renamed or dropped column of a mapped table leaves the others alone, since physical names and ids
    /// are never used twice. Without mapping, a file may still hold the values of a dropped column, and a
    /// column of the same name would bring them back: any other set of columns reads otherwise.
    pub(super) fn reads_alike(&self, next: &Self) -> bool {
        let kept = self.columns.iter().filter_map(|(place, old)| Some((old, next.columns.get(place)?)));
        let mut added = next.columns.iter().filter(|(place, _)| !self.columns.contains_key(*place));
        let dropped = self.columns.keys().any(|place| !next.columns.contains_key(place));
        self.mapped == next.mapped
            && self.partitioning == next.partitioning
            && kept.into_iter().all(|(old, new)| old.reads_alike(new))
            && (self.mapped || !dropped)
            && added.all(|(place, column)| self.mapped && self.is_fresh(place, column))
    }

    /// Whether no file can hold anything for an added column: its id was never given away before, or that of
    /// a field around it. A name that is handed on from a dropped field is not fresh, whatever its id.
    fn is_fresh(&self, place: &Place, column: &Column) -> bool {
        let Some((name, around)) = place.split_last() else { return false };
        if !around.is_empty() && !self.columns.contains_key(around) {
            return true;
        }
        let handed_on = self.columns.keys().any(|old| {
            old.split_last().is_some_and(|(old, other)| other == around && physical(old) == physical(name))
        });
        !handed_on && column.id.is_some_and(|id| id > self.max_id)
    }
}

/// The physical name in a mapped name.
fn physical(name: &str) -> Option<&str> {
    name.split_once(':').map(|(_, physical)| physical)
}

impl Column {
    fn reads_alike(&self, next: &Self) -> bool {
        let kept = self.type_changes.iter().all(|change| next.type_changes.contains(change));
        let widened = || {
            let mut added = next.type_changes.iter().filter(|change| !self.type_changes.contains(change));
            added.any(|change| {
                change.get("fromType") == Some(&self.kind) && change.get("toType") == Some(&next.kind)
            })
        };
        kept && (self.kind == next.kind || widened())
    }
}

struct Columns {
    mapped: bool,
    found: BTreeMap<Place, Column>,
}

impl Columns {
    /// The name of a field in the data files.
    fn name(&self, field: &Value) -> Option<String> {
        if !self.mapped {
            return field.get("name")?.as_str().map(str::to_owned);
        }
        let metadata = field.get("metadata")?;
        let id = metadata.get(FIELD_ID)?.as_i64()?;
        Some(format!("{id}:{}", metadata.get(PHYSICAL_NAME)?.as_str()?))
    }

    fn fields(&mut self, record: &Value, around: &Place) -> Option<()> {
        for field in record.get("fields")?.as_array()? {
            let metadata = field.get("metadata");
            let id = metadata.and_then(|metadata| metadata.get(FIELD_ID)).and_then(Value::as_i64);
            let changes = metadata.and_then(|metadata| metadata.get(TYPE_CHANGES)).and_then(Value::as_array);
            let mut place = around.clone();
            place.push(self.name(field)?);
            self.column(field.get("type")?, &place, id, changes.unwrap_or(&Vec::new()))?;
        }
        Some(())
    }

    fn column(&mut self, kind: &Value, place: &Place, id: Option<i64>, changes: &[Value]) -> Option<()> {
        let container = kind.get("type").and_then(Value::as_str);
        let parts: &[&str] = match container {
            Some("array") => &["elementType"],
            Some("map") => &["keyType", "valueType"],
            _ => &[],
        };
        for part in parts {
            let mut inner = place.clone();
            inner.push((*part).to_owned());
            self.column(kind.get(part)?, &inner, id, changes)?;
        }
        if container == Some("struct") {
            self.fields(kind, place)?;
        }
        let whole = container.is_none_or(|name| name != "struct" && parts.is_empty());
        let kind = if whole { kind.clone() } else { Value::from(container) };
        self.found.insert(place.clone(), Column { id, kind, type_changes: changes.to_vec() });
        Some(())
    }
}
