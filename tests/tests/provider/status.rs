//! The data source `lakedr_sync_status`, and the facts of a group that only its log knows.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::cut::{Cut, CutRun, Pin};
use lakedr_control::group_log::{Author, Entry, Event, FailureClass, IntentKind, Role};
use lakedr_control::id::Name;
use lakedr_control::layout;
use lakedr_control::verification::{Verification, VerificationLevel};
use serde_json::json;

use crate::world::World;

/// The data source, and an output that depends on it.
pub(crate) const DATA: &str = "data \"lakedr_sync_status\" \"etl\" {\n  group = \"etl\"\n}\n";

fn role(active: &str, standby: &str) -> Role {
    Role { active: active.to_owned(), standby: standby.to_owned() }
}

fn cut(ended: DateTime<Utc>) -> Cut {
    let run = CutRun { id: "123".to_owned(), ended_at: ended };
    let pin = |table: &str, source_version| Pin {
        table: table.parse().unwrap(),
        source_table_id: "id".to_owned(),
        source_version,
    };
    let mut cut =
        Cut::of_run(&"etl".parse().unwrap(), run, vec![pin("cat.raw.bronze", 7), pin("cat.stage.silver", 9)]);
    for table in &mut cut.tables {
        table.target_version = Some(table.source_version - 4);
    }
    cut
}

fn created() -> Event {
    Event::Created { spec_digest: "sha256:x".to_owned(), role: role("eastus2", "westus2") }
}

fn published(ended: DateTime<Utc>) -> [Event; 2] {
    let cut = cut(ended);
    let kind = IntentKind::Publish;
    [
        Event::Intent {
            kind,
            replaces: None,
            spec_digest: "sha256:x".to_owned(),
            cut: cut.clone(),
            slots: Vec::new(),
        },
        Event::Published { intent: 2, cut, publish_window_ms: 12 },
    ]
}

/// A history that ends with the west active, in epoch 2.
pub(crate) fn failed_over() -> Vec<Event> {
    let role = Event::Role {
        role: role("westus2", "eastus2"),
        from: None,
        approved_by: "somebody".to_owned(),
        plan: None,
    };
    vec![created(), role]
}

/// Writes a history where a group begins: into the location of the region that is standby at first.
pub(crate) fn write_log(world: &World, events: &[Event]) {
    write_entries(&world.path("west"), &"etl".parse().unwrap(), events);
}

/// Writes a history into a location.
pub(crate) fn write_entries(location: &Path, group: &Name, events: &[Event]) {
    let mut epoch = 1;
    for (event, seq) in events.iter().zip(1..) {
        epoch += u64::from(matches!(event, Event::Role { .. }));
        let by = Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() };
        let entry =
            Entry { format: 1, group: group.clone(), seq, epoch, at: Utc::now(), by, event: event.clone() };
        let path = location.join(layout::group_log_entry(group, seq));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_vec(&entry).unwrap()).unwrap();
    }
}

/// The status as a root module of its own sees it.
fn status(world: &World, region: &str) -> serde_json::Value {
    let terraform = world.another_root();
    terraform.configure(&format!("{}{DATA}", world.provider(region))).unwrap();
    terraform.apply().unwrap();
    terraform.attributes("data.lakedr_sync_status.etl").unwrap()
}

#[test]
fn a_group_that_was_never_synced() {
    let world = World::applied();
    let status = status(&world, "westus2");
    assert_eq!(
        status,
        json!({
            "group": "etl", "reachable": true, "role": "standby", "active_region": "eastus2",
            "standby_region": "westus2", "epoch": 1, "seq": 0, "paused": false, "recovery_point": null,
            "rpo_lag_seconds": null, "rpo_target": null, "rpo_met": null, "last_error": null,
            "last_verified_at": null, "last_verified_level": null, "last_verified_equal": null,
            "last_verified_seq": null,
        })
    );
}

