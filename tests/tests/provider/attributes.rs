//! Points 20, 21 and 22: every optional attribute is set and removed again in place, and after each apply nothing is
//! left to do.

use lakedr_e2e::servers::UnityCatalog;
use serde_json::Value;

use crate::world::{Block, World};

/// Sets and removes each attribute in turn; the other attributes stay as they are.
fn set_and_remove_each(world: &World, others: &[Block], block: &Block, attributes: &[(&str, &str)]) {
    let declare = |block: &Block| {
        let mut all = others.to_vec();
        all.push(block.clone());
        world.declare(&all);
    };
    declare(block);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    let address = block.address();
    let before = facts_aside(&world.terraform.attributes(&address).unwrap());
    for (name, expression) in attributes {
        declare(&block.clone().attribute(name, expression));
        assert_eq!(actions(world, &address), ["update"], "setting {name}");
        world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
        let with = facts_aside(&world.terraform.attributes(&address).unwrap());
        assert_ne!(with[name], before[name], "{name}");
        world.terraform.plan_is_empty().unwrap();

        declare(block);
        assert_eq!(actions(world, &address), ["update"], "removing {name}");
        world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
        assert_eq!(facts_aside(&world.terraform.attributes(&address).unwrap()), before, "removing {name}");
    }
    world.terraform.plan_is_empty().unwrap();
}

fn facts_aside(attributes: &Value) -> Value {
    let mut attributes = attributes.clone();
    attributes.as_object_mut().unwrap().remove("generation").unwrap();
    attributes
}

/// What a plan does to a resource. Nothing else may change.
fn actions(world: &World, address: &str) -> Vec<String> {
    let plan = world.terraform.plan_json().unwrap();
    let changes = plan["resource_changes"].as_array().unwrap();
    let actions = |change: &Value| -> Vec<String> {
        let actions = change["change"]["actions"].as_array().unwrap();
        actions
            .iter()
            .map(|action| action.as_str().unwrap().to_owned())
            .filter(|action| action != "no-op")
            .collect()
    };
    for change in changes.iter().filter(|change| change["address"] != address) {
        assert_eq!(actions(change), [""; 0], "{change}");
    }
    actions(changes.iter().find(|change| change["address"] == address).unwrap())
}

