//! Rows as Arrow batches, in the columns of their tables.

use std::sync::Arc;

use anyhow::Result;
use deltalake::arrow::array::{ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, StringArray};
use deltalake::arrow::record_batch::RecordBatch;
use deltalake::kernel::{DataType, PrimitiveType, StructField};

use crate::orders::{Order, Total};

/// Columns of bronze: whatever came in.
pub(crate) fn bronze_columns() -> Vec<StructField> {
    columns(&[
        ("id", PrimitiveType::Long),
        ("run", PrimitiveType::Integer),
        ("day", PrimitiveType::Date),
        ("place", PrimitiveType::String),
        ("cents", PrimitiveType::Long),
        ("cancelled", PrimitiveType::Boolean),
    ])
}

/// Columns of silver: the latest word on each order.
pub(crate) fn silver_columns() -> Vec<StructField> {
    bronze_columns().into_iter().filter(|column| column.name() != "cancelled").collect()
}

/// Columns of gold: totals.
pub(crate) fn gold_columns() -> Vec<StructField> {
    columns(&[
        ("day", PrimitiveType::Date),
        ("place", PrimitiveType::String),
        ("orders", PrimitiveType::Long),
        ("cents", PrimitiveType::Long),
    ])
}

fn columns(named: &[(&str, PrimitiveType)]) -> Vec<StructField> {
    let field = |(name, kind): &(&str, PrimitiveType)| {
        StructField::nullable(*name, DataType::Primitive(kind.clone()))
    };
    named.iter().map(field).collect()
}

/// Rows of bronze.
pub(crate) fn bronze(orders: &[Order]) -> Result<RecordBatch> {
    let mut arrays = order_arrays(orders);
    let cancelled: BooleanArray = orders.iter().map(|order| Some(order.cancelled)).collect();
    arrays.push(("cancelled", Arc::new(cancelled)));
    Ok(RecordBatch::try_from_iter(arrays)?)
}

/// Rows of silver.
pub(crate) fn silver(orders: &[Order]) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter(order_arrays(orders))?)
}

/// Rows of gold.
pub(crate) fn gold(totals: &[Total]) -> Result<RecordBatch> {
    let day: Date32Array = totals.iter().map(|total| Some(total.day)).collect();
    let place: StringArray = totals.iter().map(|total| Some(total.place)).collect();
    let orders: Int64Array = totals.iter().map(|total| Some(total.orders)).collect();
    let cents: Int64Array = totals.iter().map(|total| Some(total.cents)).collect();
    Ok(RecordBatch::try_from_iter([
        ("day", Arc::new(day) as ArrayRef),
        ("place", Arc::new(place)),
        ("orders", Arc::new(orders)),
        ("cents", Arc::new(cents)),
    ])?)
}

fn order_arrays(orders: &[Order]) -> Vec<(&'static str, ArrayRef)> {
    let id: Int64Array = orders.iter().map(|order| Some(order.id)).collect();
    let run: Int32Array = orders.iter().map(|order| Some(order.run)).collect();
    let day: Date32Array = orders.iter().map(|order| Some(order.day)).collect();
    let place: StringArray = orders.iter().map(|order| Some(order.place)).collect();
    let cents: Int64Array = orders.iter().map(|order| Some(order.cents)).collect();
    vec![
        ("id", Arc::new(id)),
        ("run", Arc::new(run)),
        ("day", Arc::new(day)),
        ("place", Arc::new(place)),
        ("cents", Arc::new(cents)),
    ]
}
