//! Rules between documents, which are held against the control store during apply.

use crate::world::{World, assert_says, flat};

#[test]
fn a_location_in_use_is_not_deleted() {
    let world = World::applied();
    world
        .terraform
        .succeed(&["state", "rm", "lakedr_sync_group.etl", "lakedr_snapshot_schedule.weekly"])
        .unwrap();
    let said = flat(&world.terraform.fail(&["destroy", "-auto-approve"]).unwrap());
    assert_says(
        &said,
        &["The external location is still in use", "sync group \"etl\"", "snapshot schedule \"weekly\""],
    );
    assert!(world.document_path("external_locations", "west").is_file());
}

#[test]
fn a_group_in_use_is_not_deleted() {
    let world = World::applied();
    world.terraform.succeed(&["state", "rm", "lakedr_snapshot_schedule.weekly"]).unwrap();
    world.declare(&[world.east(), world.west()]);
    assert_says(&world.refused(), &["The sync group is still in use", "snapshot schedule \"weekly\""]);
    assert!(world.document_path("sync_groups", "etl").is_file());
}

#[test]
fn a_location_has_to_exist_in_the_region_of_its_side() {
    let world = World::new();
    let side = |location: &str, region: &str| {
        format!("{{ region = {region:?}, location = {location:?}, table_root = {:?} }}", world.url(region))
    };
    let group = world
        .group()
        .attribute("primary", &side("nowhere", "eastus2"))
        .attribute("secondary", &side("west", "northeurope"))
        .attribute("depends_on", "[lakedr_external_location.west]");
    world.declare(&[world.west(), group]);
    assert_says(
        &world.refused(),
        &[
            "there is no external location \"nowhere\"",
            "\"west\" lies in westus2, but this side in northeurope",
        ],
    );
    assert!(!world.document_path("sync_groups", "etl").exists());
}

#[test]
fn the_region_of_a_location_in_use_stays() {
    let world = World::applied();
    world.declare(&[
        world.east(),
        world.west().text_attribute("region", "northeurope"),
        world.group(),
        world.schedule(),
    ]);
    assert_says(&world.refused(), &["is used in westus2 by sync group \"etl\"", "cannot lie in northeurope"]);
    assert_eq!(world.document("external_locations", "west")["spec"]["region"], "westus2");
}

#[test]
fn a_table_belongs_to_one_group() {
    let world = World::applied();
    let second = world.group_of("orders", &["cat.sales.orders", "Cat.Raw.BRONZE"]);
    let mut blocks = world.everything();
    blocks.push(second);
    world.declare(&blocks);
    let said = world.refused();
    assert_says(
        &said,
        &["tables[1]", "Cat.Raw.BRONZE is a table of sync group \"etl\"", "lakedr_sync_group.orders"],
    );
    assert!(!world.document_path("sync_groups", "orders").exists());
}

/// Terraform applies both at once; one of them has to see the other.
#[test]
fn two_groups_with_one_table_are_not_created_side_by_side() {
    let world = World::new();
    let groups = [world.group_of("one", &["a.b.c"]), world.group_of("two", &["a.b.c"])];
    let mut blocks = vec![world.east(), world.west()];
    blocks.extend(groups);
    world.declare(&blocks);
    assert_says(&world.refused(), &["a.b.c is a table of sync group"]);
    let written = std::fs::read_dir(world.path("control/v1/sync_groups")).unwrap().count();
    assert_eq!(written, 1);
}

#[test]
fn tables_in_the_place_of_another_groups_table_are_refused() {
    let world = World::applied();
    let place = world.url("lake/east/cat/raw/bronze/inner");
    let second = world.group_of("orders", &[]).attribute(
        "tables",
        &format!("[{{ name = \"a.b.c\", primary_url = {place:?}, secondary_url = \"s3://elsewhere/c\" }}]"),
    );
    let mut blocks = world.everything();
    blocks.push(second);
    world.declare(&blocks);
    assert_says(&world.refused(), &["lies in the place of cat.raw.bronze", "sync group \"etl\""]);
}

#[test]
fn a_schedule_names_a_group_and_a_location_that_exist() {
    let world = World::new();
    let schedule = world
        .schedule()
        .attribute("source", r#"{ sync_group = "nothing" }"#)
        .attribute("target", r#"{ location = "nowhere" }"#);
    world.declare(&[schedule]);
    assert_says(
        &world.refused(),
        &["there is no sync group \"nothing\"", "external location \"nowhere\" does not exist"],
    );
}
