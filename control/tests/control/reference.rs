//! Defects of the jobs that lakedr replaces which its documents cannot have: rows of `docs/selection.md`.

use lakedr_control::digest;
use lakedr_control::id::TableName;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::{self, ValidGroup};
use serde_json::{Value, json};

/// A group in which every attribute that may be left out has a value other than its default.
fn full() -> Value {
    let side = |region: &str| {
        json!({
            "region": region, "location": region, "table_root": format!("s3://lake-{region}"),
            "workspace": {"name": region, "url": "https://w", "token": "env://T"},
            "catalog": {"url": "https://c", "token": "env://T"},
        })
    };
    json!({
        "name": "etl", "owner_email": "etl@example.com", "initial_active_region": "east",
        "primary": side("east"), "secondary": side("west"),
        "tables": [{
            "name": "cat.raw.bronze", "primary_url": "s3://a/b", "secondary_url": "s3://c/d", "shallow_clone": true,
            "allow_writer_features": ["x"],
        }],
        "workflow": {"databricks_job": {"name": "etl"}}, "schedule": {"interval": "15m"},
        "retry": {"max_attempts": 5, "initial_backoff": "1s", "max_backoff": "1m"},
        "delivery": "staged", "publish": {"engine": "databricks_sql", "warehouse_id": "1", "primary_warehouse_id": "2"}, "compaction": "skip",
        "clock_skew": "7s", "rpo_target": "1h", "rto_target": "4h", "drill_every": "90d", "max_bytes_per_second": 5,
        "egress_price_per_gib": 0.02, "notifications": {"on_failure": ["mailto:a@example.com"]}, "paused": true,
    })
}

/// The digest of a group, if it is one.
fn digest(group: Value) -> Option<String> {
    let spec: SyncGroupSpec = serde_json::from_value(group).ok()?;
    digest::of_json(&spec).ok()
}

/// Pointers to all fields of a document.
fn fields(value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut below = |name: &str, value: &Value| {
        let at = format!("{at}/{name}");
        found.extend(fields(value, &at));
        found.push(at);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(rows) => rows.iter().enumerate().for_each(|(index, row)| below(&index.to_string(), row)),
        _ => {}
    }
    found
}

/// The document without a field, or with a null in its place.
fn without(document: &Value, field: &str, null: bool) -> Value {
    let (parent, name) = field.rsplit_once('/').unwrap();
    let mut document = document.clone();
    match document.pointer_mut(parent) {
        Some(Value::Object(object)) if null => drop(object.insert(name.to_owned(), Value::Null)),
        Some(Value::Object(object)) => drop(object.remove(name)),
        Some(Value::Array(rows)) => drop(rows.remove(name.parse().unwrap())),
        _ => panic!("{field} has no parent"),
    }
    document
}

#[test]
fn c3_05_what_is_set_and_what_is_not_are_never_taken_for_the_same() {
    let full = full();
    let whole = digest(full.clone()).unwrap();
    let mut optional = 0;
    for field in fields(&full, "") {
        let absent = digest(without(&full, &field, false));
        let null = digest(without(&full, &field, true));
        // a field that has to be there says so, and neither form of its absence is a document
        optional += usize::from(absent.is_some());
        assert_ne!(absent.as_ref(), Some(&whole), "{field}");
        assert!(null.is_none() || null == absent, "{field}: null is not absence");
    }
    assert!(optional > 30, "{optional} fields may be left out");
}

/// A group with two tables of these names.
fn tables(names: [&str; 2]) -> ValidGroup {
    let mut group = full();
    group["tables"] = names.iter().map(|name| json!({"name": name})).collect();
    group["publish"] = json!({});
    group["delivery"] = json!("direct");
    validate::sync_group(&serde_json::from_value(group).unwrap()).unwrap()
}

#[test]
fn c4_09_names_that_look_alike_when_joined_have_places_of_their_own() {
    let group = tables(["a_b.c.d", "a.b_c.d"]);
    let places: Vec<_> =
        group.tables.iter().map(|table| table.secondary.as_ref().unwrap().to_string()).collect();
    assert_eq!(places, ["s3://lake-west/a/b_c/d", "s3://lake-west/a_b/c/d"]);
}

#[test]
fn c1_22_names_are_data_and_take_any_character() {
    let name: TableName = "cat.`my.schema`.`t``; DROP TABLE x; --`".parse().unwrap();
    assert_eq!(name.parts(), ["cat", "my.schema", "t`; DROP TABLE x; --"]);
    assert_eq!(name.to_string().parse::<TableName>().unwrap(), name);
    // and parts that differ only in where their dots are stay different
    let group = tables(["a.`b.c`.d", "a.b.`c.d`"]);
    assert_ne!(group.tables[0].name, group.tables[1].name);
    assert_ne!(group.tables[0].secondary, group.tables[1].secondary);
}
