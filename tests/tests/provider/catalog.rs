//! External locations that are registered in Unity Catalog.

use lakedr_e2e::servers::UnityCatalog;
use serde_json::json;

use crate::world::{Block, World, assert_says, flat};

const TOKEN: &str = "dapi-of-the-provider";

fn begin() -> (World, UnityCatalog) {
    let mut world = World::new();
    let catalog = UnityCatalog::start(&world.path("control"), TOKEN).unwrap();
    world.terraform.set("STORY_UC_TOKEN", TOKEN);
    (world, catalog)
}

fn west(world: &World, catalog: &UnityCatalog, credential: &str) -> Block {
    let registration = format!(
        "{{ workspace_url = {:?}, token = \"env://STORY_UC_TOKEN\", credential_name = {credential:?} }}",
        catalog.url()
    );
    world.west().text_attribute("comment", "landing").attribute("unity_catalog", &registration)
}

#[test]
fn a_location_is_registered_changed_and_removed() {
    let (world, catalog) = begin();
    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    let registered = catalog.locations()["west"].clone();
    for (field, value) in [
        ("url", json!(world.url("west"))),
        ("credential_name", json!("dr")),
        ("comment", json!("landing")),
        ("read_only", json!(false)),
    ] {
        assert_eq!(registered[field], value, "{field}");
    }
    let state = std::fs::read_to_string(world.terraform.state_file()).unwrap();
    assert!(!state.contains(TOKEN), "the token is in the state");

    world.declare(&[west(&world, &catalog, "other")]);
    world.terraform.apply().unwrap();
    assert_eq!(catalog.locations()["west"]["credential_name"], "other");

    // the registration is taken back without the location
    world.declare(&[world.west()]);
    world.terraform.apply().unwrap();
    assert!(catalog.locations().is_empty());

    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();
    world.terraform.destroy().unwrap();
    assert!(catalog.locations().is_empty());
}

#[test]
fn drift_in_the_catalog_is_shown_and_mended() {
    let (world, catalog) = begin();
    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();

    for (change, said) in [
        (Some(json!({"credential_name": "theirs"})), "has another credential_name there"),
        (Some(json!({"url": "s3://elsewhere"})), "has another url there"),
        (Some(json!({"comment": "theirs", "read_only": true})), "has another comment, read_only there"),
        (None, "is not registered"),
    ] {
        catalog.change_location("west", change.as_ref());
        let outcome = world.terraform.succeed(&["plan"]).unwrap();
        assert_says(&flat(&outcome), &["differs in Unity Catalog", said, "1 to change"]);
        world.terraform.apply().unwrap();
        world.terraform.plan_is_empty().unwrap();
        let registered = catalog.locations()["west"].clone();
        assert_eq!(
            (&registered["credential_name"], &registered["comment"]),
            (&json!("dr"), &json!("landing"))
        );
        assert_eq!(registered["url"], world.url("west").as_str());
    }
}

