//! The data source `lakedr_external_location`.

use std::fs;

use crate::world::{World, assert_says, flat};

const WEST: &str = "data \"lakedr_external_location\" \"west\" {\n  name = \"west\"\n}\n";

#[test]
fn a_location_of_another_configuration_is_looked_up() {
    let world = World::new();
    let west = world.west().text_attribute("comment", "ours").attribute("read_only", "false");
    world.declare(&[west]);
    world.terraform.apply().unwrap();
    // nothing is asked of the location: it may be lost
    fs::remove_dir_all(world.path("west")).unwrap();
    let managed = world.terraform.attributes("lakedr_external_location.west").unwrap();

    let other = world.another_root();
    other.configure(&format!("{}{WEST}", world.provider("eastus2"))).unwrap();
    other.apply().unwrap();
    assert_eq!(other.attributes("data.lakedr_external_location.west").unwrap(), managed);
    other.plan_is_empty().unwrap();
}

#[test]
fn a_location_that_is_not_there_is_an_error_at_its_name() {
    let world = World::new();
    let terraform = world.another_root();
    terraform.configure(&format!("{}{WEST}", world.provider("eastus2"))).unwrap();
    let said = flat(&terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["No such external location", "name = \"west\"", &world.url("control")]);
    terraform
        .configure(&format!("{}{}", world.provider("eastus2"), WEST.replace("= \"west\"", "= \"W\"")))
        .unwrap();
    assert_says(&flat(&terraform.fail(&["validate"]).unwrap()), &["Invalid external location name"]);
}