#[test]
fn the_recovery_points_of_a_group() {
    let world = World::applied();
    let ended: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
    let later = ended + TimeDelta::hours(1);
    let [intent, Event::Published { cut, publish_window_ms, .. }] = published(later) else {
        panic!("published")
    };
    let [first, second] = published(ended);
    write_log(
        &world,
        &[created(), first, second, intent, Event::Published { intent: 4, cut, publish_window_ms }],
    );
    let terraform = world.another_root();
    let data = "data \"lakedr_recovery_points\" \"etl\" {\n  group = \"etl\"\n}\n";
    terraform.configure(&format!("{}{data}", world.provider("westus2"))).unwrap();
    terraform.apply().unwrap();
    let found = terraform.attributes("data.lakedr_recovery_points.etl").unwrap();
    assert_eq!(found["reachable"], true);
    let points = found["recovery_points"].as_array().unwrap();
    let told = |field: &str| points.iter().map(|point| point[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("seq"), [5, 3]);
    assert_eq!(told("run_ended_at"), ["2026-11-20T09:00:00.000Z", "2026-11-20T08:00:00.000Z"]);
    assert_eq!((told("kind"), told("epoch")), (vec![json!("publish"); 2], vec![json!(1); 2]));
    assert_eq!(points[0]["tables"][1]["name"], "cat.stage.silver");
    assert_eq!(points[0]["tables"][1]["target_version"], 5);
}

#[test]
fn the_recovery_points_of_a_group_whose_log_is_out_of_reach() {
    let world = World::applied();
    write_log(&world, &[created()]);
    let log = world.path("west").join(layout::group_log_entry(&"etl".parse().unwrap(), 1));
    fs::write(&log, "not an entry").unwrap();
    let terraform = world.another_root();
    let data = "data \"lakedr_recovery_points\" \"etl\" {\n  group = \"etl\"\n}\n";
    terraform.configure(&format!("{}{data}", world.provider("westus2"))).unwrap();
    terraform.apply().unwrap();
    let found = terraform.attributes("data.lakedr_recovery_points.etl").unwrap();
    assert_eq!((&found["reachable"], &found["recovery_points"]), (&json!(false), &json!(null)));
}

#[test]
fn a_group_with_a_recovery_point_and_a_failure() {
    let world = World::new();
    world.declare(&[world.east(), world.west(), world.group().text_attribute("rpo_target", "1h")]);
    world.terraform.apply().unwrap();
    let ended = Utc::now() - TimeDelta::minutes(30);
    let mut events = vec![created()];
    events.extend(published(ended));
    events.push(Event::Failed {
        attempt: 1,
        stage: "copy".to_owned(),
        class: FailureClass::Unreachable,
        message: "no answer".to_owned(),
    });
    write_log(&world, &events);

    let status = status(&world, "eastus2");
    assert_eq!((&status["role"], &status["seq"]), (&json!("active"), &json!(4)));
    let lag = status["rpo_lag_seconds"].as_u64().unwrap();
    assert!((1800..1900).contains(&lag), "{lag}");
    assert_eq!((&status["rpo_target"], &status["rpo_met"]), (&json!("1h"), &json!(true)));
    let point = &status["recovery_point"];
    assert_eq!((&point["run_id"], &point["seq"]), (&json!("123"), &json!(3)));
    assert_eq!(point["run_ended_at"], json!(lakedr_control::time::format(ended)));
    assert_eq!(
        point["tables"],
        json!([
            { "name": "cat.raw.bronze", "source_version": 7, "target_version": 3 },
            { "name": "cat.stage.silver", "source_version": 9, "target_version": 5 },
        ])
    );
    assert_eq!(
        (&status["last_error"]["class"], &status["last_error"]["message"]),
        (&json!("unreachable"), &json!("no answer"))
    );
}

#[test]
fn a_missed_target_and_a_pause() {
    let world = World::new();
    let marker = format!("{{ marker = {{ url = {:?} }} }}", world.url("runs"));
    let group = world.group().text_attribute("rpo_target", "10m").attribute("workflow", &marker);
    world.declare(&[world.east(), world.west(), group]);
    world.terraform.apply().unwrap();
    let mut events = vec![created()];
    events.extend(published(Utc::now() - TimeDelta::minutes(30)));
    events.push(Event::Paused { operator: "somebody".to_owned() });
    write_log(&world, &events);
    let status = status(&world, "northeurope");
    assert_eq!(
        (&status["rpo_met"], &status["paused"], &status["role"]),
        (&json!(false), &json!(true), &json!(null))
    );
}

/// Only the tables know whether they have changed, and the provider does not look at them.
#[test]
fn a_group_without_a_workflow_cannot_be_said_to_miss_its_target() {
    for (target, met) in [("1h", json!(true)), ("10m", json!(null))] {
        let world = World::new();
        let group = world.group().text_attribute("rpo_target", target);
        world.declare(&[world.east(), world.west(), group]);
        world.terraform.apply().unwrap();
        let mut events = vec![created()];
        events.extend(published(Utc::now() - TimeDelta::minutes(30)));
        write_log(&world, &events);
        assert_eq!(status(&world, "eastus2")["rpo_met"], met, "{target}");
    }
}

#[test]
fn the_newest_verification_of_the_newest_recovery_point() {
    let world = World::applied();
    let mut events = vec![created()];
    events.extend(published(Utc::now()));
    write_log(&world, &events);
    let at = DateTime::from_timestamp(1_795_168_208, 0).unwrap();
    for (seq, second, level, equal) in [
        (2, 9, VerificationLevel::Content, true),
        (3, 1, VerificationLevel::Content, true),
        (3, 2, VerificationLevel::Size, false),
    ] {
        let at = at + TimeDelta::seconds(second);
        let found = Verification { format: 1, seq, cut: "c".to_owned(), level, equal, at };
        let key = layout::verification(&"etl".parse().unwrap(), seq, at.timestamp_millis());
        let path = world.path("west").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_vec(&found).unwrap()).unwrap();
    }
    let status = status(&world, "westus2");
    assert_eq!(status["last_verified_at"], json!("2026-11-20T09:50:10.000Z"));
    assert_eq!(
        (&status["last_verified_level"], &status["last_verified_equal"], &status["last_verified_seq"]),
        (&json!("size"), &json!(false), &json!(3))
    );
}

/// A failover is decided in the log. Terraform takes note, and neither reports nor undoes it.
#[test]
fn a_plan_after_a_failover_is_empty() {
    let world = World::applied();
    write_log(&world, &failed_over());
    world.terraform.plan_is_empty().unwrap();
    world.terraform.apply().unwrap();
    let group = world.terraform.attributes("lakedr_sync_group.etl").unwrap();
    assert_eq!((&group["effective_active_region"], &group["epoch"]), (&json!("westus2"), &json!(2)));
    assert_eq!(world.document("sync_groups", "etl")["generation"], 1, "nothing was written");

    // an update of something else keeps the facts
    let paused = world.group().attribute("paused", "true");
    world.declare(&[world.east(), world.west(), paused, world.schedule()]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
    let group = world.terraform.attributes("lakedr_sync_group.etl").unwrap();
    assert_eq!((&group["effective_active_region"], &group["epoch"]), (&json!("westus2"), &json!(2)));
}
