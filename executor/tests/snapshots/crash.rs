//! Killed after every single write, and run again.

use std::path::Path;

use chrono::TimeDelta;
use lakedr_control::snapshots::SnapshotId;
use serde_json::{Value, json};

use crate::lab::{Lab, State};
use crate::tree::{self, Tree, changes};

/// The states that a crash leaves: what was written between two states, in the order of the times of the files, cut off
/// behind each write. What went in between goes last.
pub(crate) fn prefixes(folder: &Path, before: &Tree, after: &Tree) -> Vec<Tree> {
    let stamps = tree::stamps(folder);
    let mut written: Vec<&String> = after.keys().filter(|key| before.get(*key) != after.get(*key)).collect();
    // files of one tick of the clock: data, then logs, then what makes them a snapshot
    let rank = |key: &String| {
        let folders = ["/_delta_log/", "/meta/snapshots/", "/meta/catalog/"];
        folders.iter().position(|folder| key.contains(folder)).map_or(0, |at| at + 1)
    };
    let time = |key: &String| stamps.get(key).map(|(_, seconds, nanos)| (*seconds, *nanos));
    written.sort_by_key(|key| (time(key), rank(key)));
    let mut states = vec![before.clone()];
    let mut state = before.clone();
    for key in written {
        state.insert(key.clone(), after[key].clone());
        states.push(state.clone());
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        state.remove(key);
        states.push(state.clone());
    }
    states
}

async fn survives(schedule: Value) {
    let lab = Lab::new(schedule);
    let mut shown: Vec<(SnapshotId, State)> = Vec::new();
    let mut before = Tree::new();
    for week in 0..3 {
        lab.week(week);
        before = lab.read();
        let document = lab.in_week(week).taken().await;
        shown.push((document.id, lab.source()));
    }
    let after = lab.read();
    let states = prefixes(&lab.kept(), &before, &after);
    assert!(states.len() > 6, "{} states", states.len());
    for (at, state) in states.iter().enumerate() {
        tree::restore(&lab.kept(), state);
        // the older snapshots stand, the newest one is there whole or not at all
        let call = lab.in_week(2);
        for id in call.ids().await {
            let (_, expected) = shown.iter().find(|(known, _)| *known == id).unwrap();
            assert_eq!(lab.shown(&call.document(&id).await), *expected, "state {at}");
            assert!(call.holds(&id).await, "state {at}");
        }
        let later = lab.call(TimeDelta::weeks(2) + TimeDelta::minutes(6));
        let taken = later.take(true).await.map_err(|stop| crate::lab::told(&stop)).unwrap();
        let document = taken.snapshot.unwrap_or_else(|| panic!("state {at}: {:?}", taken.reason));
        assert_eq!(lab.shown(&document), lab.source(), "state {at}");
        for id in later.ids().await {
            assert!(later.holds(&id).await, "state {at}, {id}");
        }
    }
}

#[tokio::test]
async fn incremental_survives_a_crash_after_every_write() {
    survives(json!({})).await;
}

#[tokio::test]
async fn batch_survives_a_crash_after_every_write() {
    survives(json!({"mode": "batch"})).await;
}

#[tokio::test]
async fn overwriting_survives_a_crash_after_every_write() {
    survives(json!({"mode": "batch", "overwrite": true})).await;
}

async fn pruning_survives(schedule: Value) {
    let lab = Lab::new(schedule);
    for week in 0..6 {
        lab.week(week);
        lab.in_week(week).taken().await;
    }
    let before = lab.read();
    lab.in_week(5).prune(false).await;
    let after = lab.read();
    assert!(after.len() < before.len());
    for (at, state) in prefixes(&lab.kept(), &before, &after).iter().enumerate() {
        tree::restore(&lab.kept(), state);
        let later = lab.call(TimeDelta::weeks(5) + TimeDelta::minutes(6));
        let ids = later.ids().await;
        assert!(ids.len() == 6 || ids.len() == 2, "state {at}: {ids:?}");
        for id in ids.iter().skip(ids.len() - 2) {
            assert!(later.holds(id).await, "state {at}, {id}");
        }
        // a snapshot may be next, or the rest of the pruning
        if at % 2 == 0 {
            let document = later.take(true).await.map_err(|stop| crate::lab::told(&stop)).unwrap().snapshot;
            assert_eq!(lab.shown(&document.unwrap()), lab.source(), "state {at}");
        } else {
            later.prune(false).await;
            let is_data = |key: &String| key.contains("/data/");
            let differ: Vec<_> = changes(&after, &lab.read()).into_iter().filter(is_data).collect();
            assert_eq!(differ, Vec::<String>::new(), "state {at}");
        }
        for id in later.ids().await.iter().rev().take(2) {
            assert!(later.holds(id).await, "state {at}, {id}");
        }
    }
}

#[tokio::test]
async fn pruning_incremental_copies_survives_a_crash_after_every_write() {
    pruning_survives(json!({"retention": {"keep_last": 2}})).await;
}

#[tokio::test]
async fn pruning_batch_copies_survives_a_crash_after_every_write() {
    pruning_survives(json!({"mode": "batch", "retention": {"keep_last": 2}})).await;
}
