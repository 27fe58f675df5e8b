//! A quarter of weekly snapshots, and what is left of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use lakedr::snapshots::Outcome;
use lakedr_control::snapshots::SnapshotId;
use serde_json::{Value, json};

use crate::lab::{Lab, State, live, rows};
use crate::tree;

/// Twelve weeks of snapshots, and what the tables showed at each.
async fn quarter(schedule: Value) -> (Lab, Vec<(SnapshotId, State)>) {
    let lab = Lab::new(schedule);
    let mut taken = Vec::new();
    for week in 0..12 {
        lab.week(week);
        let document = lab.in_week(week).taken().await;
        let shown = lab.shown(&document);
        assert_eq!(shown, lab.source(), "week {week}");
        taken.push((document.id, shown));
    }
    (lab, taken)
}

/// The data files below the folder of the copies, by their paths.
fn data_files(lab: &Lab) -> BTreeMap<String, usize> {
    let files = tree::read(&lab.data()).into_iter();
    files.filter(|(key, _)| !key.contains("/_delta_log/")).map(|(key, bytes)| (key, bytes.len())).collect()
}

/// The data files that the snapshots need, by the logs of the copies alone.
async fn needed(lab: &Lab, week: u64) -> BTreeSet<String> {
    let call = lab.in_week(week);
    let mut needed = BTreeSet::new();
    for id in call.ids().await {
        for table in call.document(&id).await.tables {
            let files = live(&lab.data().join(&table.path), Some(table.version));
            needed.extend(files.into_iter().map(|file| format!("{}/{file}", table.path)));
        }
    }
    needed
}

#[tokio::test]
async fn incremental_snapshots_cost_what_changed_and_each_stays_readable() {
    let (lab, taken) = quarter(json!({})).await;
    let call = lab.in_week(11);
    // each file that ever was in the tables is there once
    let files = data_files(&lab);
    assert_eq!(files.len(), 24);
    let listed = call.list().await;
    let added: u64 = listed.snapshots.iter().map(|snapshot| snapshot.kept.bytes_added).sum();
    assert_eq!(added, files.values().sum::<usize>() as u64);
    for (id, shown) in &taken {
        assert_eq!(lab.shown(&call.document(id).await), *shown);
        assert!(call.holds(id).await, "{id}");
    }
}

#[tokio::test]
async fn batch_snapshots_are_complete_each_and_stand_alone() {
    let (lab, taken) = quarter(json!({"mode": "batch", "retention": {"keep_last": 2}})).await;
    let call = lab.in_week(11);
    let ten = call.document(&taken[10].0).await;
    assert!(
        ten.tables.iter().all(|table| table.path.starts_with(taken[10].0.as_str()) && table.version == 0)
    );
    let report = call.prune(false).await;
    assert_eq!((report.kept.len(), report.removed.len(), report.refused), (2, 10, 0));
    // nothing is left of the others, their logs included
    let left = tree::read(&lab.data());
    let of = |key: &String| taken[10..].iter().any(|(id, _)| key.starts_with(id.as_str()));
    assert!(left.keys().all(of), "{:?}", left.keys());
    for (id, shown) in &taken[10..] {
        assert_eq!(lab.shown(&call.document(id).await), *shown);
        assert!(call.holds(id).await);
    }
}

/// C4.3: the one copy is replaced when the next one is complete, so there is never none.
#[tokio::test]
async fn c4_03_the_one_copy_is_replaced_only_by_a_complete_one() {
    let (lab, taken) = quarter(json!({"mode": "batch", "overwrite": true})).await;
    let call = lab.in_week(11);
    assert_eq!(call.ids().await, [taken[11].0.clone()]);
    assert_eq!(data_files(&lab).len(), lab.source().values().map(BTreeSet::len).sum::<usize>());
    // a table that cannot be copied leaves the copy there is
    std::fs::remove_dir_all(lab.table("cat.s.whole")).unwrap();
    assert!(lab.in_week(12).take(false).await.is_err());
    assert_eq!(lab.shown(&call.document(&taken[11].0).await), taken[11].1);
    assert!(call.holds(&taken[11].0).await);
}

