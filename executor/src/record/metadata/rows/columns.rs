use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serde_json::{Value, json};

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Long,
    /// Yes or no.
    Flag,
    /// An instant in UTC, in microseconds.
    Instant,
}

/// Name, type and meaning of a column.
pub type Column = (&'static str, Kind, &'static str);

/// A table for people with SQL.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
}

/// The sync metadata table.
pub const SYNC_METADATA: Layout = Layout {
    name: "sync_metadata_table",
    description: "What lakedr did, group by group. Written from the group logs, read by nobody but people.",
    columns: &COLUMNS,
};

/// Name, type and meaning of every column: first those of `dr_sync_job`, then ours.
pub(super) const COLUMNS: [Column; 39] = [
    (
        "workspace_name",
        Kind::Text,
        "workspace of the active side, as the group was declared when the row was written",
    ),
    ("group_name", Kind::Text, "the sync group"),
    ("workflow_name", Kind::Text, "name of the job or id of the DAG, as declared when the row was written"),
    ("workflow_id", Kind::Text, "id of the job, as declared when the row was written"),
    ("tables", Kind::Texts, "the tables of the cut"),
    ("validated", Kind::Flag, "whether the specification kept every rule; no other one is carried out"),
    ("last_successful_run_time", Kind::Instant, "end of the run that the cut holds"),
    ("sync_status", Kind::Text, "Success, In Progress (landed, not published) or Failed"),
    ("sync_reason", Kind::Text, "workflow_time or schedule_time"),
    (
        "sync_time_to_region",
        Kind::Instant,
        "when every file of the cut was known to be in the standby region",
    ),
    ("sync_time_in_region", Kind::Instant, "when the cut was published"),
    ("source_operation_metrics", Kind::Text, "JSON: for each table the version that was copied"),
    (
        "target_operation_metrics",
        Kind::Text,
        "JSON: for each table the version that holds it, and what that took",
    ),
    ("event", Kind::Text, "published, landed or failed"),
    ("seq", Kind::Long, "entry of the group log"),
    ("epoch", Kind::Long, "epoch of the entry"),
    ("logged_at", Kind::Instant, "when the entry was written, by the clock of its writer"),
    ("attempt", Kind::Long, "of a failure: attempt within its call"),
    ("kind", Kind::Text, "of a publish: publish, rollback or restore"),
    ("intent", Kind::Long, "of a publish: entry of its intent"),
    ("cut_id", Kind::Text, "the cut"),
    ("run_id", Kind::Text, "the run that the cut holds"),
    ("as_of", Kind::Instant, "the instant that the cut shows"),
    ("active_region", Kind::Text, "region whose tables the workflow writes"),
    ("standby_region", Kind::Text, "region whose tables lakedr writes"),
    ("spec_digest", Kind::Text, "digest of the specification that the cut was made with"),
    ("error_stage", Kind::Text, "of a failure: the stage"),
    ("error_class", Kind::Text, "of a failure: its class"),
    ("error_message", Kind::Text, "of a failure: where, what, cause and remedy"),
    ("files_copied", Kind::Long, "files that the standby tables lacked"),
    ("bytes_copied", Kind::Long, "bytes of these files"),
    ("files_removed", Kind::Long, "files that the standby tables no longer name"),
    ("files_reused", Kind::Long, "files that the standby tables held already"),
    ("files_skipped", Kind::Long, "compacted files that stayed at home"),
    ("bytes_skipped", Kind::Long, "bytes of these files"),
    ("publish_window_ms", Kind::Long, "of a publish: milliseconds from the first to the last slot"),
    ("executor", Kind::Text, "version of lakedr that wrote the entry"),
    ("host", Kind::Text, "machine that wrote the entry"),
    ("call_id", Kind::Text, "call of lakedr that wrote the entry"),
];

/// The columns as Parquet has them.
pub(super) fn arrow_schema(layout: Layout) -> Schema {
    let fields = layout.columns.iter().map(|(name, kind, _)| {
        let data_type = match kind {
            Kind::Text => DataType::Utf8,
            Kind::Texts => DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
            Kind::Long => DataType::Int64,
            Kind::Flag => DataType::Boolean,
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        Field::new(*name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn delta_type(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!("string"),
        Kind::Texts => json!({"type": "array", "elementType": "string", "containsNull": true}),
        Kind::Long => json!("long"),
        Kind::Flag => json!("boolean"),
        Kind::Instant => json!("timestamp"),
    }
}

fn delta_fields(layout: Layout) -> Vec<Value> {
    let field = |&(name, kind, meaning): &(&str, Kind, &str)| json!({"name": name, "type": delta_type(kind), "nullable": true, "metadata": {"comment": meaning}});
    layout.columns.iter().map(field).collect()
}

/// The columns as Delta has them.
#[must_use]
pub fn schema_string(layout: Layout) -> String {
    json!({"type": "struct", "fields": delta_fields(layout)}).to_string()
}

/// Why the rows do not fit the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The schema of the table cannot be read.
    #[error("its schema cannot be read")]
    Schema,
    /// A column has become something else.
    #[error("its column {name} has another type")]
    Column {
        /// The column.
        name: String,
    },
}

/// The schema of a table that lacks columns, with them; none when it lacks none. Columns that others added stay.
///
/// # Errors
/// [`Misfit`] when a column has another type.
pub fn widened(schema_string: &str, layout: Layout) -> Result<Option<String>, Misfit> {
    let mut schema: Value = serde_json::from_str(schema_string).map_err(|_| Misfit::Schema)?;
    let fields = schema.get_mut("fields").and_then(Value::as_array_mut).ok_or(Misfit::Schema)?;
    let mut lacks = Vec::new();
    for ours in delta_fields(layout) {
        match fields.iter().find(|field| field["name"] == ours["name"]) {
            None => lacks.push(ours),
            Some(theirs) if theirs["type"] == ours["type"] => {}
            Some(_) => {
                return Err(Misfit::Column { name: ours["name"].as_str().unwrap_or_default().to_owned() });
            }
        }
    }
    if lacks.is_empty() {
        return Ok(None);
    }
    fields.extend(lacks);
    Ok(Some(schema.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_an_older_version_gets_the_columns_that_it_lacks() {
        let full = schema_string(SYNC_METADATA);
        let widened = |schema: &str| widened(schema, SYNC_METADATA);
        assert_eq!(widened(&full), Ok(None));
        let mut schema: Value = serde_json::from_str(&full).unwrap();
        let fields = schema["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["name"] != "host");
        fields.push(json!({"name": "note", "type": "string", "nullable": true, "metadata": {}}));
        let wide = widened(&schema.to_string()).unwrap().unwrap();
        assert!(wide.contains("\"note\"") && wide.contains("\"host\""), "{wide}");
        assert_eq!(widened(&wide), Ok(None));
        let other = full.replace("\"long\"", "\"integer\"");
        assert_eq!(widened(&other), Err(Misfit::Column { name: "seq".to_owned() }));
        assert_eq!(widened("{}"), Err(Misfit::Schema));
    }
}
