//! A body of an open intent that is missing or not what it was.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use lakedr::cli::Level;
use lakedr::pipeline::{Scene, prove_point};
use lakedr::publish::settle;
use lakedr::report::{GroupReport, Outcome};
use lakedr_control::group_log::{Appended, Event, FailureClass, GroupLog};
use lakedr_control::store::{DocStore, DocStoreRef, Listed, Object, StoreError, Tag, Written};

use crate::checks::{held_run, newest, readable, tags};
use crate::lab::{Lab, slot_key};
use crate::open_intent::{Opened, opened};
use crate::tree::{self, Tree, changes};
use crate::writes::is_metadata;

/// Key of the stored body of a table.
fn body_key(opened: &Opened, table: usize) -> String {
    let body = &opened.slots[table].1;
    let mut keys = opened.announced.iter().filter(|(key, bytes)| key.contains("/pending/") && *bytes == body);
    keys.next().unwrap().0.clone()
}

/// Everything but the log of the group and what is told of it.
fn without_log(tree: &Tree) -> Tree {
    tree.iter()
        .filter(|(key, _)| !key.contains("/log/") && !is_metadata(key))
        .map(|(key, bytes)| (key.clone(), bytes.clone()))
        .collect()
}

async fn is_stuck(lab: &Lab, standby: &Tree, intent: u64, case: &str) {
    lab.restore(standby);
    for call in ["first", "second"] {
        let GroupReport { outcome, error, .. } = lab.sync().await;
        let error = error.unwrap();
        assert_eq!(
            (outcome, error.r#type.as_str()),
            (Outcome::Failed, "damaged"),
            "{case}, {call}: {error:?}"
        );
        assert!(error.message.contains("missing or damaged (meta/groups/etl/pending/"), "{case}: {error:?}");
        assert_eq!(changes(&without_log(standby), &without_log(&lab.read())), [].into(), "{case}, {call}");
        let history = readable(lab).await;
        assert_eq!(tags(&history, intent), ["intent", "failed"], "{case}, {call}");
        let state = history.state.as_ref().unwrap();
        assert_eq!(state.last_failure.as_ref().unwrap().class, FailureClass::Damaged, "{case}");
        assert_eq!((state.open_intent.as_ref().unwrap().seq, held_run(&history)), (intent, 1), "{case}");
    }
}

#[tokio::test]
async fn an_intent_without_its_bodies_is_said_to_be_damaged() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    for table in 0..3 {
        let key = body_key(&opened, table);
        for bits in (0..8).filter(|bits| bits & (1 << table) == 0) {
            let case = format!("table {table}, slots {bits:03b}");
            let whole = opened.filled(bits);
            let mut missing = whole.clone();
            missing.remove(&key);
            is_stuck(lab, &missing, opened.intent, &format!("{case}, missing")).await;
            let mut damaged = whole.clone();
            damaged.get_mut(&key).unwrap().push(b'\n');
            is_stuck(lab, &damaged, opened.intent, &format!("{case}, damaged")).await;

            let mut mended = lab.read();
            mended.insert(key.clone(), whole[&key].clone());
            lab.restore(&mended);
            assert_eq!(lab.sync().await.outcome, Outcome::Published, "{case}");
            let history = readable(lab).await;
            assert_eq!((held_run(&history), newest(&history).unwrap().intent), (2, opened.intent), "{case}");
        }
    }
}

/// A store before whose first body somebody else settles the intent.
#[derive(Debug)]
struct Overtaken {
    store: DocStoreRef,
    /// The region, and how it is then.
    settled: (PathBuf, Tree),
}

#[async_trait]
impl DocStore for Overtaken {
    fn url(&self) -> &str {
        self.store.url()
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        if key.contains("/pending/") {
            tree::restore(&self.settled.0, &self.settled.1);
        }
        self.store.read(key).await
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        self.store.list_after(folder, after).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        self.store.create(key, bytes).await
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        self.store.replace(key, bytes, tag).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
}

#[tokio::test]
async fn bodies_that_somebody_else_has_used_up_are_not_missed() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let settled = (lab.standby(), lab.read());
    lab.restore(&opened.announced);
    let executor = lab.executor();
    let scene = executor.scene().await;
    let home = |side| -> (String, DocStoreRef) {
        let store = Overtaken { store: scene.stores.location(side), settled: settled.clone() };
        (scene.group.side(side).region.clone(), Arc::new(store))
    };
    let active = scene.group.initial_active;
    let log = GroupLog::new(scene.group.name.clone(), home(active.other()), home(active));
    let scene = Scene { log, ..scene };
    let history = scene.log.read().await.unwrap();
    let settled = settle(&scene, history).await.unwrap();
    let state = settled.history.state.unwrap();
    assert_eq!((state.recovery_point().unwrap().intent, &state.open_intent), (opened.intent, &None));
    assert_eq!(held_run(&readable(lab).await), 2);
}

