//! One Arrow value → JSON text, exactly: no number passes through a float, map entries keep their nulls,
//! absent struct members are left out.

use std::fmt::Write as _;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, GenericListArray, MapArray, OffsetSizeTrait, StructArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Days, NaiveDate};
use thiserror::Error;

use crate::delta::json::quote;

/// A value that has no exact JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a value of type {data_type} has no json form")]
pub struct NoJson {
    /// Type of the value.
    pub data_type: String,
}

/// What to do with struct members that have no exact JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inexact {
    /// It is an error.
    Refuse,
    /// Leave the member out: statistics may always be incomplete.
    Omit,
}

/// Appends the object of one row of a struct, members for which `keep` says no left out.
///
/// # Errors
/// [`NoJson`] when a member has no exact form and `inexact` says to refuse it.
pub fn object(
    array: &StructArray,
    row: usize,
    inexact: Inexact,
    keep: impl Fn(&str) -> bool,
    out: &mut String,
) -> Result<(), NoJson> {
    let open = out.len();
    for (field, column) in array.fields().iter().zip(array.columns()) {
        if column.is_null(row) || !keep(field.name()) {
            continue;
        }
        let before = out.len();
        out.push(if before == open { '{' } else { ',' });
        quote(field.name(), out);
        out.push(':');
        match (value(column.as_ref(), row, inexact, out), inexact) {
            (Ok(()), _) => {}
            (Err(_), Inexact::Omit) => out.truncate(before),
            (Err(error), Inexact::Refuse) => return Err(error),
        }
    }
    if out.len() == open {
        out.push('{');
    }
    out.push('}');
    Ok(())
}

/// Appends one value; null becomes `null`.
fn value(array: &dyn Array, row: usize, inexact: Inexact, out: &mut String) -> Result<(), NoJson> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(_) => return object(array.as_struct(), row, inexact, |_| true, out),
        DataType::Map(_, _) => return map(array.as_map(), row, inexact, out),
        DataType::List(_) => return list(array.as_list::<i32>(), row, inexact, out),
        DataType::LargeList(_) => return list(array.as_list::<i64>(), row, inexact, out),
        DataType::Utf8 => quote(array.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => quote(array.as_string::<i64>().value(row), out),
        DataType::Utf8View => quote(array.as_string_view().value(row), out),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int64 => integer(array.as_primitive::<Int64Type>().value(row), out),
        DataType::Int32 => integer(i64::from(array.as_primitive::<Int32Type>().value(row)), out),
        other => {
            let text = scalar(array, row, other).ok_or_else(|| NoJson { data_type: other.to_string() })?;
            out.push_str(&text);
        }
    }
    Ok(())
}

fn integer(number: i64, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{number}");
}

fn map(array: &MapArray, row: usize, inexact: Inexact, out: &mut String) -> Result<(), NoJson> {
    let (keys, values) = (array.keys().as_ref(), array.values().as_ref());
    out.push('{');
    for (nth, entry) in entries(array.value_offsets(), row).enumerate() {
        if nth > 0 {
            out.push(',');
        }
        value(keys, entry, inexact, out)?;
        out.push(':');
        value(values, entry, inexact, out)?;
    }
    out.push('}');
    Ok(())
}

fn list<O: OffsetSizeTrait>(
    array: &GenericListArray<O>,
    row: usize,
    inexact: Inexact,
    out: &mut String,
) -> Result<(), NoJson> {
    let items = array.values().as_ref();
    out.push('[');
    for (nth, item) in entries(array.value_offsets(), row).enumerate() {
        if nth > 0 {
            out.push(',');
        }
        value(items, item, inexact, out)?;
    }
    out.push(']');
    Ok(())
}

/// The entries of one row of a map or list, as indices into all entries.
fn entries<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> Range<usize> {
    let at = |row: usize| offsets.get(row).map_or(0, |offset| offset.as_usize());
    at(row)..at(row + 1)
}

/// Numbers as they print; dates and times as the statistics of the protocol spell them.
fn scalar(array: &dyn Array, row: usize, data_type: &DataType) -> Option<String> {
    let text = match data_type {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => float(array.as_primitive::<Float32Type>().value(row))?,
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row))?,
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(_, _) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row))?,
        DataType::Timestamp(unit, zone) => {
            let moment = moment(array, row, *unit)?;
            let digits = if moment.timestamp_subsec_nanos() % 1_000_000 == 0 { "%.3f" } else { "%.6f" };
            let zone = if zone.is_some() { "Z" } else { "" };
            format!("\"{}{zone}\"", moment.format(&format!("%Y-%m-%dT%H:%M:%S{digits}")))
        }
        _ => return None,
    };
    Some(text)
}