/// What somebody may do to a registration, and what it shows as.
fn drifts() -> [(Option<serde_json::Value>, &'static str); 3] {
    [
        (Some(json!({"comment": "theirs", "read_only": true})), "read_only"),
        (
            Some(json!({"url": "s3://elsewhere", "credential_name": "theirs"})),
            "has another credential_name, url",
        ),
        (None, "is not registered"),
    ]
}

#[test]
fn a_location_that_drifted_is_deregistered_when_it_is_destroyed() {
    let (world, catalog) = begin();
    for (change, said) in drifts() {
        world.declare(&[west(&world, &catalog, "dr")]);
        world.terraform.apply().unwrap();
        catalog.change_location("west", change.as_ref());
        world.terraform.destroy().unwrap();
        assert!(catalog.locations().is_empty(), "{said}: still registered");
    }
}

#[test]
fn a_location_that_drifted_is_deregistered_without_its_block() {
    let (world, catalog) = begin();
    for (change, said) in drifts() {
        world.declare(&[west(&world, &catalog, "dr")]);
        world.terraform.apply().unwrap();
        catalog.change_location("west", change.as_ref());
        world.declare(&[world.west()]);
        let outcome = world.terraform.apply().unwrap();
        assert_says(&flat(&outcome), &["differs in Unity Catalog", said, "1 changed"]);
        assert!(catalog.locations().is_empty(), "{said}: still registered");
        world.terraform.plan_is_empty().unwrap();
    }
}

#[test]
fn a_name_that_is_taken_elsewhere_is_not_taken_over_by_a_location_that_comes_later() {
    let (world, catalog) = begin();
    let theirs = json!({"name": "west", "url": "s3://theirs", "credential_name": "theirs"});
    catalog.add_location(&theirs);
    world.declare(&[world.west().text_attribute("comment", "landing")]);
    world.terraform.apply().unwrap();
    world.declare(&[west(&world, &catalog, "dr")]);
    assert_says(&world.refused(), &["has an external location \"west\" already", "s3://theirs"]);
    assert_eq!(catalog.locations()["west"]["url"], "s3://theirs");
    assert_eq!(catalog.locations()["west"]["credential_name"], "theirs");

    // and neither by one that moves to another catalog
    let (_other, before) = begin();
    world.declare(&[west(&world, &before, "dr")]);
    world.terraform.apply().unwrap();
    world.declare(&[west(&world, &catalog, "dr")]);
    assert_says(&world.refused(), &["has an external location \"west\" already", "s3://theirs"]);
    assert_eq!(catalog.locations()["west"]["url"], "s3://theirs");
}

#[test]
fn the_open_source_server_keeps_what_it_knows_and_the_rest_is_refused() {
    let (world, catalog) = begin();
    catalog.have_locations_as_open_source();
    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    world.declare(&[west(&world, &catalog, "other")]);
    world.terraform.apply().unwrap();
    assert_eq!(catalog.locations()["west"]["credential_name"], "other");

    world.declare(&[west(&world, &catalog, "other").attribute("read_only", "true")]);
    assert_says(&world.refused(), &["the catalog does not keep read_only", "has not been written"]);
    // it says in words, and not in JSON, that a location is removed
    world.terraform.destroy().unwrap();
    assert!(catalog.locations().is_empty());
}

#[test]
fn an_outage_of_the_catalog_is_a_warning_until_something_has_to_change() {
    let (world, catalog) = begin();
    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();
    catalog.stop(503);
    let outcome = world.terraform.succeed(&["plan", "-detailed-exitcode"]).unwrap();
    assert_says(
        &flat(&outcome),
        &["Unity Catalog out of reach", "503", "as it was last known", "No changes"],
    );

    world.declare(&[west(&world, &catalog, "other")]);
    assert_says(&world.refused(), &["not registered in Unity Catalog", "has not been written"]);
    assert_eq!(
        world.document("external_locations", "west")["spec"]["unity_catalog"]["credential_name"],
        "dr"
    );

    // the way out of a catalog that is lost for good
    let outcome = world.terraform.fail(&["destroy", "-auto-approve"]).unwrap();
    assert_says(&flat(&outcome), &["not removed from Unity Catalog", "apply once without unity_catalog"]);
    world.declare(&[world.west()]);
    let outcome = world.terraform.apply().unwrap();
    assert_says(&flat(&outcome), &["still registered in Unity Catalog"]);
    world.terraform.destroy().unwrap();
}

#[test]
fn a_registration_is_adopted_if_it_is_the_same_place() {
    let (mut world, catalog) = begin();
    world.declare(&[west(&world, &catalog, "dr")]);
    world.terraform.apply().unwrap();

    // the other region applies the same configuration
    let second = World::new();
    let mut other = world.another_root();
    other.set("STORY_UC_TOKEN", TOKEN);
    second.declare_in(&other, "westus2", &[west(&world, &catalog, "dr")]);
    other.apply().unwrap();
    assert_eq!(catalog.locations().len(), 1);

    // and somebody else has the name at another place
    let third = World::new();
    let mut other = world.another_root();
    other.set("STORY_UC_TOKEN", TOKEN);
    third.declare_in(&other, "westus2", &[west(&third, &catalog, "dr")]);
    let outcome = other.fail(&["apply", "-auto-approve"]).unwrap();
    assert_says(&flat(&outcome), &["has an external location \"west\" already", &world.url("west")]);

    // an import shows what the catalog has
    let mut fresh = world.another_root();
    fresh.set("STORY_UC_TOKEN", TOKEN);
    world.declare_in(&fresh, "eastus2", &[west(&world, &catalog, "dr")]);
    fresh.succeed(&["import", "lakedr_external_location.west", "west"]).unwrap();
    fresh.plan_is_empty().unwrap();

    world.terraform.unset("STORY_UC_TOKEN");
    let outcome = world.terraform.succeed(&["plan"]).unwrap();
    assert_says(&flat(&outcome), &["Unity Catalog out of reach", "env://STORY_UC_TOKEN cannot be had"]);
}
