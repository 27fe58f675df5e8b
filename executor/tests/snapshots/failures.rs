//! What must not be a snapshot.

use chrono::TimeDelta;
use lakedr::pipeline::Stop;
use lakedr::snapshots::Outcome;
use lakedr_control::group_log::FailureClass;
use serde_json::{Value, json};

use crate::lab::{Lab, live, told};
use crate::tree;

/// C4.6: a table that fails fails the snapshot, and the call says which.
#[tokio::test]
async fn c4_06_one_table_that_is_missing_fails_the_snapshot() {
    let lab = Lab::new(json!({}));
    lab.week(0);
    let aside = lab.root().join("aside");
    std::fs::rename(lab.table("cat.s.grows"), &aside).unwrap();
    let Err(Stop::Failed(failure)) = lab.in_week(0).take(false).await else { panic!("it was taken") };
    let text = told(&Stop::Failed(failure));
    assert!(text.contains("cat.s.grows") && text.contains("there is no Delta table at"), "{text}");
    let list = lab.in_week(0).list().await;
    assert_eq!((list.snapshots.len(), list.under_way.is_none()), (0, true));
    let told = list.last_failure.unwrap();
    assert_eq!((told.class, told.message.contains("cat.s.grows")), (FailureClass::Damaged, true));
    assert_eq!(reported(&lab), 1);
    // and is due until it is taken
    std::fs::rename(&aside, lab.table("cat.s.grows")).unwrap();
    lab.in_week(0).taken().await;
    assert_eq!(lab.in_week(0).list().await.last_failure, None);
    assert_eq!(reported(&lab), 3);
}

/// Rows of the clone report, by its log.
fn reported(lab: &Lab) -> u64 {
    let log = tree::read(&lab.kept().join("copies/weekly/clone_report/_delta_log"));
    let lines = log.values().flat_map(|commit| std::str::from_utf8(commit).unwrap().lines());
    let adds = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["add"]["stats"].clone());
    let stats = adds.filter_map(|stats| serde_json::from_str::<Value>(stats.as_str()?).ok());
    stats.map(|stats| stats["numRecords"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn every_table_that_fails_is_told() {
    let lab = Lab::new(json!({}));
    lab.week(0);
    lab.week(1);
    for table in crate::lab::TABLES {
        let file = live(&lab.table(table), None).into_iter().next().unwrap();
        std::fs::remove_file(lab.table(table).join(file)).unwrap();
    }
    let Err(stop) = lab.in_week(0).take(false).await else { panic!("it was taken") };
    let text = told(&stop);
    assert!(text.contains("2 table(s) failed"), "{text}");
    assert!(text.contains("cat.s.grows") && text.contains("cat.s.whole"), "{text}");
    assert_eq!(lab.in_week(0).ids().await, []);
}

#[tokio::test]
async fn names_and_patterns_leave_tables_out() {
    let lab = Lab::new(json!({"exclude": ["WHOLE"]}));
    lab.week(0);
    let document = lab.in_week(0).taken().await;
    let names: Vec<String> = document.tables.iter().map(|table| table.name.to_string()).collect();
    assert_eq!(names, ["cat.s.grows"]);
}

#[tokio::test]
async fn a_second_call_leaves_the_first_alone_and_takes_over_from_a_dead_one() {
    let lab = Lab::new(json!({}));
    lab.week(0);
    let (dead, other) = (lab.in_week(0), lab.in_week(0));
    let desk = dead.desk().await;
    let work = lakedr_control::snapshots::Work::Take { id: "20200101T000000Z".parse().unwrap() };
    let begun = desk.catalog.read().await.unwrap().begun(work, dead.world.now(), &dead.world.author);
    assert!(desk.catalog.append(&begun).await.unwrap());
    for force in [false, true] {
        let taken = other.take(force).await.unwrap();
        assert_eq!(taken.outcome, Outcome::NotDue);
        assert!(taken.reason.unwrap().contains("takes snapshot 20200101T000000Z"));
    }
    let Err(Stop::Refused(refusal)) = lakedr::snapshots::prune(&other.desk().await, false).await else {
        panic!("it was pruned")
    };
    assert_eq!(refusal.tag(), "fenced");
    let later = lab.call(TimeDelta::minutes(6));
    assert_eq!(later.taken().await.id.as_str(), "20200101T000000Z");
    // whoever comes back has lost it
    let catalog = desk.catalog.read().await.unwrap();
    assert!(catalog.holds(&dead.world.author).is_err());
}

#[tokio::test]
async fn a_paused_schedule_takes_nothing() {
    let lab = Lab::new(json!({"paused": true}));
    lab.week(0);
    let Err(stop) = lab.in_week(0).take(true).await else { panic!("it was taken") };
    assert!(told(&stop).starts_with("paused"), "{}", told(&stop));
}

/// C4.4 and C4.7: all tables as of one instant; what was committed behind it is left for the next snapshot, and a table that
/// is younger fails this one instead of standing for its latest version.
#[tokio::test]
async fn c4_04_a_snapshot_is_one_instant_of_all_tables() {
    let lab = Lab::new(json!({}));
    lab.week(0);
    lab.week(1);
    let ahead = |table: &str, version: u64| {
        let commit = lab.table(table).join(format!("_delta_log/{version:020}.json"));
        let then = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        std::fs::File::options().write(true).open(commit).unwrap().set_modified(then).unwrap();
    };
    ahead("cat.s.whole", 1);
    let document = lab.in_week(0).taken().await;
    let versions: Vec<u64> = document.tables.iter().map(|table| table.source_version).collect();
    assert_eq!(versions, [1, 0]);
    ahead("cat.s.whole", 0);
    let Err(stop) = lab.call(TimeDelta::minutes(10)).take(true).await else { panic!("it was taken") };
    let text = told(&stop);
    assert!(text.contains("cat.s.whole: the table did not exist at"), "{text}");
}
