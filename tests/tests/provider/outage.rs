//! Terraform works while a region is down.

use std::fs;

use crate::world::{World, assert_says, flat};

/// The log of the group lies in the west; a folder that cannot be listed stands for a region that does not answer.
fn lose_the_west(world: &World) {
    let meta = world.path("west/meta/groups/etl");
    fs::create_dir_all(meta.parent().unwrap()).unwrap();
    if meta.exists() {
        fs::remove_dir_all(&meta).unwrap();
    }
    fs::write(&meta, "").unwrap();
}

#[test]
fn a_lost_group_log_is_a_warning_and_the_last_known_facts_stay() {
    let world = World::applied();
    crate::status::write_log(&world, &crate::status::failed_over());
    world.terraform.apply().unwrap();
    let known = world.terraform.attributes("lakedr_sync_group.etl").unwrap();
    assert_eq!((&known["effective_active_region"], &known["epoch"]), (&"westus2".into(), &2.into()));

    lose_the_west(&world);
    let outcome = world.terraform.run(&["plan", "-detailed-exitcode"]).unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_says(&flat(&outcome), &["Group log out of reach", "as they were last known"]);

    // an update that does not need the lost region goes through, and forgets nothing
    let paused = world.group().attribute("paused", "true");
    world.declare(&[world.east(), world.west(), paused, world.schedule()]);
    world.terraform.apply().unwrap();
    let after = world.terraform.attributes("lakedr_sync_group.etl").unwrap();
    assert_eq!((&after["effective_active_region"], &after["epoch"]), (&"westus2".into(), &2.into()));
    assert_eq!(after["paused"], true);
}

#[test]
fn the_status_of_a_lost_group_is_unknown_but_no_error() {
    let world = World::applied();
    lose_the_west(&world);
    let terraform = world.another_root();
    terraform.configure(&format!("{}{}", world.provider("westus2"), crate::status::DATA)).unwrap();
    let outcome = terraform.apply().unwrap();
    assert_says(&flat(&outcome), &["Group log out of reach"]);
    let status = terraform.attributes("data.lakedr_sync_status.etl").unwrap();
    assert_eq!((&status["reachable"], &status["epoch"]), (&false.into(), &serde_json::Value::Null));
}

/// The control store is what Terraform works on: without it nothing goes.
#[test]
fn a_lost_control_store_is_an_error_that_names_it() {
    let world = World::applied();
    fs::remove_dir_all(world.path("control")).unwrap();
    fs::write(world.path("control"), "").unwrap();
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["Control store out of reach", &world.url("control")]);
}
