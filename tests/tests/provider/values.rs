//! Points 28, 29, 31, 34, 42, 46, 47 and 48: values as people write them, large ones, many of them, and what is not shown.

use std::fs;

use serde_json::{Value, json};

use crate::world::{Block, World, assert_says, flat};

fn applied_with(world: &World, block: Block) -> Value {
    let address = block.address();
    world.declare(&[block]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    world.terraform.attributes(&address).unwrap()
}

#[test]
fn numbers_come_back_as_they_were_written() {
    let world = World::new();
    let declare = |price: &str, cap: &str| {
        let group =
            world.group().attribute("egress_price_per_gib", price).attribute("max_bytes_per_second", cap);
        world.declare(&[world.east(), world.west(), group]);
    };
    for (price, cap) in [
        ("0.1", "9223372036854775807"),
        ("1.5", "1"),
        ("0.30000000000000004", "4294967296"),
        ("1e40", "0"),
        ("12345678901234567890.123456789", "2"),
    ] {
        declare(price, cap);
        world.terraform.apply().unwrap();
        world.terraform.plan_is_empty().unwrap();
    }
    declare("-5", "1.5");
    let said = flat(&world.terraform.fail(&["validate"]).unwrap());
    assert_says(&said, &["egress_price_per_gib", "max_bytes_per_second"]);
}

#[test]
fn null_and_empty_are_different_things() {
    let world = World::new();
    let west = || world.west();
    let nothing = applied_with(&world, west());
    assert_eq!((&nothing["comment"], &nothing["storage_options"]), (&Value::Null, &Value::Null));
    let empty = west().attribute("storage_options", "{}").text_attribute("comment", "");
    let empty = applied_with(&world, empty);
    assert_eq!((&empty["comment"], &empty["storage_options"]), (&json!(""), &json!({})));
    let null = west().attribute("storage_options", "null").attribute("comment", "null");
    assert_eq!(applied_with(&world, null)["comment"], Value::Null);
}

/// Terraform itself sends composed forms; everything else of a text is the user's.
#[test]
fn texts_of_every_kind_come_back() {
    let world = World::new();
    for text in ["é — e\\u0301 is the same", "two\\nlines\\twith \\\"quotes\\\"", "𝕊 ≠ S", "$${not} %%{this}"]
    {
        applied_with(&world, world.west().attribute("comment", &format!("\"{text}\"")));
    }
}

/// Five times what gRPC takes by default, in configuration, plan and state.
#[test]
fn texts_larger_than_any_default_limit_come_back() {
    let world = World::new();
    let long = "x".repeat(5 << 20);
    fs::write(world.terraform.folder().join("long.txt"), &long).unwrap();
    let attributes =
        applied_with(&world, world.west().attribute("comment", "file(\"${path.module}/long.txt\")"));
    assert_eq!(attributes["comment"], json!(long));
}

#[test]
fn fifty_resources_at_once() {
    let world = World::new();
    let west = world
        .west()
        .attribute("count", "50")
        .attribute("name", "\"west_${count.index}\"")
        .attribute("url", &format!("\"{}/${{count.index}}\"", world.url("west")));
    world.declare(&[west]);
    world.terraform.succeed(&["apply", "-auto-approve", "-parallelism=50"]).unwrap();
    assert_eq!(fs::read_dir(world.path("control/v1/external_locations")).unwrap().count(), 50);
    world.terraform.plan_is_empty().unwrap();
    world.terraform.succeed(&["destroy", "-auto-approve", "-parallelism=50"]).unwrap();
}

#[test]
fn what_the_provider_remembers_survives_refresh_and_update() {
    let world = World::applied();
    let private = || {
        let state: Value = serde_json::from_slice(&fs::read(world.terraform.state_file()).unwrap()).unwrap();
        let resources = state["resources"].as_array().unwrap().iter();
        let of: Vec<String> =
            resources.map(|known| known["instances"][0]["private"].as_str().unwrap().to_owned()).collect();
        assert!(of.len() == 4 && of.iter().all(|private| !private.is_empty()), "{of:?}");
        of
    };
    let first = private();
    world.terraform.succeed(&["apply", "-refresh-only", "-auto-approve"]).unwrap();
    assert_eq!(private(), first);
    world.terraform.apply().unwrap();
    assert_eq!(private(), first, "nothing was done");
    world.declare(&[world.east(), world.west(), world.group().attribute("paused", "true"), world.schedule()]);
    world.terraform.apply().unwrap();
    assert_ne!(private(), first, "another document has another tag");
}

#[test]
fn options_of_the_provider_are_hidden() {
    let world = World::new();
    let provider = format!(
        "variable \"key\" {{ sensitive = true }}\nprovider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"s3://control\"\n  \
         storage_options = {{ aws_access_key_id = \"test\", aws_secret_access_key = var.key, aws_endpoint = \"http://127.0.0.1:1\", \
         allow_http = \"true\", aws_region = \"x\" }}\n}}\ndata \"lakedr_external_location\" \"west\" {{ name = \"{}\" }}\n",
        "west"
    );
    world.terraform.configure(&provider).unwrap();
    let said = flat(&world.terraform.fail(&["plan", "-var=key=hunter2hunter2"]).unwrap());
    assert_says(&said, &["Control store out of reach", "s3://control"]);
    assert!(!said.contains("hunter2"), "{said}");
}

const STATUS: &str = r#"
data "lakedr_sync_status" "etl" {
  group      = lakedr_sync_group.etl.name
  depends_on = [lakedr_sync_group.etl]
}
"#;

#[test]
fn a_data_source_waits_for_what_it_depends_on() {
    let world = World::new();
    world.declare(&[world.east(), world.west(), world.group()]);
    world.terraform.write("status.tf", STATUS).unwrap();
    let plan = world.terraform.plan_json().unwrap();
    let reads = plan["resource_changes"].as_array().unwrap().iter();
    let reads: Vec<_> = reads.filter(|change| change["change"]["actions"] == json!(["read"])).collect();
    assert_eq!(reads.len(), 1, "{plan}");
    world.terraform.apply().unwrap();
    let status = world.terraform.attributes("data.lakedr_sync_status.etl").unwrap();
    assert_eq!(status["role"], "active");
    world.terraform.plan_is_empty().unwrap();
}
