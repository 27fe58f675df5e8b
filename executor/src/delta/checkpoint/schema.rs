//! The columns of a checkpoint: those that the protocol names, widened by fields that a table's own actions
//! carry beyond it.

use arrow_schema::{DataType, Field, Fields, Schema};
use serde_json::Value;
use thiserror::Error;

/// A field that the protocol does not name, and that has no type a column could have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field `{field}` has values that no single column can hold exactly")]
pub struct NoColumn {
    /// Name of the field.
    pub field: String,
}

/// Whether a checkpoint has the head of the V2 specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The original content.
    V1,
    /// With `checkpointMetadata`, all files inline.
    V2,
}

/// The columns of a checkpoint (protocol, "Checkpoint Schema"), with `add` as given.
#[must_use]
pub fn checkpoint_schema(content: Content, add: DataType) -> Schema {
    let mut columns = vec![
        column("txn", structure([text("appId"), long("version"), long("lastUpdated")])),
        column("add", add),
        column("remove", remove()),
        column("metaData", metadata()),
        column("protocol", protocol()),
        column("domainMetadata", structure([text("domain"), text("configuration"), flag("removed")])),
    ];
    if content == Content::V2 {
        columns.push(column("checkpointMetadata", structure([long("version"), column("tags", text_map())])));
        columns.push(column(
            "sidecar",
            structure([
                text("path"),
                long("sizeInBytes"),
                long("modificationTime"),
                column("tags", text_map()),
            ]),
        ));
    }
    Schema::new(columns)
}

/// The fields of an add that the protocol names.
#[must_use]
pub fn add() -> DataType {
    structure([
        text("path"),
        column("partitionValues", text_map()),
        long("size"),
        long("modificationTime"),
        flag("dataChange"),
        text("stats"),
        column("tags", text_map()),
        column("deletionVector", deletion_vector()),
        long("baseRowId"),
        long("defaultRowCommitVersion"),
        text("clusteringProvider"),
    ])
}

fn remove() -> DataType {
    structure([
        text("path"),
        long("deletionTimestamp"),
        flag("dataChange"),
        flag("extendedFileMetadata"),
        column("partitionValues", text_map()),
        long("size"),
        column("tags", text_map()),
        column("deletionVector", deletion_vector()),
        long("baseRowId"),
        long("defaultRowCommitVersion"),
    ])
}

fn metadata() -> DataType {
    structure([
        text("id"),
        text("name"),
        text("description"),
        column("format", structure([text("provider"), column("options", text_map())])),
        text("schemaString"),
        column("partitionColumns", texts()),
        column("configuration", text_map()),
        long("createdTime"),
    ])
}

fn protocol() -> DataType {
    structure([
        int("minReaderVersion"),
        int("minWriterVersion"),
        column("readerFeatures", texts()),
        column("writerFeatures", texts()),
    ])
}

fn deletion_vector() -> DataType {
    structure([
        text("storageType"),
        text("pathOrInlineDv"),
        int("offset"),
        int("sizeInBytes"),
        long("cardinality"),
    ])
}

/// Widens the columns of a checkpoint so that they hold an action: `line` is the action as a line of a commit.
///
/// # Errors
/// As [`widen`].
pub fn widen_schema(schema: &Schema, line: &Value) -> Result<Schema, NoColumn> {
    match widen(&DataType::Struct(schema.fields().clone()), "action", line)? {
        DataType::Struct(columns) => Ok(Schema::new(columns)),
        _ => Ok(schema.clone()),
    }
}

/// Widens a type so that it holds a value: members that a struct lacks are added with the type of their
/// value. Null says nothing about a type.
///
/// # Errors
/// [`NoColumn`] when values of one field need different types, or a number is no 64-bit integer.
pub fn widen(known: &DataType, name: &str, value: &Value) -> Result<DataType, NoColumn> {
    let no_column = || NoColumn { field: name.to_owned() };
    match (known, value) {
        (_, Value::Null) => Ok(known.clone()),
        (DataType::Struct(fields), Value::Object(members)) => {
            let mut fields: Vec<Field> = fields.iter().map(|field| field.as_ref().clone()).collect();
            for (member, value) in members {
                match fields.iter().position(|field| field.name() == member) {
                    Some(at) => {
                        let widened = widen(fields[at].data_type(), member, value)?;
                        fields[at] = column(member, widened);
                    }
                    None => fields.extend(infer(member, value)?.map(|found| column(member, found))),
                }
            }
            Ok(DataType::Struct(Fields::from(fields)))
        }
        (DataType::List(item), Value::Array(items)) => {
            let mut widened = item.data_type().clone();
            for item in items {
                widened = widen(&widened, name, item)?;
            }
            Ok(list(widened))
        }
        (DataType::Map(_, _), Value::Object(members)) if members.values().all(is_text) => Ok(known.clone()),
        (DataType::Int32 | DataType::Int64, Value::Number(number)) if number.is_i64() => Ok(known.clone()),
        (DataType::Utf8, Value::String(_)) | (DataType::Boolean, Value::Bool(_)) => Ok(known.clone()),
        _ => Err(no_column()),
    }
}

