//! Restores that are killed behind each of their writes, and run again.

use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use lakedr::error::chain;
use lakedr::snapshots::{Where, Which};
use serde_json::json;

use crate::crash::prefixes;
use crate::lab::{Lab, State, TABLES, live, rows};
use crate::restores::in_place;
use crate::tree;

/// What is brought back, and where to.
struct Case {
    which: Which,
    tables: &'static [&'static str],
    partitions: &'static [&'static str],
    to: Where,
    /// Folder of the restored tables, below that of the lab.
    folder: &'static str,
}

/// Three weeks, of the first of which there is a snapshot. Commits are as old as they are said to be.
async fn lab() -> (Lab, Which) {
    let lab = Lab::new(json!({}));
    let mut first = None;
    for week in 0..3 {
        lab.week(week);
        age(&lab);
        if week == 0 {
            first = Some(Which::Id(lab.call(TimeDelta::minutes(-150)).taken().await.id));
        }
    }
    (lab, first.unwrap())
}

/// Makes the commits of the workflow three hours, 90 and 30 minutes old.
fn age(lab: &Lab) {
    for (version, minutes) in [(0, 180), (1, 90), (2, 30)] {
        for table in TABLES {
            if lab.table(table).join(format!("_delta_log/{version:020}.json")).exists() {
                lab.committed(table, version, Duration::from_secs(minutes * 60));
            }
        }
    }
}

/// What a reader finds below a folder: of a table without a log nothing.
fn shown(folder: &Path) -> State {
    TABLES.map(|name| (name, rows(&folder.join(name.replace('.', "/")), None))).into()
}

async fn restore(lab: &Lab, case: &Case) {
    let call = lab.call(TimeDelta::zero());
    let restored = call.restore_some(&case.which, (case.tables, case.partitions), &case.to).await;
    restored.unwrap_or_else(|failure| panic!("{}", chain(&failure)));
}

async fn survives(lab: &Lab, case: Case) {
    let folder = lab.root().join(case.folder);
    let (before, shown_before) = (tree::read(&folder), shown(&folder));
    restore(lab, &case).await;
    let (after, shown_after) = (tree::read(&folder), shown(&folder));
    assert_ne!(shown_before, shown_after);
    let states = prefixes(&folder, &before, &after);
    assert!(states.len() > 2, "{} states", states.len());
    for (at, state) in states.iter().enumerate() {
        tree::restore(&folder, state);
        age(lab);
        // each table is as it was or as it comes back: `rows` fails where a log names a file that is not there
        for (table, found) in shown(&folder) {
            assert!(found == shown_before[table] || found == shown_after[table], "{table}, state {at}");
        }
        restore(lab, &case).await;
        assert_eq!(shown(&folder), shown_after, "state {at}");
        let data = |tree: &tree::Tree| -> Vec<String> {
            tree.keys().filter(|key| !key.contains("/_delta_log/")).cloned().collect()
        };
        assert_eq!(data(&tree::read(&folder)), data(&after), "state {at}");
        // and the commits of the workflow are those that there were
        for (key, commit) in &before {
            assert_eq!(tree::read(&folder).get(key), Some(commit), "state {at}");
        }
    }
}

/// Its files have to be copied then.
fn vacuum_first_version(lab: &Lab) {
    let table = lab.table("cat.s.whole");
    for file in live(&table, Some(0)) {
        std::fs::remove_file(table.join(file)).unwrap();
    }
}

fn elsewhere(lab: &Lab) -> Where {
    Where::Elsewhere(lab.url("back").parse().unwrap())
}

#[tokio::test]
async fn a_restore_elsewhere_survives_a_kill_behind_every_write() {
    let (lab, which) = lab().await;
    let to = elsewhere(&lab);
    survives(&lab, Case { which, tables: &[], partitions: &[], to, folder: "back" }).await;
}

#[tokio::test]
async fn a_restore_of_partitions_elsewhere_survives_a_kill_behind_every_write() {
    let (lab, which) = lab().await;
    let to = elsewhere(&lab);
    survives(&lab, Case { which, tables: &[], partitions: &["p=0"], to, folder: "back" }).await;
}

#[tokio::test]
async fn a_restore_in_place_survives_a_kill_behind_every_write() {
    let (lab, which) = lab().await;
    survives(&lab, Case { which, tables: &[], partitions: &[], to: in_place(true), folder: "lake" }).await;
}

#[tokio::test]
async fn a_restore_of_lost_files_in_place_survives_a_kill_behind_every_write() {
    let (lab, which) = lab().await;
    vacuum_first_version(&lab);
    survives(&lab, Case { which, tables: &[], partitions: &[], to: in_place(true), folder: "lake" }).await;
}

#[tokio::test]
async fn a_restore_of_a_partition_in_place_survives_a_kill_behind_every_write() {
    let (lab, which) = lab().await;
    let tables: &[&str] = &["cat.s.whole"];
    vacuum_first_version(&lab);
    survives(&lab, Case { which, tables, partitions: &["p=0"], to: in_place(true), folder: "lake" }).await;
}

#[tokio::test]
async fn a_restore_to_a_version_of_the_source_survives_a_kill_behind_every_write() {
    let (lab, _) = lab().await;
    let which = Which::AtOrBefore(Utc::now() - TimeDelta::minutes(60));
    survives(
        &lab,
        Case { which: which.clone(), tables: &[], partitions: &[], to: in_place(true), folder: "lake" },
    )
    .await;
    let (lab, _) = self::lab().await;
    let to = elsewhere(&lab);
    survives(&lab, Case { which, tables: &[], partitions: &[], to, folder: "back" }).await;
}
