//! What a plan says about things that are allowed, or that only the apply can refuse.

use lakedr_e2e::running::Outcome;

use crate::world::{World, assert_says, flat};

fn plan(world: &World) -> Outcome {
    let outcome = world.terraform.run(&["plan", "-detailed-exitcode"]).unwrap();
    assert!(matches!(outcome.code, Some(0 | 2)), "{outcome}");
    outcome
}

#[test]
fn a_table_of_another_configurations_group_is_told_while_planning() {
    let world = World::applied();
    let mut other = World::new();
    other.terraform = world.another_root();
    let group = world.group_of("orders", &["cat.raw.bronze"]);
    world.declare_in(&other.terraform, "eastus2", &[world.east(), world.west(), group]);
    let said = flat(&plan(&other));
    assert_says(
        &said,
        &[
            "Conflict of the sync group",
            "cat.raw.bronze is a table of sync group \"etl\"",
            "unless it changes that first",
        ],
    );
    assert!(!said.contains("there is no external location"), "{said}");
}

#[test]
fn a_location_of_another_region_is_told_while_planning() {
    let world = World::applied();
    let east = world.east().text_attribute("region", "northeurope");
    world.declare(&[east, world.west(), world.group(), world.schedule()]);
    let said = flat(&plan(&world));
    assert_says(&said, &["Conflict of the external location", "used in eastus2 by sync group \"etl\""]);
}

#[test]
fn a_target_or_a_retention_that_the_schedule_cannot_meet_is_a_warning() {
    let world = World::new();
    let late =
        world.group().attribute("schedule", r#"{ interval = "1h" }"#).text_attribute("rpo_target", "30m");
    let gaps = world.schedule().attribute("retention", r#"{ keep_within = "3d" }"#);
    world.declare(&[world.east(), world.west(), late, gaps]);
    let said = flat(&plan(&world));
    assert_says(&said, &["Doubtful sync group", "30m is shorter than", "start more often"]);
    assert_says(&said, &["Doubtful snapshot schedule", "keeps copies for 3d", "keep_last = 1"]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_service_of_another_configurations_group_is_a_warning() {
    let services =
        r#"{ primary = { airflow_dags = [{ url = "https://airflow.example.com", dag_id = "etl" }] } }"#;
    let world = World::new();
    let group = world.group().attribute("services", services);
    world.declare(&[world.east(), world.west(), group]);
    world.terraform.apply().unwrap();
    let mut other = World::new();
    other.terraform = world.another_root();
    let group = world.group_of("orders", &["cat.raw.orders"]).attribute("services", services);
    world.declare_in(&other.terraform, "eastus2", &[world.east(), world.west(), group]);
    let said = flat(&plan(&other));
    assert_says(
        &said,
        &["Doubtful sync group", "DAG etl of", "of sync group \"orders\" and of sync group \"etl\""],
    );
    assert!(!said.contains("Conflict of"), "{said}");
}

#[test]
fn a_plan_without_doubts_says_nothing() {
    let world = World::applied();
    let said = flat(&plan(&world));
    assert!(!said.contains("Conflict of") && !said.contains("Doubtful"), "{said}");
    // an update of a group is no conflict with itself
    world.declare(&[world.east(), world.west(), world.group().attribute("paused", "true"), world.schedule()]);
    let said = flat(&plan(&world));
    assert!(!said.contains("Conflict of") && !said.contains("Doubtful"), "{said}");
}

/// Each of these says what the state says already, in other words.
#[test]
fn equal_meanings_are_no_change() {
    let world = World::new();
    let group = |interval: &str, rpo: &str, on_failure: &str| {
        world
            .group()
            .attribute("schedule", &format!("{{ interval = {interval:?} }}"))
            .text_attribute("rpo_target", rpo)
            .attribute("notifications", &format!("{{ on_failure = [{on_failure:?}] }}"))
    };
    let declare = |group| world.declare(&[world.east(), world.west(), group]);
    declare(group("60m", "2h", "mailto:user@example.com"));
    world.terraform.apply().unwrap();
    declare(group("1h", "120m", "mailto:user@example.com"));
    world.terraform.plan_is_empty().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["generation"], 1);
}
