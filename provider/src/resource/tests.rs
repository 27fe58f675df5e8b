//! Good configurations stay good, whatever part of them is not known yet.

use std::collections::BTreeMap;

use super::{ExternalLocation, SnapshotSchedule, SyncGroup};
use crate::lifecycle::document::DocumentKind;
use crate::lifecycle::validate::validate;
use crate::wire::{Diagnostics, Path, Schema, Step, Value, json};

const LOCATION: &str = r#"{
    "name": "west", "region": "westus2", "url": "s3://bucket/x", "comment": "c", "read_only": true,
    "storage_options": {"aws_region": "us-west-2"}, "secret_options": {"aws_secret_access_key": "env://KEY"},
    "skip_validation": true,
    "unity_catalog": {"workspace_url": "https://w.example.com", "token": "env://T", "credential_name": "c"}
}"#;

const GROUP: &str = r#"{
    "name": "etl", "owner_email": "user@example.com", "initial_active_region": "westus2",
    "primary": {"region": "eastus2", "location": "east", "table_root": "s3://east",
                "catalog": {"url": "https://uc.east.example.com"},
                "workspace": {"name": "w", "url": "https://w.example.com", "token": "env://T"}},
    "secondary": {"region": "westus2", "location": "west", "catalog": {"url": "https://uc.example.com"},
                  "workspace": {"url": "https://x.example.com", "token": "databricks://s/k"}},
    "tables": [{"name": "a.b.c"}, {"name": "a.b.d", "primary_url": "s3://p/d", "secondary_url": "s3://s/d"}],
    "workflow": {"databricks_job": {"id": 7}},
    "schedule": {"cron": "*/15 * * * *", "timezone": "Europe/Berlin"},
    "retry": {"max_attempts": 5, "initial_backoff": "1s", "max_backoff": "1m"},
    "delivery": "staged", "publish": {"engine": "databricks_sql", "warehouse_id": "abc"}, "compaction": "copy",
    "clock_skew": "1s", "rpo_target": "1h", "rto_target": "4h", "drill_every": "90d", "max_bytes_per_second": 9,
    "egress_price_per_gib": 0.02,
    "notifications": {"on_failure": ["mailto:user@example.com"], "on_success": ["https://hooks.example.com"]},
    "paused": true
}"#;

const SCHEDULE: &str = r#"{
    "name": "weekly", "source": {"region": "e", "table_root": "s3://lake", "tables": [{"name": "a.b.c"}]},
    "exclude": ["*.tmp_*"], "target": {"location": "west", "prefix": "snapshots"}, "mode": "batch",
    "overwrite": true, "schedule": {"interval": "7d"},
    "retention": {"keep_last": 4, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12, "keep_within": "30d"},
    "paused": false
}"#;

fn config(schema: &Schema, text: &str) -> Value {
    json::decode(text, &schema.ty()).unwrap()
}

/// The paths of everything in a value that the configuration could leave open.
fn places(value: &Value, path: &Path, found: &mut Vec<Path>) {
    let inner: Vec<(Step, &Value)> = match value {
        Value::Object(attributes) => {
            attributes.iter().map(|(name, value)| (Step::Attribute(name.clone()), value)).collect()
        }
        Value::Map(entries) => entries.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect(),
        Value::List(items) => {
            items.iter().enumerate().map(|(index, value)| (Step::Index(index), value)).collect()
        }
        _ => Vec::new(),
    };
    for (step, value) in inner.into_iter().filter(|(_, value)| !value.is_null()) {
        let path = path.join(step);
        found.push(path.clone());
        places(value, &path, found);
    }
}

fn with_unknown(value: &Value, path: &[Step]) -> Value {
    let Some((first, rest)) = path.split_first() else { return Value::unknown() };
    let mut value = value.clone();
    let entry = match (&mut value, first) {
        (Value::Object(entries), Step::Attribute(name)) | (Value::Map(entries), Step::Key(name)) => {
            entries.get_mut(name)
        }
        (Value::List(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    };
    // inside of what is unknown already there is nothing to do
    if let Some(entry) = entry {
        *entry = with_unknown(entry, rest);
    }
    value
}

fn said(problems: &Diagnostics) -> Vec<&str> {
    problems.iter().map(|problem| problem.detail.as_str()).collect()
}

/// Replaces every place, and every pair of places, by unknown values.
fn stays_good<K: DocumentKind>(text: &str) {
    let schema = K::schema();
    let good = config(&schema, text);
    assert_eq!(said(&validate::<K>(&schema, &good)), [""; 0]);
    let mut all = Vec::new();
    places(&good, &Path::root(), &mut all);
    for first in &all {
        let once = with_unknown(&good, first.steps());
        for second in &all {
            let twice = with_unknown(&once, second.steps());
            assert_eq!(said(&validate::<K>(&schema, &twice)), [""; 0], "{first} and {second} are unknown");
        }
    }
}

#[test]
fn external_location() {
    stays_good::<ExternalLocation>(LOCATION);
}

#[test]
fn sync_group() {
    stays_good::<SyncGroup>(GROUP);
}

#[test]
fn snapshot_schedule() {
    stays_good::<SnapshotSchedule>(SCHEDULE);
}

/// Other variants of what exists once only.
#[test]
fn other_workflows_and_schedules() {
    let schema = SyncGroup::schema();
    let variants = [
        ("workflow", r#"{"workflow":{"marker":{"url":"s3://runs"}}}"#),
        (
            "workflow",
            r#"{"workflow":{"airflow_dag":{"url":"https://a.example.com","dag_id":"d","username":"env://U"}}}"#,
        ),
        ("schedule", r#"{"schedule":{"interval":"15m"}}"#),
    ];
    for (name, variant) in variants {
        let mut group = config(&schema, GROUP);
        group.set_attribute(name, config(&schema, variant).attribute(name).clone());
        let mut all = Vec::new();
        places(group.attribute(name), &Path::attribute(name), &mut all);
        for path in &all {
            let unknown = with_unknown(&group, path.steps());
            assert_eq!(said(&validate::<SyncGroup>(&schema, &unknown)), [""; 0], "{path} is unknown");
        }
    }
}

/// What is known stays judged: one mistake beside any unknown value elsewhere is still told.
#[test]
fn a_mistake_beside_unknown_values_is_told() {
    let schema = SyncGroup::schema();
    let mut group = config(&schema, GROUP);
    group.set_attribute("owner_email", "nobody".into());
    let mut all = Vec::new();
    places(&group, &Path::root(), &mut all);
    let told: BTreeMap<String, usize> = all
        .iter()
        .filter(|path| !path.overlaps(&Path::attribute("owner_email")))
        .map(|path| {
            (
                path.to_string(),
                validate::<SyncGroup>(&schema, &with_unknown(&group, path.steps())).iter().count(),
            )
        })
        .collect();
    assert!(told.values().all(|count| *count == 1), "{told:?}");
}
