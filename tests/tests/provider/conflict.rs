//! Two applies of the same control store: the loser is told who won, and loses nothing silently.

use crate::world::{World, assert_says, flat};

#[test]
fn creating_what_exists_says_to_import_it() {
    let world = World::applied();
    let other = world.another_root();
    world.declare_in(&other, "westus2", &[world.east(), world.west()]);
    let said = flat(&other.fail(&["apply", "-auto-approve"]).unwrap());
    assert_says(
        &said,
        &[
            "The external location exists already",
            "generation 1, written for region eastus2",
            "terraform import lakedr_external_location.<label> west",
        ],
    );
    assert_eq!(world.document("external_locations", "west")["generation"], 1);
}

#[test]
fn the_loser_of_an_update_is_told_who_won() {
    let world = World::applied();
    let paused = world.group().attribute("paused", "true");
    world.declare(&[world.east(), world.west(), paused, world.schedule()]);
    world.terraform.succeed(&["plan", "-out=plan.bin"]).unwrap();

    // somebody else imports the same documents and changes the group meanwhile
    let other = world.another_root();
    let skipping = world.group().attribute("compaction", "\"skip\"");
    world.declare_in(&other, "westus2", &[world.east(), world.west(), skipping]);
    for (address, name) in [
        ("lakedr_external_location.east", "east"),
        ("lakedr_external_location.west", "west"),
        ("lakedr_sync_group.etl", "etl"),
    ] {
        other.succeed(&["import", address, name]).unwrap();
    }
    other.apply().unwrap();
    let won = world.document("sync_groups", "etl");

    let said = flat(&world.terraform.fail(&["apply", "plan.bin"]).unwrap());
    assert_says(
        &said,
        &[
            "The sync group was changed by somebody else",
            "made from generation 1",
            "generation 2, written for region westus2 at",
            won["written_at"].as_str().unwrap(),
            "Nothing was written",
        ],
    );
    assert_eq!(world.document("sync_groups", "etl"), won);

    // planning again shows the other's change, and then the apply goes through
    world.terraform.apply().unwrap();
    let document = world.document("sync_groups", "etl");
    assert_eq!((&document["generation"], &document["spec"]["paused"]), (&3.into(), &true.into()));
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn what_was_changed_meanwhile_is_not_deleted() {
    let world = World::applied();
    world.terraform.succeed(&["plan", "-destroy", "-out=plan.bin"]).unwrap();
    world.edit("snapshot_schedules", "weekly", |spec| spec["paused"] = true.into());
    let said = flat(&world.terraform.fail(&["apply", "plan.bin"]).unwrap());
    assert_says(
        &said,
        &["The snapshot schedule was changed by somebody else", "generation 2, written for region westus2"],
    );
    assert!(world.document_path("snapshot_schedules", "weekly").is_file());
}

#[test]
fn what_was_deleted_meanwhile_is_not_resurrected() {
    let world = World::applied();
    let paused = world.schedule().attribute("paused", "true");
    world.declare(&[world.east(), world.west(), world.group(), paused]);
    world.terraform.succeed(&["plan", "-out=plan.bin"]).unwrap();
    std::fs::remove_file(world.document_path("snapshot_schedules", "weekly")).unwrap();
    let said = flat(&world.terraform.fail(&["apply", "plan.bin"]).unwrap());
    assert_says(&said, &["was changed by somebody else", "it was deleted"]);
    assert!(!world.document_path("snapshot_schedules", "weekly").exists());
}
