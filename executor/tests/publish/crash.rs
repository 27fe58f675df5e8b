//! Killed after every single write of a sync, and run again.

use lakedr::report::Outcome;
use lakedr_control::group_log::Event;

use crate::checks::{case, count, data_files, held_run, newest, readable};
use crate::lab::Lab;
use crate::tree::{self, Tree, changes};
use crate::writes::{Crash, Step, Write, check_order, is_cache, prefixes, steps};

/// An undisturbed sync: the standby region before and after it.
struct Undisturbed {
    lab: Lab,
    before: Tree,
    after: Tree,
    steps: Vec<Step>,
}

/// Syncs runs 1 to `last` one by one; the last sync is the one to disturb.
async fn undisturbed(last: u64) -> Undisturbed {
    let lab = Lab::new();
    let mut before = Tree::new();
    for run in 1..=last {
        lab.run(run);
        before = lab.read();
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
    }
    let after = lab.read();
    let steps = steps(&before, &after);
    check_order(&steps, &tree::stamps(&lab.standby()));
    Undisturbed { lab, before, after, steps }
}

impl Undisturbed {
    /// Runs the sync again from a crash, and checks the group before, after, and after one more sync.
    async fn survives(&self, crash: &Crash, run: u64) {
        let lab = &self.lab;
        lab.restore(&crash.standby);
        if let Some(Write::Put(key, bytes)) = &crash.torn {
            tree::write(&lab.standby().join(tree::torn(key)), &bytes[..bytes.len() / 2]);
        }
        let killed = readable(lab).await;
        let published = held_run(&killed) == run;
        assert!(published || held_run(&killed) == run - 1);
        let stamps = tree::stamps(&lab.standby());

        let report = lab.sync().await;
        let expected = if published { Outcome::UpToDate } else { Outcome::Published };
        assert_eq!(report.outcome, expected, "{report:?}");
        self.ended_equal().await;
        for (key, stamp) in tree::stamps(&lab.standby()) {
            assert!(
                is_cache(&key) || stamps.get(&key).is_none_or(|before| *before == stamp),
                "{key} was written twice"
            );
        }

        let (rested, stamps) = (lab.read(), tree::stamps(&lab.standby()));
        assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
        assert_eq!(changes(&rested, &lab.read()), [].into());
        assert_eq!(tree::stamps(&lab.standby()), stamps, "a sync without work wrote");
    }

    /// The group is where the undisturbed sync has brought it.
    async fn ended_equal(&self) {
        let found = readable(&self.lab).await;
        let standby = self.lab.read();
        let cuts = |tree: &Tree| {
            let entries = tree.iter().filter(|(key, _)| key.contains("/log/"));
            let entries =
                entries.map(|(key, bytes)| lakedr_control::group_log::Entry::decode(key, bytes).unwrap());
            let published = entries.filter_map(|entry| match entry.event {
                Event::Published { cut, .. } => Some(cut),
                _ => None,
            });
            published.collect::<Vec<_>>()
        };
        assert_eq!(cuts(&standby), cuts(&self.after), "same versions, each published once");
        assert_eq!(changes(&data_files(&self.after), &data_files(&standby)), [].into());
        assert_eq!(count(&found, "failed") + count(&found, "abandoned"), 0);
        assert!(found.state.as_ref().unwrap().open_intent.is_none());
        assert_eq!(newest(&found).unwrap().cut.tables.len(), 3);
    }
}

async fn every_prefix_of_sync(run: u64) -> usize {
    let sync = undisturbed(run).await;
    let crashes = prefixes(&sync.before, &sync.steps);
    for crash in &crashes {
        case(&crash.after);
        sync.survives(crash, run).await;
    }
    crashes.len()
}

#[tokio::test]
async fn the_first_sync_is_killed_after_every_write() {
    // created, runs; 3 files, 3 bodies, intent, 3 slots, published, head, 3 bodies forgotten, 3 records, 3 checksums; a row of
    // the metadata table, its commit and the mark; in two orders, none included
    assert_eq!(every_prefix_of_sync(1).await, 2 * (2 + 3 + 3 + 1 + 3 + 2 + 3 + 6 + 3 + 1));
}

#[tokio::test]
async fn a_later_sync_is_killed_after_every_write() {
    // runs; 3 files, 3 bodies, intent, 3 slots, published, head, 3 bodies forgotten, 3 records, a checkpoint and the hint
    // to it, 3 checksums; a row of the metadata table, its commit and the mark
    assert_eq!(every_prefix_of_sync(2).await, 2 * (1 + 3 + 3 + 1 + 3 + 2 + 3 + 6 + 2 + 3 + 1));
}
