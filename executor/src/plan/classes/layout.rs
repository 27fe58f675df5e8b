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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::json::RawObject;

    /// A field: name, type, and metadata where `#id:physical` stands for a column mapping.
    fn field((name, kind, extra): &(&str, &str, &str)) -> String {
        let kind = if kind.starts_with('{') { (*kind).to_owned() } else { format!("\"{kind}\"") };
        let mapping = extra.strip_prefix('#').and_then(|text| text.split_once(':'));
        let metadata = mapping.map_or_else(
            || (*extra).to_owned(),
            |(id, physical)| format!(r#""{FIELD_ID}":{id},"{PHYSICAL_NAME}":"{physical}""#),
        );
        format!(r#"{{"name":"{name}","type":{kind},"nullable":true,"metadata":{{{metadata}}}}}"#)
    }

    fn record(fields: &[(&str, &str, &str)]) -> String {
        let fields: Vec<String> = fields.iter().map(field).collect();
        format!(r#"{{"type":"struct","fields":[{}]}}"#, fields.join(","))
    }

    fn layout(fields: &[(&str, &str, &str)], partitioning: &str, mode: &str) -> Option<Layout> {
        let schema = Value::from(record(fields)).to_string();
        Layout::of(
            &Metadata::parse(
                RawObject::parse(&format!(
                    r#"{{"id":"t","format":{{"provider":"parquet"}},"schemaString":{schema},"partitionColumns":[{partitioning}],"configuration":{{"{MAPPING_MODE}":"{mode}","{MAX_FIELD_ID}":"9"}}}}"#
                ))
                .expect("json"),
            )
            .expect("metadata"),
        )
    }

    type Fields<'a> = &'a [(&'a str, &'a str, &'a str)];

    #[test]
    fn without_mapping_a_name_is_all_there_is() {
        let inner = |kind| record(&[("b", kind, "")]);
        let list = |kind: &str| format!(r#"{{"type":"array","elementType":"{kind}","containsNull":true}}"#);
        let change =
            |from: &str, to: &str| format!(r#""{TYPE_CHANGES}":[{{"fromType":"{from}","toType":"{to}"}}]"#);
        let (widened, other) = (change("integer", "long"), change("short", "long"));
        let (long, deep) = (inner("long"), inner("integer"));
        let (longs, integers) = (list("long"), list("integer"));
        let cases: [(Fields<'_>, Fields<'_>, bool); 12] = [
            (&[("a", "long", "")], &[("a", "long", r#""comment":"x""#)], true),
            (&[("a", "long", ""), ("b", "long", "")], &[("b", "long", ""), ("a", "long", "")], true),
            (&[("a", "long", "")], &[("a", "string", "")], false),
            (&[("a", "integer", "")], &[("a", "long", "")], false),
            (&[("a", "integer", "")], &[("a", "long", &widened)], true),
            (&[("a", "integer", "")], &[("a", "long", &other)], false),
            (&[("a", "long", &widened)], &[("a", "long", "")], false),
            (&[("a", "long", "")], &[("a", "long", ""), ("b", "long", "")], false),
            (&[("a", "long", ""), ("b", "long", "")], &[("a", "long", "")], false),
            (&[("a", &deep, "")], &[("a", &long, "")], false),
            (&[("a", &integers, "")], &[("a", &longs, "")], false),
            (&[("a", &integers, "")], &[("a", &longs, &widened)], true),
        ];
        for (before, after, expected) in cases {
            let (before, after) = (layout(before, "", "none"), layout(after, "", "none"));
            let (before, after) = (before.expect("layout"), after.expect("layout"));
            assert_eq!(before.reads_alike(&after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn with_mapping_names_and_ids_are_never_used_twice() {
        let a = ("a", "long", "#1:a");
        let inner = record(&[("x", "long", "#3:col-x")]);
        let more = record(&[("x", "long", "#3:col-x"), ("y", "long", "#11:col-y")]);
        let reused = record(&[("x", "long", "#3:col-x"), ("y", "long", "#7:col-y")]);
        let added = record(&[("y", "long", "#12:col-y")]);
        let cases: [(Fields<'_>, Fields<'_>, bool); 11] = [
            (&[a], &[("renamed", "long", "#1:a")], true),
            (&[a, ("b", "long", "#2:b")], &[a], true),
            (&[a], &[a, ("b", "long", "#10:col-b")], true),
            (&[a], &[a, ("b", "long", "#9:col-b")], false),
            (&[a], &[("a", "long", "#1:other")], false),
            (&[a], &[("a", "long", "#10:a")], false),
            (&[a], &[("a", "string", "#1:a")], false),
            (&[a, ("s", &inner, "#2:s")], &[a, ("s", &more, "#2:s")], true),
            (&[a, ("s", &inner, "#2:s")], &[a, ("s", &reused, "#2:s")], false),
            (&[a], &[a, ("s", &added, "#11:s")], true),
            (&[a], &[a, ("s", &added, "#8:s")], false),
        ];
        for (before, after, expected) in cases {
            let (before, after) = (layout(before, "", "name"), layout(after, "", "name"));
            let (before, after) = (before.expect("layout"), after.expect("layout"));
            assert_eq!(before.reads_alike(&after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn partitioning_counts_by_what_the_files_say() {
        let (a, b) = (("a", "long", "#1:a"), ("b", "long", "#2:b"));
        let renamed = ("c", "long", "#1:a");
        let of = |fields: Fields<'_>, columns: &str| layout(fields, columns, "name").expect("layout");
        assert!(of(&[a, b], r#""a""#).reads_alike(&of(&[renamed, b], r#""c""#)));
        assert!(!of(&[a, b], r#""a""#).reads_alike(&of(&[a, b], r#""b""#)));
        assert!(!of(&[a, b], "").reads_alike(&of(&[a, b], r#""b""#)));
    }

    #[test]
    fn what_cannot_be_read_is_no_layout() {
        assert!(layout(&[("a", "long", "")], "", "name").is_none());
        assert!(layout(&[("a", "long", "")], r#""b""#, "none").is_none());
    }
}
