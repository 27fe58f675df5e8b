//! Terraform works while a region is down.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use lakedr_e2e::running::Outcome;

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

/// Groups between the east, which is there, and a west whose store is behind `endpoint`.
fn groups_with_a_west_behind(endpoint: &str) -> World {
    const GROUPS: usize = 12;
    let mut world = World::new();
    world.terraform.set("WEST_SECRET", "test");
    let west = world
        .west()
        .text_attribute("url", "s3://west/lakedr")
        .attribute("skip_validation", "true")
        .attribute(
            "storage_options",
            &format!(
                "{{ aws_endpoint = {endpoint:?}, aws_region = \"us-east-1\", aws_access_key_id = \"test\", \
                 allow_http = \"true\" }}"
            ),
        )
        .attribute("secret_options", "{ aws_secret_access_key = \"env://WEST_SECRET\" }");
    let mut blocks = vec![world.east(), west];
    blocks.extend((0..GROUPS).map(|index| world.group_of(&format!("g{index}"), &[&format!("c.s.t{index}")])));
    world.declare(&blocks);
    world
}

/// The number of groups whose log could not be read that Terraform tells of.
fn told(outcome: &Outcome) -> usize {
    flat(outcome).matches("Group log out of reach").count()
}

/// Nothing of the west answers: everything that does not need it goes on, soon, and one warning says what is not seen.
fn goes_on_without_the_west(endpoint: &str) {
    let world = groups_with_a_west_behind(endpoint);
    let soon = Duration::from_secs(25);
    let created = world.terraform.apply().unwrap();
    assert!(created.took < soon && told(&created) == 1, "{created}");

    let outcome = world.terraform.run(&["plan", "-detailed-exitcode"]).unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.took < soon && told(&outcome) == 1, "{outcome}");
    assert_says(&flat(&outcome), &["\"east\" and \"west\"", "they do not answer"]);
    assert!(!flat(&outcome).contains("more similar warning"), "{outcome}");

    let paused = world.group_of("g0", &["c.s.t0"]).attribute("paused", "true");
    let east = world.east().text_attribute("comment", "carries all");
    let config = fs::read_to_string(world.terraform.folder().join("main.tf")).unwrap();
    let west = &config[config.find("resource \"lakedr_external_location\" \"west\"").unwrap()..];
    let west = &west[..west.find("\n}\n").unwrap() + 3];
    world.declare(&[east, paused]);
    world.terraform.write("west.tf", west).unwrap();
    let changed =
        world.terraform.succeed(&["apply", "-auto-approve", "-target=lakedr_sync_group.g0"]).unwrap();
    assert!(changed.took < soon, "{changed}");
    assert_eq!(world.document("sync_groups", "g0")["spec"]["paused"], true);
}

#[test]
fn a_store_that_refuses_connections() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    goes_on_without_the_west(&format!("http://{free}"));
}

#[test]
fn a_store_that_takes_connections_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    goes_on_without_the_west(&format!("http://{}", silent.local_addr().unwrap()));
}

#[test]
fn a_store_whose_name_is_not_known() {
    goes_on_without_the_west("http://nowhere.invalid:9000");
}
