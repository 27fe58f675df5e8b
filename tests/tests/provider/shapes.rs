//! Points 30, 32, 33, 34 and 35: what is written as another kind of value than the attribute has, and values that
//! Terraform keeps apart: sets, dynamic types, blocks, sensitive and ephemeral ones.

use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

use crate::world::{Block, World, assert_says, flat};

/// The errors of `terraform validate`: title, and the line of `main.tf` that they point to.
fn errors(world: &World, blocks: &[Block]) -> Vec<(String, String)> {
    world.declare(blocks);
    let main = std::fs::read_to_string(world.terraform.folder().join("main.tf")).unwrap();
    let answer = world.terraform.validate_json().unwrap();
    let line = |error: &Value| {
        let number = error["range"]["start"]["line"].as_u64().unwrap();
        main.lines().nth(usize::try_from(number).unwrap() - 1).unwrap().trim().to_owned()
    };
    let errors = answer["diagnostics"].as_array().unwrap().iter();
    let errors = errors.filter(|diagnostic| diagnostic["severity"] == "error");
    errors.map(|error| (error["summary"].as_str().unwrap().to_owned(), line(error))).collect()
}

/// Every attribute of a schema and of the schemas in it, as Terraform prints them.
fn every_attribute<'a>(block: &'a Value, found: &mut Vec<&'a Value>) {
    assert_eq!(block["block_types"], Value::Null, "a nested block");
    for attribute in block["attributes"].as_object().unwrap().values() {
        found.push(attribute);
        if attribute["nested_type"].is_object() {
            every_attribute(&attribute["nested_type"], found);
        }
    }
}

/// There are lists, maps and objects of texts, numbers and truth values: nothing that has no order, no type or no state.
#[test]
fn terraform_is_told_of_no_block_no_set_no_dynamic_and_no_write_only_attribute() {
    let terraform = Terraform::with("").unwrap();
    let dump: Value = terraform.succeed(&["providers", "schema", "-json"]).unwrap().json().unwrap();
    let ours = &dump["provider_schemas"]["registry.terraform.io/lakedr/lakedr"];
    let mut found = Vec::new();
    every_attribute(&ours["provider"]["block"], &mut found);
    for part in ["resource_schemas", "data_source_schemas"] {
        for schema in ours[part].as_object().unwrap().values() {
            every_attribute(&schema["block"], &mut found);
        }
    }
    assert!(found.len() > 100, "the walk went astray: {}", found.len());
    for attribute in found {
        let ty = attribute["type"].to_string();
        assert!(!ty.contains("\"set\"") && !ty.contains("\"dynamic\""), "{attribute}");
        assert_ne!(attribute["nested_type"]["nesting_mode"], "set", "{attribute}");
        assert_ne!(attribute["write_only"], true, "{attribute}");
    }
}

#[test]
fn a_block_where_an_attribute_belongs_is_told_at_its_line() {
    let world = World::new();
    for (line, block) in [
        ("primary {", "primary {\n  region = \"eastus2\"\n}"),
        ("tables {", "tables {\n  name = \"a.b.c\"\n}"),
        ("retry {", "retry {\n}"),
        (
            "dynamic \"tables\" {",
            "dynamic \"tables\" {\n  for_each = [\"a.b.c\"]\n  content {\n    name = tables.value\n  }\n}",
        ),
    ] {
        let errors = errors(&world, &[world.east(), world.west(), world.group().block(block)]);
        let expected = ("Unsupported block type".to_owned(), line.to_owned());
        assert!(errors.contains(&expected), "{line}: {errors:?}");
    }
}

#[test]
fn a_value_of_another_type_is_told_at_its_line() {
    let world = World::new();
    for (attribute, expression) in [
        ("tables", "jsondecode(\"3\")"),
        ("tables", "[{ name = \"a.b.c\", colour = \"red\", name_of = 1 }, 5]"),
        ("primary", "\"eastus2\""),
        ("paused", "\"maybe\""),
        ("max_bytes_per_second", "\"many\""),
        ("retry", "[]"),
        ("notifications", "{ on_failure = \"mailto:user@example.com\" }"),
    ] {
        let group = world.group().attribute(attribute, expression);
        let errors = errors(&world, &[world.east(), world.west(), group]);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].0, "Incorrect attribute value type");
        assert!(errors[0].1.starts_with(&format!("{attribute} = ")), "{errors:?}");
    }
}