#[test]
fn external_location() {
    let mut world = World::new();
    let catalog = UnityCatalog::start(&world.path("control"), "a-token").unwrap();
    world.terraform.set("UC_TOKEN", "a-token");
    let registration = format!(
        r#"{{ workspace_url = "{}", token = "env://UC_TOKEN", credential_name = "dr" }}"#,
        catalog.url()
    );
    let location = world.west().attribute("skip_validation", "true");
    set_and_remove_each(
        &world,
        &[],
        &location,
        &[
            ("comment", r#""kept by the platform team""#),
            ("read_only", "true"),
            ("secret_options", r#"{ aws_secret_access_key = "env://KEY" }"#),
            ("unity_catalog", &registration),
            ("storage_options", r#"{ aws_region = "us-west-2" }"#),
        ],
    );
}

#[test]
fn sync_group() {
    let world = World::new();
    let locations = [world.east(), world.west()];
    let side = |place: &str, region: &str, more: &str| {
        format!(
            "{{ region = {region:?}, location = lakedr_external_location.{place}.name, table_root = {:?}, {more} }}",
            world.url(&format!("lake/{place}"))
        )
    };
    let workspace =
        r#"workspace = { name = "main", url = "https://adb-1.2.azuredatabricks.net", token = "env://T" }"#;
    let client = r#"workspace = { url = "https://adb-1.2.azuredatabricks.net", client_id = "env://I", client_secret = "env://S" }"#;
    let catalog = r#"catalog = { url = "https://uc.example.com", token = "env://T" }"#;
    set_and_remove_each(
        &world,
        &locations,
        &world.group(),
        &[
            ("owner_email", r#""user@example.com""#),
            ("primary", &side("east", "eastus2", workspace)),
            ("primary", &side("east", "eastus2", client)),
            ("secondary", &side("west", "westus2", catalog)),
            ("workflow", r#"{ marker = { url = "s3://runs/etl" } }"#),
            (
                "workflow",
                r#"{ airflow_dag = { url = "https://airflow.example.com", dag_id = "etl", username = "env://U", password = "env://P" } }"#,
            ),
            ("schedule", r#"{ interval = "15m" }"#),
            ("schedule", r#"{ cron = "*/15 * * * *", timezone = "Europe/Berlin" }"#),
            ("retry", "{ max_attempts = 5 }"),
            ("retry", r#"{ initial_backoff = "1s", max_backoff = "1m" }"#),
            ("delivery", r#""staged""#),
            ("compaction", r#""skip""#),
            ("clock_skew", r#""60s""#),
            ("rpo_target", r#""1h""#),
            ("rto_target", r#""4h""#),
            ("drill_every", r#""90d""#),
            ("max_bytes_per_second", "18446744073709551615"),
            ("egress_price_per_gib", "0.02"),
            ("egress_price_per_gib", "0.1000000000000000055511151231257827"),
            (
                "notifications",
                r#"{ on_failure = ["mailto:user@example.com"], on_success = ["https://hooks.example.com/x"] }"#,
            ),
            ("paused", "true"),
        ],
    );
}

#[test]
fn managed_tables_are_published_from_the_landing_area() {
    let world = World::new();
    let places = r#"workspace = { url = "https://w.example.com", token = "env://T" }, catalog = { url = "https://w.example.com", token = "env://T" }"#;
    let side = |place: &str, region: &str| {
        format!("{{ region = {region:?}, location = lakedr_external_location.{place}.name, {places} }}")
    };
    let group = world
        .group()
        .attribute("delivery", r#""staged""#)
        .attribute("primary", &side("east", "eastus2"))
        .attribute("secondary", &side("west", "westus2"));
    let both = r#"{ engine = "databricks_sql", warehouse_id = "abc", primary_warehouse_id = "def" }"#;
    let one = r#"{ engine = "databricks_sql", warehouse_id = "abc" }"#;
    set_and_remove_each(
        &world,
        &[world.east(), world.west()],
        &group,
        &[("publish", both), ("publish", one)],
    );
}

#[test]
fn a_databricks_job_by_name_and_by_id() {
    let world = World::new();
    let workspace = r#"workspace = { url = "https://adb-1.2.azuredatabricks.net", token = "env://T" }"#;
    let side = |place: &str, region: &str| {
        format!(
            "{{ region = {region:?}, location = lakedr_external_location.{place}.name, table_root = {:?}, {workspace} }}",
            world.url(&format!("lake/{place}"))
        )
    };
    let group = world
        .group()
        .attribute("primary", &side("east", "eastus2"))
        .attribute("secondary", &side("west", "westus2"));
    set_and_remove_each(
        &world,
        &[world.east(), world.west()],
        &group,
        &[
            ("workflow", r#"{ databricks_job = { name = "etl" } }"#),
            ("workflow", "{ databricks_job = { id = 9223372036854775807 } }"),
            ("workflow", "{ databricks_job = { id = 7, secondary_id = 9223372036854775807 } }"),
        ],
    );
}

#[test]
fn snapshot_schedule() {
    let world = World::new();
    let others = [world.east(), world.west(), world.group()];
    set_and_remove_each(
        &world,
        &others,
        &world.schedule(),
        &[
            ("exclude", r#"["cat.raw.audit_log_raw_events", "*.tmp_*"]"#),
            ("exclude", "[]"),
            ("target", r#"{ location = lakedr_external_location.west.name, prefix = "snapshots/bronze" }"#),
            ("mode", r#""batch""#),
            (
                "source",
                r#"{ region = "eastus2", table_root = "s3://lake", tables = [{ name = "a.b.c" }, { name = "a.b.d", url = "s3://x/d" }] }"#,
            ),
            (
                "retention",
                r#"{ keep_last = 4, keep_daily = 7, keep_weekly = 4, keep_monthly = 12, keep_within = "30d" }"#,
            ),
            ("retention", "{ keep_last = 1 }"),
            ("paused", "true"),
            ("schedule", r#"{ interval = "7d" }"#),
        ],
    );
}

#[test]
fn one_copy_that_is_replaced() {
    let world = World::new();
    let others = [world.east(), world.west(), world.group()];
    let batch = world.schedule().attribute("mode", r#""batch""#);
    set_and_remove_each(&world, &others, &batch, &[("overwrite", "true")]);
}

/// Only what the configuration changes becomes unknown.
#[test]
fn an_update_shows_nothing_as_unknown_that_stays() {
    let world = World::applied();
    world.declare(&[
        world.east().text_attribute("comment", "new"),
        world.west(),
        world.group(),
        world.schedule(),
    ]);
    let plan = world.terraform.plan_json().unwrap();
    let changes = plan["resource_changes"].as_array().unwrap();
    let east = changes.iter().find(|change| change["address"] == "lakedr_external_location.east").unwrap();
    assert_eq!(east["change"]["after_unknown"], serde_json::json!({ "digest": true, "generation": true }));
    let changed: Vec<&Value> =
        changes.iter().filter(|change| change["change"]["actions"][0] != "no-op").collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
}
