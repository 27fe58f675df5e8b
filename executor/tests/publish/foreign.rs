//! A foreign commit in a slot of an open intent.

use std::sync::Arc;

use lakedr::publish::settle;
use lakedr::report::{GroupReport, Outcome};
use lakedr_control::group_log::{Event, IntentKind};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode, PutOptions};

use crate::checks::{case, heads, held_run, newest, newest_readable, readable, tags};
use crate::lab::{Lab, TABLES, Told, slot_key, table_key};
use crate::open_intent::{Opened, opened};
use crate::tree::{Tree, changes};
use crate::writes::{prefixes, steps};

/// A commit that somebody else makes.
pub(crate) const FOREIGN: &[u8] =
    b"{\"commitInfo\":{\"timestamp\":0,\"operation\":\"DELETE\",\"engineInfo\":\"spark\",\"userName\":\"eve\"}}\n";

/// One table of a three-table intent is written by somebody else, some of the others are filled.
#[derive(Debug, Clone, Copy)]
struct Case {
    foreign: usize,
    filled: usize,
}

/// Every table as the foreign one, with every choice of filled slots among the others.
fn cases() -> impl Iterator<Item = Case> {
    let free = |case: &Case| case.filled & (1 << case.foreign) == 0;
    (0..3).flat_map(|foreign| (0..8).map(move |filled| Case { foreign, filled })).filter(free)
}

impl Case {
    fn state(self, opened: &Opened) -> Tree {
        let mut tree = opened.filled(self.filled);
        tree.insert(opened.slots[self.foreign].0.clone(), FOREIGN.to_vec());
        tree
    }

    /// Versions of a recovery point of version 0 after the rollback of an intent to version 1.
    fn rolled_back_to(self) -> Vec<Option<u64>> {
        let version = |table: usize| match table {
            table if table == self.foreign => 0,
            table => 1 + u64::from(self.filled & (1 << table) != 0),
        };
        (0..3).map(|table| Some(version(table))).collect()
    }

    fn others(self) -> impl Iterator<Item = usize> {
        (0..3).filter(move |table| *table != self.foreign)
    }
}

