//! What must hold of a group at any moment.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lakedr::delta::compare::differences;
use lakedr::delta::state::{FileKey, TableState};
use lakedr::spec::TableStore;
use lakedr_control::group_log::{GroupState, RecoveryPoint};
use lakedr_control::validate::SideName;
use object_store::ObjectStoreExt as _;

use crate::lab::{LAKE, Lab, Told};
use crate::tree::Tree;

/// Says which case comes next; shown when the test fails.
#[expect(clippy::print_stderr, reason = "output of a failing test")]
pub(crate) fn case(what: &dyn std::fmt::Debug) {
    eprintln!("case: {what:?}");
}

/// The newest recovery point.
pub(crate) fn newest(history: &Told) -> Option<&RecoveryPoint> {
    history.state.as_ref()?.recovery_point()
}

/// The run that the newest recovery point holds; 0 when there is no recovery point.
pub(crate) fn held_run(history: &Told) -> u64 {
    run_held_by(history.state.as_ref())
}

/// The run that the newest recovery point of a state holds; 0 when there is no recovery point.
pub(crate) fn run_held_by(state: Option<&GroupState>) -> u64 {
    let point = state.and_then(GroupState::recovery_point);
    point.map_or(0, |point| point.cut.run.as_ref().unwrap().id.parse().unwrap())
}

/// Types of the entries from a sequence number on.
pub(crate) fn tags(history: &Told, from: u64) -> Vec<&'static str> {
    history.entries.iter().filter(|entry| entry.seq >= from).map(|entry| entry.event.tag()).collect()
}

/// How often an event stands in the log.
pub(crate) fn count(history: &Told, tag: &str) -> usize {
    history.entries.iter().filter(|entry| entry.event.tag() == tag).count()
}

/// Reads the log and every recovery point in it: each one names, for all tables, one finished run, and the versions
/// that it names read as the source did at the end of that run, down to the bytes of the files.
pub(crate) async fn readable(lab: &Lab) -> Told {
    let history = lab.history().await;
    for point in history.state.iter().flat_map(|state| &state.recovery_points) {
        holds_one_run(lab, point).await;
    }
    history
}

/// As [`readable`], for the newest recovery point alone: older ones end where a table is moved away.
pub(crate) async fn newest_readable(lab: &Lab) -> Told {
    let history = lab.history().await;
    holds_one_run(lab, newest(&history).unwrap()).await;
    history
}

async fn holds_one_run(lab: &Lab, point: &RecoveryPoint) {
    let run: u64 = point.cut.run.as_ref().unwrap().id.parse().unwrap();
    let versions: BTreeSet<u64> = point.cut.tables.iter().map(|table| table.source_version).collect();
    assert_eq!(versions, [run - 1].into(), "entry {} holds more than one run", point.seq);
    assert_eq!(unlike_source(lab, point).await, Vec::<String>::new(), "recovery point {}", point.seq);
}

/// In what the tables of a recovery point differ from their sources at its versions.
async fn unlike_source(lab: &Lab, point: &RecoveryPoint) -> Vec<String> {
    let executor = lab.executor();
    let scene = executor.scene().await;
    // the group begins in the primary region, and every epoch goes the other way than the one before
    let (active, standby) = match point.epoch % 2 {
        1 => (SideName::Primary, SideName::Secondary),
        _ => (SideName::Secondary, SideName::Primary),
    };
    let sources = scene.stores.tables(active, scene.group).await.unwrap();
    let targets = scene.stores.tables(standby, scene.group).await.unwrap();
    assert_eq!(point.cut.tables.len(), sources.len());
    let mut found = Vec::new();
    for (source, target) in sources.iter().zip(&targets) {
        let pinned = point.cut.table(&source.name).unwrap();
        let state = async |table: lakedr::observe::delta_table::DeltaTable, version| {
            table.state(&table.listing().await.unwrap(), Some(version)).await.unwrap()
        };
        let expected = state(source.table(), pinned.source_version).await;
        let actual = state(target.table(), pinned.target_version.unwrap()).await;
        if lab.is_compacting() {
            let (theirs, ours) = (rows(source, &expected).await, rows(target, &actual).await);
            found.extend((theirs != ours).then(|| format!("{}: rows {theirs:?} and {ours:?}", source.name)));
            continue;
        }
        found.extend(differences(&expected, &actual).iter().map(|d| format!("{}: {d}", source.name)));
        for file in expected.files.keys() {
            let (theirs, ours) = (bytes(source, file).await, bytes(target, file).await);
            assert_eq!(theirs, ours, "{} of {}", file.path, source.name);
        }
    }
    found
}

async fn bytes(table: &TableStore, file: &FileKey) -> Bytes {
    let path = table.root.clone().join(&*file.path);
    table.store.get(&path).await.unwrap().bytes().await.unwrap()
}

/// The rows of all live files, in an order that does not depend on the files.
async fn rows(table: &TableStore, state: &TableState) -> Vec<String> {
    let mut rows = Vec::new();
    for file in state.files.keys() {
        let text = String::from_utf8(bytes(table, file).await.to_vec()).unwrap();
        rows.extend(text.lines().map(str::to_owned));
    }
    rows.sort();
    rows
}

/// What the standby region shows to a reader who knows no log: the newest version of every table, by its path.
pub(crate) fn heads(standby: &Tree) -> BTreeMap<String, u64> {
    let head = |key: &String| {
        let (table, name) = key.split_once("/_delta_log/")?;
        Some((table.to_owned(), name.strip_suffix(".json")?.parse().ok()?))
    };
    // in the order of versions: the last one of a table stays
    standby.keys().filter(|key| key.starts_with(LAKE)).filter_map(head).collect()
}

/// The data files of the standby region.
pub(crate) fn data_files(standby: &Tree) -> Tree {
    let data = |key: &str| key.starts_with(LAKE) && !key.contains("/_delta_log/");
    standby.iter().filter(|(key, _)| data(key)).map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
}