/// Terraform converts what it can: the provider only ever sees values of its schema.
#[test]
fn values_of_any_type_become_those_of_the_schema() {
    let world = World::new();
    world.terraform.write("any.tf", "variable \"any\" {\n  type = any\n}\n").unwrap();
    let gold = world.url("gold");
    let any = json!({
        "tables": [{"name": "cat.raw.bronze"}, {"name": "cat.mart.gold", "secondary_url": gold}],
        "paused": "true", "bytes": "7", "retry": {"max_attempts": "2"},
    });
    world.terraform.write("any.auto.tfvars.json", &json!({ "any": any }).to_string()).unwrap();
    let group = world
        .group()
        .attribute("tables", "jsondecode(jsonencode(var.any.tables))")
        .attribute("paused", "var.any.paused")
        .attribute("max_bytes_per_second", "var.any.bytes")
        .attribute("retry", "var.any.retry");
    world.declare(&[world.east(), world.west(), group]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    let spec = &world.document("sync_groups", "etl")["spec"];
    assert_eq!((&spec["paused"], &spec["max_bytes_per_second"]), (&json!(true), &json!(7)));
    assert_eq!(spec["retry"]["max_attempts"], 2);
    assert_eq!(spec["tables"][1]["secondary_url"], gold);
    assert_eq!(spec["tables"].as_array().unwrap().len(), 2);
}

/// A set has no order, a list has one: the same set written in another order is the same list.
#[test]
fn a_set_becomes_a_list_whatever_its_order() {
    let world = World::new();
    for members in
        [r#"["*.tmp_*", "cat.raw.bronze", "*.a"]"#, r#"["cat.raw.bronze", "*.a", "*.tmp_*", "*.a"]"#]
    {
        let schedule = world.schedule().attribute("exclude", &format!("toset({members})"));
        let tables = r#"[for name in toset(["cat.b.b", "cat.a.a"]) : { name = name }]"#;
        let group = world.group().attribute("tables", tables);
        world.declare(&[world.east(), world.west(), group, schedule]);
        world.terraform.apply().unwrap();
        world.terraform.plan_is_empty().unwrap();
        assert_eq!(world.document("snapshot_schedules", "weekly")["generation"], 1, "{members}");
    }
    let exclude = world.document("snapshot_schedules", "weekly")["spec"]["exclude"].clone();
    assert_eq!(exclude, json!(["*.a", "*.tmp_*", "cat.raw.bronze"]));
}

#[test]
fn a_sensitive_value_is_hidden_wherever_it_is_used() {
    let world = World::new();
    let variable = "variable \"hidden\" {\n  sensitive = true\n  default   = \"hunter2hunter2\"\n}\n";
    world.terraform.write("hidden.tf", variable).unwrap();
    let location = world
        .west()
        .attribute("comment", "var.hidden")
        .attribute("storage_options", "{ aws_region = \"eu\", aws_bucket = var.hidden }")
        .attribute("skip_validation", "true");
    world.declare(&[location]);
    let planned = world.terraform.succeed(&["plan"]).unwrap();
    let applied = world.terraform.apply().unwrap();
    assert!(planned.says("(sensitive value)") && !planned.says("hunter2"), "{planned}");
    assert!(!applied.says("hunter2"), "{applied}");
    world.terraform.plan_is_empty().unwrap();
}

/// A secret is named in the configuration and resolved where it is used; no file of Terraform ever holds it.
#[test]
fn plan_and_state_hold_references_and_no_secret() {
    let mut world = World::new();
    world.terraform.set("LAKEDR_TEST_SECRET", "hunter2hunter2");
    let location = world
        .west()
        .text_attribute("url", "s3://bucket/x")
        .attribute(
            "storage_options",
            "{ aws_region = \"eu\", aws_endpoint = \"http://127.0.0.1:1\", aws_allow_http = \"true\" }",
        )
        .attribute("secret_options", r#"{ aws_secret_access_key = "env://LAKEDR_TEST_SECRET" }"#)
        .attribute("skip_validation", "true");
    world.declare(&[location]);
    let plan = world.terraform.plan_json().unwrap().to_string();
    world.terraform.apply().unwrap();
    let state = std::fs::read_to_string(world.terraform.state_file()).unwrap();
    for text in [plan, state] {
        assert!(text.contains("env://LAKEDR_TEST_SECRET") && !text.contains("hunter2"), "{text}");
    }
}

/// The hosts that know ephemeral values.
fn hosts() -> [Terraform; 3] {
    [Terraform::new().unwrap(), Terraform::newest().unwrap(), Terraform::opentofu().unwrap()]
}

#[test]
fn an_ephemeral_value_may_open_the_control_store_and_become_part_of_nothing() {
    for host in hosts() {
        let mut world = World::new();
        world.terraform = host;
        let variable = "variable \"key\" {\n  type      = string\n  ephemeral = true\n}\n";
        world.terraform.write("key.tf", variable).unwrap();
        world.terraform.set("TF_VAR_key", "hunter2hunter2");
        world.declare(&[world.west().attribute("comment", "var.key")]);
        let said = flat(&world.terraform.fail(&["plan"]).unwrap());
        assert_says(&said, &["phemeral", "comment = var.key"]);

        let provider = format!(
            "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"{}${{var.key}}\"\n}}\n",
            world.url("control/")
        );
        let location = format!(
            "resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  url = {:?}\n}}\n",
            world.url("west")
        );
        world.terraform.configure(&(provider + &location)).unwrap();
        world.terraform.apply().unwrap();
        assert!(world.path("control/hunter2hunter2/v1/external_locations/west.json").is_file());
        let state = std::fs::read_to_string(world.terraform.state_file()).unwrap();
        assert!(!state.contains("hunter2"), "{state}");
        world.terraform.plan_is_empty().unwrap();
    }
}

/// Terraform then asks for what it had before, with everything else of the configuration.
#[test]
fn changes_that_are_to_be_ignored_are_no_change() {
    for ignored in ["[comment, storage_options]", "all"] {
        let world = World::new();
        let west = || world.west().block(&format!("lifecycle {{\n  ignore_changes = {ignored}\n}}"));
        world.declare(&[west().text_attribute("comment", "first")]);
        world.terraform.apply().unwrap();
        world.declare(&[west().text_attribute("comment", "second")]);
        world.terraform.plan_is_empty().unwrap();
        world.edit("external_locations", "west", |spec| spec["comment"] = "by hand".into());
        world.terraform.plan_is_empty().unwrap();
        world.terraform.apply().unwrap();
        assert_eq!(world.document("external_locations", "west")["spec"]["comment"], "by hand", "{ignored}");
    }
}