#[tokio::test]
async fn pruning_frees_what_no_kept_snapshot_needs_and_nothing_else() {
    let retention = json!({"keep_last": 2, "keep_monthly": 3, "keep_within": "10d"});
    let (lab, taken) = quarter(json!({"retention": retention})).await;
    let call = lab.in_week(11);
    assert!(call.pin(&taken[1].0, true).await && !call.pin(&taken[1].0, true).await);
    let before = (tree::read(&lab.kept()), call.list().await);
    let planned = call.prune(true).await;
    assert_eq!(tree::changes(&before.0, &lab.read()), [].into(), "a dry run has written");
    let files = data_files(&lab);

    let report = call.prune(false).await;
    assert_eq!(
        (planned.deleted, planned.removed.len(), planned.kept.len()),
        (report.deleted, report.removed.len(), report.kept.len())
    );
    assert!(!report.removed.is_empty() && report.removed.len() + report.kept.len() == 12);
    let because = |at: usize| before.1.snapshots[at].kept_because.is_empty();
    for (at, (id, _)) in taken.iter().enumerate() {
        assert_eq!(report.removed.iter().any(|removed| removed.id == *id), because(at), "{id}");
    }
    let left = data_files(&lab);
    assert_eq!(left.keys().cloned().collect::<BTreeSet<_>>(), needed(&lab, 11).await);
    let freed = files.values().sum::<usize>() - left.values().sum::<usize>();
    assert_eq!(report.deleted.bytes, freed as u64);
    for id in call.ids().await {
        let (_, shown) = taken.iter().find(|(other, _)| *other == id).unwrap();
        assert_eq!(lab.shown(&call.document(&id).await), *shown, "{id}");
        assert!(call.holds(&id).await, "{id}");
    }
    let again = call.prune(false).await;
    assert_eq!((again.removed.len(), again.deleted.files), (0, 0));
    // and it goes on
    assert!(call.pin(&taken[1].0, false).await);
    lab.week(12);
    let next = lab.in_week(12).taken().await;
    assert_eq!(lab.shown(&next), lab.source());
    assert!(lab.in_week(12).holds(&next.id).await);
}

#[tokio::test]
async fn a_schedule_is_due_when_its_moment_has_come_and_once() {
    let lab = Lab::new(json!({"schedule": {"interval": "1h"}}));
    lab.week(0);
    let first = lab.call(TimeDelta::zero()).taken().await;
    let soon = lab.call(TimeDelta::minutes(30)).take(false).await.unwrap();
    assert_eq!(soon.outcome, Outcome::NotDue);
    assert!(soon.reason.unwrap().contains("the next snapshot is due"));
    assert_eq!(lab.call(TimeDelta::minutes(31)).take(true).await.unwrap().outcome, Outcome::Taken);
    let list = lab.call(TimeDelta::hours(5)).list().await;
    assert_eq!((list.missed, list.due_since.is_some(), list.snapshots.len()), (3, true, 2));
    // nothing has changed, so it is the same version once more
    let later = lab.call(TimeDelta::hours(5)).taken().await;
    assert_eq!(later.tables[0].version, first.tables[0].version);
    assert_eq!(later.tables.iter().map(|table| table.bytes_added).sum::<u64>(), 0);
    assert_eq!(lab.call(TimeDelta::hours(5)).list().await.missed, 0);
}

#[tokio::test]
async fn a_vacuumed_a_changed_and_a_recreated_source_leave_older_snapshots_alone() {
    let lab = Lab::new(json!({}));
    let mut taken = Vec::new();
    for week in 0..3 {
        lab.week(week);
        let document = lab.in_week(week).taken().await;
        taken.push((document.id, lab.source()));
    }
    // vacuum: only what is live stays
    let table = lab.table("cat.s.whole");
    let live_files = live(&table, None);
    for entry in std::fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_file() && !live_files.contains(&name) {
            std::fs::remove_file(entry).unwrap();
        }
    }
    // another schema
    let field = |name: &str| json!({"name": name, "type": "string", "nullable": true, "metadata": {}});
    let schema = json!({"type": "struct", "fields": [field("a"), field("p"), field("more")]}).to_string();
    let metadata = json!({"metaData": {"id": "id of cat.s.whole", "format": {"provider": "parquet", "options": {}},
        "schemaString": schema, "partitionColumns": ["p"], "configuration": {}, "createdTime": 0}});
    lab.commit("cat.s.whole", 3, &format!("{metadata}\n"));
    // dropped and made anew
    let grows = lab.table("cat.s.grows");
    std::fs::remove_dir_all(&grows).unwrap();
    let first = "rows of another table\n";
    tree::write(&grows.join("new.parquet"), first.as_bytes());
    let metadata = metadata.to_string().replace("id of cat.s.whole", "another id");
    let add = json!({"add": {"path": "new.parquet", "partitionValues": {"p": "0"}, "size": first.len(),
        "modificationTime": 0, "dataChange": true}});
    let protocol = json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
    lab.commit("cat.s.grows", 0, &format!("{protocol}\n{metadata}\n{add}\n"));

    let call = lab.in_week(3);
    let document = call.taken().await;
    assert_eq!(lab.shown(&document), lab.source());
    assert_eq!(document.table(&"cat.s.grows".parse().unwrap()).unwrap().source_table_id, "another id");
    taken.push((document.id, lab.source()));
    for (id, shown) in &taken {
        assert_eq!(lab.shown(&call.document(id).await), *shown, "{id}");
        assert!(call.holds(id).await, "{id}");
    }
    assert_eq!(rows(&grows, None).len(), 1);
}
