//! Columns of the types that writers of checkpoints use for one and the same field.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::DataType;

use super::arrow_json::NoJson;

/// A column of texts.
pub(super) enum Texts<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Result<Self, NoJson> {
        match array.data_type() {
            DataType::Utf8 => Ok(Self::Small(array.as_string())),
            DataType::LargeUtf8 => Ok(Self::Large(array.as_string())),
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            other => Err(NoJson { data_type: other.to_string() }),
        }
    }

    /// The text of a row; `None` when it is null.
    pub(super) fn at(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Small(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A column of whole numbers.
pub(super) enum Longs<'a> {
    Int(&'a Int32Array),
    Long(&'a Int64Array),
}

impl<'a> Longs<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Result<Self, NoJson> {
        match array.data_type() {
            DataType::Int32 => Ok(Self::Int(array.as_primitive::<Int32Type>())),
            DataType::Int64 => Ok(Self::Long(array.as_primitive::<Int64Type>())),
            other => Err(NoJson { data_type: other.to_string() }),
        }
    }

    /// The number of a row; `None` when it is null.
    pub(super) fn at(&self, row: usize) -> Option<i64> {
        match self {
            Self::Int(array) => array.is_valid(row).then(|| i64::from(array.value(row))),
            Self::Long(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}