fn date(days: i32) -> Option<String> {
    let epoch = NaiveDate::default();
    let distance = Days::new(u64::from(days.unsigned_abs()));
    let date = if days < 0 { epoch.checked_sub_days(distance)? } else { epoch.checked_add_days(distance)? };
    Some(format!("\"{date}\""))
}

fn moment(array: &dyn Array, row: usize, unit: TimeUnit) -> Option<DateTime<chrono::Utc>> {
    match unit {
        TimeUnit::Second => {
            DateTime::from_timestamp(array.as_primitive::<TimestampSecondType>().value(row), 0)
        }
        TimeUnit::Millisecond => {
            DateTime::from_timestamp_millis(array.as_primitive::<TimestampMillisecondType>().value(row))
        }
        TimeUnit::Microsecond => {
            DateTime::from_timestamp_micros(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        TimeUnit::Nanosecond => {
            Some(DateTime::from_timestamp_nanos(array.as_primitive::<TimestampNanosecondType>().value(row)))
        }
    }
}

/// The shortest text that reads back as the same float; JSON has none for infinities and NaN.
fn float<F: Into<f64> + Copy + serde::Serialize>(number: F) -> Option<String> {
    number.into().is_finite().then(|| serde_json::to_string(&number).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow_array::builder::{MapBuilder, StringBuilder};
    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
        ListArray, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    };

    fn json(array: ArrayRef, inexact: Inexact) -> Result<String, NoJson> {
        let field = Arc::new(arrow_schema::Field::new("v", array.data_type().clone(), true));
        let row = StructArray::from(vec![(field, array)]);
        let mut out = String::new();
        object(&row, 0, inexact, |_| true, &mut out)?;
        Ok(out)
    }

    #[test]
    fn every_value_is_exact() {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("a\"b");
        map.values().append_null();
        map.append(true).expect("entry");
        let decimal = Decimal128Array::from(vec![-12_345_678_901_234_567_890_i128])
            .with_precision_and_scale(38, 10)
            .expect("decimal");
        let micros = |value: i64| TimestampMicrosecondArray::from(vec![value]);
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
        let cases: Vec<(ArrayRef, &str)> = vec![
            (Arc::new(Int64Array::from(vec![9_007_199_254_740_993])), r#"{"v":9007199254740993}"#),
            (Arc::new(Int64Array::from(vec![None::<i64>])), "{}"),
            (Arc::new(StringArray::from(vec!["ü\"\n"])), r#"{"v":"ü\"\n"}"#),
            (Arc::new(map.finish()), r#"{"v":{"a\"b":null}}"#),
            (Arc::new(list), r#"{"v":[1,null]}"#),
            (Arc::new(decimal), r#"{"v":-1234567890.1234567890}"#),
            (Arc::new(Date32Array::from(vec![-1])), r#"{"v":"1969-12-31"}"#),
            (Arc::new(micros(1_500_000)), r#"{"v":"1970-01-01T00:00:01.500"}"#),
            (Arc::new(micros(1).with_timezone("UTC")), r#"{"v":"1970-01-01T00:00:00.000001Z"}"#),
            (Arc::new(TimestampNanosecondArray::from(vec![1_000_000])), r#"{"v":"1970-01-01T00:00:00.001"}"#),
            (Arc::new(Float32Array::from(vec![0.1])), r#"{"v":0.1}"#),
            (Arc::new(Float64Array::from(vec![1e300])), r#"{"v":1e+300}"#),
        ];
        for (array, expected) in cases {
            assert_eq!(json(array, Inexact::Refuse).expect("json"), expected);
        }
    }

    #[test]
    fn what_has_no_json_form() {
        let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
        let binary: ArrayRef = Arc::new(BinaryArray::from(vec![&b"\xff"[..]]));
        for array in [nan, binary] {
            assert!(json(Arc::clone(&array), Inexact::Refuse).is_err());
            assert_eq!(json(array, Inexact::Omit).as_deref(), Ok("{}"));
        }
    }
}