#[tokio::test]
async fn the_body_of_a_filled_slot_is_not_needed() {
    let opened = opened(2).await;
    let mut standby = opened.filled(0b101);
    for table in [0, 2] {
        standby.remove(&body_key(&opened, table));
    }
    opened.lab.restore(&standby);
    assert_eq!(opened.lab.sync().await.outcome, Outcome::Published);
    assert_eq!(held_run(&readable(&opened.lab).await), 2);
}

/// An error stays one until it is mended: the next call has nothing to copy, and must not be green for that.
#[tokio::test]
async fn a_recovery_point_that_does_not_read_back_is_looked_at_again() {
    let lab = Lab::after_run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let executor = lab.executor();
    let scene = executor.scene().await;
    let event = Event::Failed {
        attempt: 1,
        stage: "verify".to_owned(),
        class: FailureClass::Damaged,
        message: "it was not equal".to_owned(),
    };
    let history = lab.history().await.history;
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    assert!(matches!(appended.unwrap(), Appended::Done(_)));
    assert_eq!(lab.sync().await.outcome, Outcome::UpToDate, "it is equal after all");

    let commit = lab.standby().join(slot_key("cat.s.gold", 0));
    let text = std::fs::read_to_string(&commit).unwrap();
    let changed = text.replace(r#""add":{"#, r#""add":{"tags":{"of":"somebody"},"#);
    assert_ne!(text, changed);
    std::fs::write(&commit, changed).unwrap();
    for call in ["first", "second"] {
        let GroupReport { outcome, error, .. } = lab.sync().await;
        let error = error.unwrap();
        assert_eq!((outcome, error.r#type.as_str()), (Outcome::Failed, "damaged"), "{call}: {error:?}");
        assert!(error.message.contains("does not read back as version 0 of its source"), "{call}: {error:?}");
    }

    lab.run(2);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    assert!(lab.history().await.state.unwrap().last_failure.is_none());
    assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
}

/// Who was killed behind the last slot has read nothing back: the next call does, though it has nothing to copy.
#[tokio::test]
async fn a_recovery_point_that_nobody_read_back_is_read_back_by_the_next_call() {
    let lab = Lab::after_run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let commit = lab.standby().join(slot_key("cat.s.gold", 0));
    let checksum = commit.with_extension("crc");
    let written = std::fs::read(&checksum).unwrap();
    std::fs::remove_file(&checksum).unwrap();
    assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
    assert_eq!(std::fs::read(&checksum).unwrap(), written, "it is on record that the version is proven");

    std::fs::remove_file(&checksum).unwrap();
    let text = std::fs::read_to_string(&commit).unwrap();
    std::fs::write(&commit, text.replace(r#""add":{"#, r#""add":{"tags":{"of":"somebody"},"#)).unwrap();
    let GroupReport { outcome, error, .. } = lab.sync().await;
    assert_eq!((outcome, error.unwrap().r#type.as_str()), (Outcome::Failed, "damaged"));
    assert!(!checksum.exists(), "what is not proven has no checksum");
}

/// Readers may believe a checksum in place of the log.
#[tokio::test]
async fn a_checksum_that_is_wrong_is_no_proof() {
    let lab = Lab::after_run(2);
    lab.sync().await;
    let executor = lab.executor();
    let history = lab.history().await.history;
    let proven =
        async || prove_point(&executor.scene().await, &history, Level::Log).await.unwrap().unwrap().equal();
    assert!(proven().await);
    let checksum = lab.standby().join(slot_key("cat.s.silver", 0)).with_extension("crc");
    let text = std::fs::read_to_string(&checksum).unwrap();
    let wrong = text.replace(r#""numFiles":2"#, r#""numFiles":3"#);
    assert_ne!(text, wrong);
    std::fs::write(&checksum, wrong).unwrap();
    assert!(!proven().await);
}
