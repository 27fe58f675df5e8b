//! Points 17, 18, 19, 25, 26 and 27: values that are not known yet, and several configurations of the provider.

use crate::world::{World, assert_says, flat};

/// Something that is known only after apply.
const LATER: &str = "resource \"terraform_data\" \"later\" {\n  input = \"later\"\n}\n";

#[test]
fn validation_takes_unknown_values_everywhere() {
    let world = World::new();
    let unknown = "terraform_data.later.output";
    let location = world
        .west()
        .attribute("region", unknown)
        .attribute("url", unknown)
        .attribute("read_only", &format!("{unknown} == \"x\""))
        .attribute("secret_options", &format!("{{ (\"k\") = {unknown} }}"))
        .attribute("storage_options", &format!("{{ ({unknown}) = \"v\" }}"))
        .attribute("unity_catalog", &format!("{unknown} == \"x\" ? null : {{ workspace_url = {unknown}, token = {unknown}, credential_name = {unknown} }}"));
    let group = world
        .group()
        .attribute("initial_active_region", r#""eastus2""#)
        .attribute(
            "primary",
            &format!("{{ region = {unknown}, location = {unknown}, table_root = {unknown} }}"),
        )
        .attribute(
            "tables",
            &format!("[{{ name = {unknown} }}, {{ name = \"cat.a.b\", primary_url = {unknown} }}]"),
        )
        .attribute("workflow", &format!("{{ marker = {{ url = {unknown} }} }}"))
        .attribute("schedule", &format!("{{ interval = {unknown}, timezone = \"UTC\" }}"))
        .attribute("retry", &format!("{{ max_attempts = length({unknown}) }}"))
        .attribute("publish", &format!("{{ engine = {unknown}, warehouse_id = \"abc\" }}"))
        .attribute("notifications", &format!("{{ on_failure = [\"mailto:${{{unknown}}}\"] }}"));
    let schedule = world
        .schedule()
        .attribute("mode", unknown)
        .attribute("overwrite", "true")
        .attribute("exclude", &format!("[{unknown}]"))
        .attribute("retention", &format!("{{ keep_last = length({unknown}) }}"));
    world.declare(&[world.east(), location, group, schedule]);
    append(&world, LATER);
    world.terraform.succeed(&["validate"]).unwrap();
    world.terraform.succeed(&["plan"]).unwrap();
}

#[test]
fn known_mistakes_are_found_beside_unknown_values() {
    let world = World::new();
    let location = world
        .west()
        .attribute("url", "terraform_data.later.output")
        .attribute("secret_options", r#"{ a = terraform_data.later.output, b = "hunter2" }"#);
    world.declare(&[location]);
    append(&world, LATER);
    let said = flat(&world.terraform.fail(&["validate"]).unwrap());
    assert_says(&said, &["secret_options[\"b\"]", "is not a secret reference"]);
    assert!(!said.contains("hunter2 "), "{said}");
    assert!(!said.contains("secret_options[\"a\"]"), "{said}");
}

#[test]
fn what_is_planned_with_unknown_values_is_applied_with_known_ones() {
    let world = World::new();
    let location = world.west().attribute("comment", r#""x-${terraform_data.later.output}""#);
    world.declare(&[location]);
    append(&world, LATER);
    world.terraform.succeed(&["plan", "-out=plan.bin"]).unwrap();
    world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
    assert_eq!(world.document("external_locations", "west")["spec"]["comment"], "x-later");
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_provider_block_may_be_unknown_while_planning() {
    let world = World::new();
    world.terraform.configure(&format!(
        "{LATER}provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"{}${{terraform_data.later.output}}\"\n}}\n\
         resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  url = \"{}\"\n}}\n",
        world.url("control/"), world.url("west"))).unwrap();
    world.terraform.succeed(&["plan"]).unwrap();
    world.terraform.apply().unwrap();
    assert!(world.path("control/later/v1/external_locations/west.json").is_file());
    world.terraform.plan_is_empty().unwrap();
}

/// A read that cannot wait says which attribute it is about.
#[test]
fn what_needs_an_unknown_provider_block_names_its_attribute() {
    let world = World::new();
    world.terraform.configure(&format!(
        "{LATER}provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"{}${{terraform_data.later.output}}\"\n}}\n\
         data \"lakedr_sync_status\" \"etl\" {{\n  group = \"etl\"\n}}\n",
        world.url("control/"))).unwrap();
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["Provider configuration not known yet", "control_url"]);
}

#[test]
fn aliases_have_control_stores_of_their_own() {
    let world = World::new();
    let alias = |alias: &str, region: &str, place: &str| {
        format!(
            "provider \"lakedr\" {{\n  alias = {alias:?}\n  region = {region:?}\n  control_url = {:?}\n}}\n\
             resource \"lakedr_external_location\" {alias:?} {{\n  provider = lakedr.{alias}\n  name = \"west\"\n  \
             region = \"westus2\"\n  url = {:?}\n}}\n",
            world.url(place),
            world.url("west")
        )
    };
    let both = alias("one", "eastus2", "control/one") + &alias("two", "westus2", "control/two");
    world.terraform.configure(&both).unwrap();
    world.terraform.apply().unwrap();
    for (place, region) in [("one", "eastus2"), ("two", "westus2")] {
        let path = world.path(&format!("control/{place}/v1/external_locations/west.json"));
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(document["written_by"]["region"], region);
    }
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_saved_plan_to_destroy_is_carried_out() {
    let world = World::applied();
    world.terraform.succeed(&["plan", "-destroy", "-out=plan.bin"]).unwrap();
    world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
    for folder in ["external_locations", "sync_groups", "snapshot_schedules"] {
        let left = std::fs::read_dir(world.path("control/v1").join(folder)).unwrap().count();
        assert_eq!(left, 0, "{folder}");
    }
}

/// Adds to the configuration.
fn append(world: &World, text: &str) {
    world.terraform.write("more.tf", text).unwrap();
}