/// The type of a value that no column exists for yet; nothing for null and for empty lists.
fn infer(name: &str, value: &Value) -> Result<Option<DataType>, NoColumn> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(_) => DataType::Boolean,
        Value::Number(number) if number.is_i64() => DataType::Int64,
        Value::Number(_) => return Err(NoColumn { field: name.to_owned() }),
        Value::String(_) => DataType::Utf8,
        Value::Object(members) if members.values().all(is_text) => text_map(),
        Value::Object(_) => widen(&DataType::Struct(Fields::empty()), name, value)?,
        Value::Array(items) => {
            let first = items.iter().map(|item| infer(name, item)).find_map(Result::transpose).transpose()?;
            let Some(first) = first else { return Ok(None) };
            widen(&list(first), name, value)?
        }
    }))
}

fn is_text(value: &Value) -> bool {
    value.is_null() || value.is_string()
}

fn column(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn structure<const N: usize>(members: [Field; N]) -> DataType {
    DataType::Struct(Fields::from_iter(members))
}

fn text(name: &str) -> Field {
    column(name, DataType::Utf8)
}

fn long(name: &str) -> Field {
    column(name, DataType::Int64)
}

fn int(name: &str) -> Field {
    column(name, DataType::Int32)
}

fn flag(name: &str) -> Field {
    column(name, DataType::Boolean)
}

fn list(item: DataType) -> DataType {
    DataType::List(column("element", item).into())
}

fn texts() -> DataType {
    list(DataType::Utf8)
}

fn text_map() -> DataType {
    let entries = structure([Field::new("key", DataType::Utf8, false), text("value")]);
    DataType::Map(Field::new("key_value", entries, false).into(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn widened(values: &[Value]) -> Result<DataType, NoColumn> {
        values.iter().try_fold(add(), |known, value| widen(&known, "add", value))
    }

    fn member(data_type: &DataType, name: &str) -> DataType {
        let DataType::Struct(fields) = data_type else { panic!("no struct") };
        fields.find(name).expect(name).1.data_type().clone()
    }

    #[test]
    fn known_fields_stay_and_unknown_ones_get_columns() {
        let found = widened(&[
            json!({"path":"a","size":1,"tags":{"k":null},"later":null}),
            json!({"path":"b","later":7,"deletionVector":{"maxRowIndex":3},"nested":{"a":1,"b":[{"c":true}]}}),
            json!({"path":"c","later":8,"labels":{"x":"y"},"none":[]}),
        ])
        .expect("columns");
        assert_eq!(member(&found, "later"), DataType::Int64);
        assert_eq!(member(&found, "labels"), text_map());
        assert_eq!(member(&member(&found, "deletionVector"), "maxRowIndex"), DataType::Int64);
        assert_eq!(member(&member(&found, "nested"), "a"), DataType::Int64);
        let DataType::Struct(fields) = &found else { panic!("no struct") };
        assert!(fields.find("none").is_none());
        assert_eq!(widened(&[json!({"path":"a","size":1})]), Ok(add()));
    }

    #[test]
    fn what_no_column_can_hold() {
        let cases = [
            (vec![json!({"later":1.5})], "later"),
            (vec![json!({"later":1}), json!({"later":"1"})], "later"),
            (vec![json!({"later":18_446_744_073_709_551_615_u64})], "later"),
            (vec![json!({"size":"1"})], "size"),
        ];
        for (values, field) in cases {
            assert_eq!(widened(&values), Err(NoColumn { field: field.to_owned() }));
        }
    }
}
