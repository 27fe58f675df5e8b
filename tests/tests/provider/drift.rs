//! Documents that are changed, damaged or deleted behind Terraform's back.

use std::fs;

use serde_json::{Value, json};

use crate::state::edit_state;
use crate::world::{World, assert_says, flat};

#[test]
fn a_change_from_outside_is_shown_and_taken_back() {
    let world = World::applied();
    world.edit("sync_groups", "etl", |spec| spec["paused"] = true.into());
    let plan = world.terraform.plan_json().unwrap();
    let change = change(&plan, "lakedr_sync_group.etl");
    assert_eq!(change["actions"], json!(["update"]));
    assert_eq!((&change["before"]["paused"], &change["after"]["paused"]), (&json!(true), &json!(false)));
    world.terraform.apply().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["spec"]["paused"], false);
    assert_eq!(world.document("sync_groups", "etl")["generation"], 3);
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_document_that_was_deleted_is_planned_anew() {
    let world = World::applied();
    fs::remove_file(world.document_path("snapshot_schedules", "weekly")).unwrap();
    let plan = world.terraform.plan_json().unwrap();
    assert_eq!(change(&plan, "lakedr_snapshot_schedule.weekly")["actions"], json!(["create"]));
    world.terraform.apply().unwrap();
    assert!(world.document_path("snapshot_schedules", "weekly").is_file());
    world.terraform.plan_is_empty().unwrap();
}

/// Somebody with an editor does not keep the digest right: what was changed is shown, and the document is mended.
#[test]
fn a_document_changed_by_hand_is_shown_and_mended() {
    let world = World::applied();
    let path = world.document_path("sync_groups", "etl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"copy\"", "\"skip\"")).unwrap();
    let outcome = world.terraform.succeed(&["plan"]).unwrap();
    assert_says(&flat(&outcome), &["Damaged sync group", "digest says", "compaction = \"skip\" -> \"copy\""]);
    world.terraform.apply().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().matches("\"copy\"").count(), 1);
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_document_that_cannot_be_parsed_is_written_again() {
    let world = World::applied();
    let path = world.document_path("external_locations", "west");
    for damage in ["", "{}", "not JSON", "{\"format\":1,\"kind\":\"external_location\",\"surprise\":true}"] {
        fs::write(&path, damage).unwrap();
        let plan = world.terraform.plan_json().unwrap();
        assert_eq!(
            change(&plan, "lakedr_external_location.west")["actions"],
            json!(["update"]),
            "{damage:?}"
        );
        world.terraform.apply().unwrap();
        assert_eq!(world.document("external_locations", "west")["spec"]["name"], "west");
        world.terraform.plan_is_empty().unwrap();
    }
}

/// A newer format is another thing: a newer lakedr is in use, and must not be overwritten.
#[test]
fn a_document_of_a_newer_format_stops_everything() {
    let world = World::applied();
    let path = world.document_path("sync_groups", "etl");
    let mut document = world.document("sync_groups", "etl");
    document["format"] = 7.into();
    document["written_by"]["provider"] = "9.1.0".into();
    document["surprise"] = true.into();
    fs::write(&path, document.to_string()).unwrap();
    for command in [&["plan"][..], &["apply", "-auto-approve"], &["destroy", "-auto-approve"]] {
        let said = flat(&world.terraform.fail(command).unwrap());
        assert_says(&said, &["format 7", "newer than this program knows", "9.1.0", "install that version"]);
    }
    assert_eq!(world.document("sync_groups", "etl"), document);
}

/// Private state that was lost does not stop an update: what was read last still has to be what is there.
#[test]
fn an_update_without_private_state_still_checks_the_generation() {
    let world = World::applied();
    edit_state(&world.terraform, "lakedr_sync_group", |instance| {
        instance.as_object_mut().unwrap().remove("private");
    });
    let paused = world.group().attribute("paused", "true");
    world.declare(&[world.east(), world.west(), paused, world.schedule()]);
    world.terraform.succeed(&["apply", "-auto-approve", "-refresh=false"]).unwrap();
    assert_eq!(world.document("sync_groups", "etl")["spec"]["paused"], true);

    edit_state(&world.terraform, "lakedr_sync_group", |instance| {
        instance.as_object_mut().unwrap().remove("private");
    });
    world.edit("sync_groups", "etl", |spec| spec["compaction"] = "skip".into());
    world.declare(&world.everything());
    let said = flat(&world.terraform.fail(&["apply", "-auto-approve", "-refresh=false"]).unwrap());
    assert_says(&said, &["was changed by somebody else", "generation 3"]);
}

fn change<'a>(plan: &'a Value, address: &str) -> &'a Value {
    let changes = plan["resource_changes"].as_array().unwrap();
    &changes.iter().find(|change| change["address"] == address).unwrap()["change"]
}
