//! Points 17, 20, 21 and 39: every attribute that the schema has, unknown, applied, imported and taken away again.

use std::collections::BTreeSet;

use lakedr_e2e::servers::UnityCatalog;
use lakedr_e2e::terraform::Terraform;
use serde_json::{Map, Value, json};

use crate::world::World;

/// Known after apply, and of which type even Terraform cannot tell.
const LATER: &str = "${jsondecode(terraform_data.later.output)}";

/// The attributes that a configuration may set, `tables.name` for the name of one of the tables.
fn configurable(block: &Value, above: &str, found: &mut BTreeSet<String>) {
    for (name, attribute) in block["attributes"].as_object().unwrap() {
        if attribute["required"] == true || attribute["optional"] == true {
            let path = format!("{above}{name}");
            if attribute["nested_type"].is_object() {
                configurable(&attribute["nested_type"], &format!("{path}."), found);
            }
            found.insert(path);
        }
    }
}

/// Whether a value has something at a path.
fn holds(value: &Value, path: &str) -> bool {
    if let Value::Array(elements) = value {
        return elements.iter().any(|element| holds(element, path));
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match value.get(first) {
        None | Some(Value::Null) => false,
        Some(inner) => rest.is_empty() || holds(inner, rest),
    }
}

/// Asserts that these configurations of a type set every attribute that there is.
fn assert_complete(schemas: &Value, kind: &str, configurations: &[Value]) {
    let mut paths = BTreeSet::new();
    configurable(&schemas[kind]["block"], "", &mut paths);
    let absent: Vec<&String> =
        paths.iter().filter(|path| !configurations.iter().any(|value| holds(value, path))).collect();
    assert!(!paths.is_empty() && absent.is_empty(), "{kind}: nothing sets {absent:?}");
}

fn locations(world: &World, catalog: &str) -> Vec<Value> {
    let plain = |name: &str, region: &str| json!({"name": name, "region": region, "url": world.url(name)});
    vec![
        plain("east", "eastus2"),
        plain("west", "westus2"),
        json!({
            "name": "full", "region": "westus2", "url": "s3://bucket/prefix", "comment": "for the platform team",
            "read_only": true, "skip_validation": true,
            "storage_options": {"aws_region": "us-west-2", "aws_endpoint": "http://127.0.0.1:1"},
            "secret_options": {"aws_secret_access_key": "env://KEY"},
            "unity_catalog": {"workspace_url": catalog, "token": "env://UC_TOKEN", "credential_name": "dr"},
        }),
    ]
}

fn services() -> Value {
    json!({
        "databricks_jobs": [{"name": "etl"}, {"id": 7}],
        "sql_warehouses": ["abc"],
        "clusters": ["0123-456789-abc"],
        "instance_pools": [{"id": "pool", "min_idle": 2}],
        "airflow_dags": [
            {"url": "https://airflow.example.com", "dag_id": "etl", "username": "env://U", "password": "env://P"},
        ],
        "hooks": [
            {"name": "dns", "url": "https://dns.example.com/switch", "token": "env://T", "timeout": "20s"},
            {"name": "local", "command": "/usr/local/bin/switch"},
        ],
    })
}

fn group(world: &World, name: &str, workspace: &Value, more: &Value) -> Value {
    let side = |place: &str, region: &str| {
        json!({
            "region": region, "location": place, "table_root": world.url(&format!("lake/{name}/{place}")),
            "workspace": workspace, "catalog": {"url": "https://uc.example.com", "token": "env://T"},
        })
    };
    let mut group = json!({
        "name": name, "initial_active_region": "eastus2",
        "primary": side("east", "eastus2"), "secondary": side("west", "westus2"),
        "tables": [{"name": format!("cat.{name}.a")}],
    });
    group.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    group
}

fn groups(world: &World) -> Vec<Value> {
    let url = "https://adb-1.2.azuredatabricks.net";
    let by_token = json!({"name": "main", "url": url, "token": "env://T"});
    let by_client = json!({"url": url, "client_id": "env://I", "client_secret": "env://S"});
    let direct = json!({
        "owner_email": "user@example.com",
        "tables": [
            {"name": "cat.direct.a"},
            {
                "name": "cat.direct.b", "primary_url": world.url("b/east"), "secondary_url": world.url("b/west"),
                "shallow_clone": true, "allow_writer_features": ["sparkles"],
            },
        ],
        "workflow": {"databricks_job": {"name": "etl"}},
        "schedule": {"interval": "15m"},
        "retry": {"max_attempts": 4, "initial_backoff": "5s", "max_backoff": "1m"},
        "delivery": "direct", "publish": {"engine": "native"}, "compaction": "skip", "clock_skew": "3s",
        "rpo_target": "1h", "rto_target": "4h", "drill_every": "90d",
        "max_bytes_per_second": 1_000_000, "egress_price_per_gib": 0.02,
        "services": {"primary": services(), "secondary": services()},
        "notifications": {
            "on_failure": ["mailto:user@example.com"], "on_success": ["https://hooks.example.com/x"],
            "events": ["failure", "recovered"],
        },
        "paused": true,
    });
    let managed = json!({
        "workflow": {"airflow_dag": {
            "url": "https://east.example.com", "secondary_url": "https://west.example.com", "dag_id": "etl",
            "username": "env://U", "password": "env://P",
        }},
        "schedule": {"cron": "*/15 * * * *", "timezone": "Europe/Berlin"},
        "delivery": "staged",
        "publish": {"engine": "databricks_sql", "warehouse_id": "abc", "primary_warehouse_id": "def"},
    });
    let marked = json!({"workflow": {"marker": {"url": world.url("runs/east"), "secondary_url": world.url("runs/west")}}});
    let numbered = json!({"workflow": {"databricks_job": {"id": 123, "secondary_id": 456}}});
    vec![
        group(world, "direct", &by_token, &direct),
        group(world, "managed", &by_client, &managed),
        group(world, "marked", &by_token, &marked),
        group(world, "numbered", &by_client, &numbered),
    ]
}

fn schedules(world: &World) -> Vec<Value> {
    vec![
        json!({
            "name": "of_group", "source": {"sync_group": "direct"},
            "target": {"location": "west", "prefix": "snapshots/direct"}, "exclude": ["*.tmp_*"],
            "mode": "incremental", "schedule": {"interval": "7d"}, "paused": true,
            "retention": {
                "keep_last": 4, "keep_hourly": 5, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12,
                "keep_yearly": 2, "keep_within": "30d",
            },
        }),
        json!({
            "name": "of_tables", "target": {"location": "west"}, "mode": "batch", "overwrite": true,
            "source": {
                "region": "eastus2", "table_root": world.url("lake/east"),
                "tables": [{"name": "a.b.c"}, {"name": "a.b.d", "url": world.url("d")}],
            },
            "schedule": {"cron": "0 3 * * 0", "timezone": "UTC"},
        }),
    ]
}

/// Configurations of each type, which set all attributes between them.
fn complete(world: &World, catalog: &str) -> [(&'static str, Vec<Value>); 3] {
    let all = [
        ("lakedr_external_location", locations(world, catalog)),
        ("lakedr_sync_group", groups(world)),
        ("lakedr_snapshot_schedule", schedules(world)),
    ];
    declare(world, &world.terraform, &json!({}));
    let dump: Value = world.terraform.succeed(&["providers", "schema", "-json"]).unwrap().json().unwrap();
    let schemas = &dump["provider_schemas"]["registry.terraform.io/lakedr/lakedr"]["resource_schemas"];
    for (kind, configurations) in &all {
        assert_complete(schemas, kind, configurations);
    }
    all
}

/// Only what each of them has to set.
fn least(world: &World) -> [(&'static str, Vec<Value>); 3] {
    let location = |of: &Value| json!({"name": of["name"], "region": of["region"], "url": world.url("west")});
    let least_of = |group: &Value| {
        let side = |side: &Value| json!({"region": side["region"], "location": side["location"], "table_root": side["table_root"]});
        json!({
            "name": group["name"], "initial_active_region": "westus2", "primary": side(&group["primary"]),
            "secondary": side(&group["secondary"]), "tables": [{"name": group["tables"][0]["name"]}],
        })
    };
    let schedule = |of: &Value| {
        json!({
            "name": of["name"], "source": {"sync_group": "direct"}, "target": {"location": "west"},
            "schedule": {"interval": "1d"},
        })
    };
    [
        ("lakedr_external_location", locations(world, "").iter().map(location).collect()),
        ("lakedr_sync_group", groups(world).iter().map(least_of).collect()),
        ("lakedr_snapshot_schedule", schedules(world).iter().map(schedule).collect()),
    ]
}

/// In this order they depend on each other, and on nothing else.
fn depending(resources: &[(&'static str, Vec<Value>)]) -> Value {
    let mut all = Map::new();
    let mut before: Vec<String> = Vec::new();
    for (kind, configurations) in resources {
        let mut labels = Map::new();
        for configuration in configurations {
            let mut configuration = configuration.clone();
            configuration["depends_on"] = before.clone().into();
            labels.insert(configuration["name"].as_str().unwrap().to_owned(), configuration);
        }
        before = labels.keys().map(|label| format!("{kind}.{label}")).collect();
        all.insert((*kind).to_owned(), labels.into());
    }
    json!({ "resource": all })
}

fn declare(world: &World, terraform: &Terraform, configuration: &Value) {
    world.declare_in(terraform, "eastus2", &[]);
    terraform.write("everything.tf.json", &format!("{configuration:#}")).unwrap();
}

/// Where in a configuration an unknown value may stand: in the place of every value, simple or not.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), inner)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(at, inner)| (at.to_string(), inner)).collect()
        }
        _ => Vec::new(),
    };
    for (name, inner) in inner {
        let place = format!("{at}/{name}");
        places(inner, &place, found);
        found.push(place);
    }
}

/// One resource for each place; Terraform holds the plan of each against its configuration.
#[test]
fn every_attribute_may_be_unknown() {
    let world = World::new();
    let mut resources = Map::new();
    let mut count = 0;
    for (kind, configurations) in complete(&world, "https://uc.example.com") {
        let mut labels = Map::new();
        for configuration in configurations {
            let mut found = Vec::new();
            places(&configuration, "", &mut found);
            for place in found {
                let mut unknown = configuration.clone();
                *unknown.pointer_mut(&place).unwrap() = LATER.into();
                labels.insert(format!("unknown_{count}"), unknown);
                count += 1;
            }
        }
        resources.insert(kind.to_owned(), labels.into());
    }
    resources.insert("terraform_data".to_owned(), json!({"later": {"input": "later"}}));
    declare(&world, &world.terraform, &json!({ "resource": resources }));
    world.terraform.succeed(&["validate"]).unwrap();
    let planned = world.terraform.succeed(&["plan"]).unwrap();
    assert!(planned.says(&format!("Plan: {} to add", count + 1)), "{planned}");
}

#[test]
fn every_attribute_is_applied_imported_and_taken_away_in_place() {
    let mut world = World::new();
    let catalog = UnityCatalog::start(&world.path("control"), "a-token").unwrap();
    world.terraform.set("UC_TOKEN", "a-token");
    let all = complete(&world, &catalog.url());
    let configuration = depending(&all);
    declare(&world, &world.terraform, &configuration);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();

    let mut other = world.another_root();
    other.set("UC_TOKEN", "a-token");
    let imports: String = all
        .iter()
        .flat_map(|(kind, configurations)| {
            configurations.iter().map(move |known| (kind, known["name"].as_str().unwrap()))
        })
        .map(|(kind, name)| format!("import {{\n  to = {kind}.{name}\n  id = {name:?}\n}}\n"))
        .collect();
    declare(&world, &other, &configuration);
    other.write("imports.tf", &imports).unwrap();
    let imported = other.plan_json().unwrap();
    for change in imported["resource_changes"].as_array().unwrap() {
        assert_eq!(change["change"]["actions"], json!(["no-op"]), "{change}");
    }

    declare(&world, &world.terraform, &depending(&least(&world)));
    let plan = world.terraform.plan_json().unwrap();
    for change in plan["resource_changes"].as_array().unwrap() {
        let same = change["name"] == "west";
        let expected = if same { json!(["no-op"]) } else { json!(["update"]) };
        assert_eq!(change["change"]["actions"], expected, "{change}");
    }
    world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
    world.terraform.plan_is_empty().unwrap();
    world.terraform.destroy().unwrap();
}