/// Writes a commit as an executor does that was stopped just before. Whether its slot was free.
pub(crate) async fn late_fill(lab: &Lab, key: &str, body: &[u8]) -> bool {
    let store = LocalFileSystem::new_with_prefix(lab.standby()).unwrap();
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match Arc::new(store).put_opts(&Path::from(key), body.to_vec().into(), options).await {
        Ok(_) => true,
        Err(Error::AlreadyExists { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn is_diverged(report: &GroupReport) {
    let error = report.error.as_ref().unwrap();
    assert_eq!((report.outcome, error.r#type.as_str()), (Outcome::Refused, "diverged"), "{error:?}");
}

/// The newest intent, which must be a rollback, and what it replaces.
fn rollback(history: &Told) -> (u64, Option<u64>) {
    let mut intents = history.entries.iter().filter_map(|entry| match &entry.event {
        Event::Intent { kind, replaces, .. } => Some((entry.seq, *kind, *replaces)),
        _ => None,
    });
    let (seq, kind, replaces) = intents.next_back().unwrap();
    assert_eq!(kind, IntentKind::Rollback);
    (seq, replaces)
}

/// No intent is open, every table but `foreign` shows the newest recovery point to a reader who knows no log, and so
/// does that one, or a foreign commit is its head.
pub(crate) fn whole_but_for(lab: &Lab, history: &Told, foreign: &str) {
    assert_eq!(history.state.as_ref().unwrap().open_intent, None);
    let (cut, standby) = (&newest(history).unwrap().cut, lab.read());
    let heads = heads(&standby);
    for pinned in &cut.tables {
        let name = pinned.name.to_string();
        let key = table_key(&name);
        let head = heads[&key];
        if name == foreign && standby.iter().any(|(at, commit)| at.starts_with(&key) && commit == FOREIGN) {
            assert!(standby[&slot_key(&name, head)] == FOREIGN, "{name}: written behind a foreign commit");
        } else {
            assert_eq!(Some(head), pinned.target_version, "{name}");
        }
    }
}

/// Moves a table of the standby region away, as the refusal says.
pub(crate) fn move_away(lab: &Lab, table: &str) {
    std::fs::remove_dir_all(lab.standby().join(table_key(table))).unwrap();
}

/// The next call brings the group to a run, and the one after it has nothing to do.
async fn converges(lab: &Lab, run: u64) {
    let report = lab.sync().await;
    assert_eq!(report.outcome, Outcome::Published, "{report:?}");
    assert_eq!(held_run(&newest_readable(lab).await), run);
    assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
}

/// What lies in the standby region beside stored bodies, of which an executor that came too late may leave some.
fn without_bodies(lab: &Lab) -> Tree {
    lab.read().into_iter().filter(|(key, _)| !key.contains("/pending/")).collect()
}

#[tokio::test]
async fn a_broken_intent_is_rolled_back_and_its_slots_are_closed() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    lab.restore(&opened.announced);
    let old = newest(&lab.history().await).unwrap().cut.id.clone();
    for broken in cases() {
        case(&broken);
        lab.restore(&broken.state(&opened));
        let stale = lab.history().await.history;
        let report = lab.sync().await;
        is_diverged(&report);
        assert!(report.error.unwrap().message.contains("version 1 that lakedr did not write (by eve, spark"));

        let history = readable(lab).await;
        assert_eq!(tags(&history, opened.intent), ["intent", "intent", "published", "failed"]);
        let (seq, replaces) = rollback(&history);
        let point = newest(&history).unwrap();
        assert_eq!((replaces, point.intent), (Some(opened.intent), seq));
        assert_eq!((&point.cut.id, held_run(&history)), (&old, 1));
        whole_but_for(lab, &history, TABLES[broken.foreign]);
        let versions: Vec<_> = point.cut.tables.iter().map(|table| table.target_version).collect();
        assert_eq!(versions, broken.rolled_back_to());

        let rolled_back = without_bodies(lab);
        for table in broken.others() {
            let (key, body) = &opened.slots[table];
            assert!(!late_fill(lab, key, body).await, "{key} was left open");
        }
        let executor = lab.executor();
        let settled = settle(&executor.scene().await, stale).await.unwrap();
        assert_eq!(settled.history.state, history.state);
        is_diverged(&lab.sync().await);
        assert_eq!(changes(&rolled_back, &without_bodies(lab)), [].into());

        move_away(lab, TABLES[broken.foreign]);
        converges(lab, 2).await;
    }
}

#[tokio::test]
async fn a_rollback_is_killed_after_every_write_while_a_sleeper_wakes_up() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    for broken in cases().filter(|case| case.filled.count_ones() == 1) {
        let before = broken.state(&opened);
        lab.restore(&before);
        is_diverged(&lab.sync().await);
        let after = lab.read();
        for crash in prefixes(&before, &steps(&before, &after)) {
            for sleeper in [None, broken.others().find(|table| broken.filled & (1 << table) == 0)] {
                case(&(broken, &crash.after, sleeper));
                lab.restore(&crash.standby);
                if let Some(table) = sleeper {
                    let (key, body) = &opened.slots[table];
                    late_fill(lab, key, body).await;
                }
                assert_eq!(held_run(&readable(lab).await), 1);
                is_diverged(&lab.sync().await);
                let history = readable(lab).await;
                assert_eq!(held_run(&history), 1);
                rollback(&history);
                whole_but_for(lab, &history, TABLES[broken.foreign]);
            }
        }
    }
}

#[tokio::test]
async fn a_first_publish_that_is_broken_is_abandoned_and_converges() {
    let opened = opened(1).await;
    let lab = &opened.lab;
    for broken in cases() {
        for sleeper in [false, true] {
            case(&(broken, sleeper));
            lab.restore(&broken.state(&opened));
            is_diverged(&lab.sync().await);
            let history = lab.history().await;
            assert_eq!(tags(&history, opened.intent), ["intent", "abandoned", "failed"]);
            assert_eq!(held_run(&history), 0);
            if sleeper {
                fill_late(&opened, broken.others()).await;
            }
            move_away(lab, TABLES[broken.foreign]);
            converges(lab, 1).await;
        }
    }
}

/// Without a recovery point no rollback closes the slots of the broken intent: its sleeper may wake up in the middle
/// of the next first publish and take a slot of it. That publish is given up then, and the one after it converges.
#[tokio::test]
async fn a_sleeper_of_an_abandoned_intent_delays_the_first_publish_and_no_more() {
    let opened = opened(1).await;
    let lab = &opened.lab;
    let broken = Case { foreign: 1, filled: 0 };
    lab.restore(&broken.state(&opened));
    is_diverged(&lab.sync().await);
    move_away(lab, TABLES[broken.foreign]);
    let before = lab.read();
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    for crash in prefixes(&before, &steps(&before, &lab.read())) {
        case(&crash.after);
        lab.restore(&crash.standby);
        fill_late(&opened, broken.others()).await;
        let first = lab.sync().await;
        if first.outcome == Outcome::Refused {
            is_diverged(&first);
            assert_eq!(held_run(&lab.history().await), 0);
            assert_eq!(lab.sync().await.outcome, Outcome::Published);
        }
        let history = readable(lab).await;
        assert_eq!(held_run(&history), 1);
        whole_but_for(lab, &history, TABLES[broken.foreign]);
        assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
    }
}

async fn fill_late(opened: &Opened, tables: impl Iterator<Item = usize>) {
    for table in tables {
        let (key, body) = &opened.slots[table];
        late_fill(&opened.lab, key, body).await;
    }
}
