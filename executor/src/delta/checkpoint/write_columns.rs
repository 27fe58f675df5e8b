//! The columns that the actions of one table need: the protocol's, and those of fields beyond it.

use arrow_schema::{DataType, Schema};
use serde_json::Value;
use serde_json::value::RawValue;

use super::schema::{NoColumn, add, widen, widen_schema};
use super::write::CheckpointError;
use crate::delta::json::{Fields, RawObject};

/// The columns of `add` in a checkpoint.
///
/// A Parquet file has one schema, so every column must be known before its first row. Nearly every table gets by with
/// [`AddColumns::default`]; an add that does not fit is told by [`CheckpointError::Unforeseen`], and the columns then
/// have to be widened by every add of the table before the file is begun anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddColumns(DataType);

impl Default for AddColumns {
    /// The fields that the protocol names (protocol, "Add File and Remove File").
    fn default() -> Self {
        Self(add())
    }
}

impl AddColumns {
    /// Widens the columns where an add carries more than they hold.
    ///
    /// # Errors
    /// [`CheckpointError::NoColumn`] when no column can hold what this add carries beside what others carry.
    pub fn widen(&mut self, add: &RawObject) -> Result<(), CheckpointError> {
        if self.lacks(&add.fields()).is_some() {
            self.0 = widen(&self.0, "add", &serde_json::from_str::<Value>(add.text())?)?;
        }
        Ok(())
    }

    /// A field of an add, or inside of one, that has no column.
    pub(super) fn lacks(&self, add: &Fields<'_>) -> Option<String> {
        unforeseen(&self.0, add)
    }

    pub(super) fn data_type(&self) -> DataType {
        self.0.clone()
    }
}

/// The columns of a checkpoint with those that the actions of its head carry beside.
///
/// # Errors
/// [`CheckpointError::NoColumn`] when no column can hold a field, or its value does not tell a type.
pub(super) fn with_head(mut schema: Schema, lines: &[String]) -> Result<Schema, CheckpointError> {
    let lacks = |schema: &Schema, line: &str| {
        let columns = DataType::Struct(schema.fields().clone());
        unforeseen(&columns, &RawObject::assembled(line).fields())
    };
    for line in lines {
        if lacks(&schema, line).is_some() {
            schema = widen_schema(&schema, &serde_json::from_str(line)?)?;
        }
        if let Some(field) = lacks(&schema, line) {
            return Err(CheckpointError::NoColumn(NoColumn { field }));
        }
    }
    Ok(schema)
}

fn unforeseen(columns: &DataType, object: &Fields<'_>) -> Option<String> {
    let DataType::Struct(known) = columns else { return None };
    object.iter().filter(|(_, value)| value.get() != "null").find_map(|(name, value)| {
        let Some((_, column)) = known.find(name) else { return Some(name.to_owned()) };
        unforeseen_inside(column.data_type(), name, value)
    })
}

fn unforeseen_inside(column: &DataType, name: &str, value: &RawValue) -> Option<String> {
    match column {
        DataType::Struct(_) => unforeseen(column, &Fields::parse(value.get()).ok()?),
        // The protocol has no list in an add, so these are few: looked at in full.
        DataType::List(_) => {
            let fits = serde_json::from_str::<Value>(value.get())
                .is_ok_and(|value| widen(column, name, &value).is_ok_and(|widened| widened == *column));
            (!fits).then(|| name.to_owned())
        }
        _ => None,
    }
}
