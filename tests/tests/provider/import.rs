//! Existing documents come under the care of another root module.

use crate::world::{World, assert_says, flat};

#[test]
fn an_imported_document_needs_no_change() {
    let world = World::new();
    let group = world
        .group()
        .attribute("schedule", r#"{ interval = "15m" }"#)
        .attribute("retry", "{ max_attempts = 7 }")
        .attribute("egress_price_per_gib", "0.02")
        .attribute("notifications", r#"{ on_failure = ["mailto:user@example.com"] }"#);
    let blocks = [world.east(), world.west(), group, world.schedule()];
    world.declare(&blocks);
    world.terraform.apply().unwrap();

    let other = world.another_root();
    world.declare_in(&other, "eastus2", &blocks);
    for (block, name) in blocks.iter().zip(["east", "west", "etl", "weekly"]) {
        other.succeed(&["import", &block.address(), name]).unwrap();
    }
    other.plan_is_empty().unwrap();
    // and the next update replaces exactly what was imported
    world.declare_in(
        &other,
        "eastus2",
        &[
            blocks[0].clone(),
            blocks[1].clone(),
            blocks[2].clone().attribute("paused", "true"),
            blocks[3].clone(),
        ],
    );
    other.apply().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["generation"], 2);
}

#[test]
fn import_blocks_generate_configuration_that_fits() {
    let world = World::applied();
    let other = world.another_root();
    let import = |kind: &str, name: &str| format!("import {{\n  to = {kind}.{name}\n  id = {name:?}\n}}\n");
    let imports = import("lakedr_external_location", "west") + &import("lakedr_sync_group", "etl");
    other.configure(&format!("{}{imports}", world.provider("eastus2"))).unwrap();
    other.succeed(&["plan", "-generate-config-out=generated.tf"]).unwrap();
    other.apply().unwrap();
    other.plan_is_empty().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["generation"], 1, "importing writes nothing");
}

#[test]
fn importing_what_does_not_exist_says_what_does() {
    let world = World::applied();
    let other = world.another_root();
    world.declare_in(&other, "eastus2", &[world.group_of("orders", &["a.b.c"]), world.east(), world.west()]);
    let said = flat(&other.fail(&["import", "lakedr_sync_group.orders", "orders"]).unwrap());
    assert_says(&said, &["No such sync group", "\"orders\"", "It holds: etl"]);
    let said = flat(&other.fail(&["import", "lakedr_sync_group.orders", "../x"]).unwrap());
    assert_says(&said, &["is not a valid name"]);
}
