//! Whatever happens to a table: after every sync the rows of the target are the rows of the source.

use std::collections::{BTreeMap, BTreeSet};

use lakedr::delta::changes::CommitChange;
use lakedr::delta::replica::file::differing_fields;
use lakedr::delta::state::{AddFile, FileKey};
use lakedr::plan::classes::{
    Changes, Classes, Decision, Expected, Reason, SkipOptions, Transfer, advance, logical_view, net,
    questions,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::history::{Step, Sync, empty_table, history};
use crate::table::{Read, Table, Terms, Version};

/// A target and what is persisted of it.
#[derive(Debug)]
struct Replica {
    live: BTreeMap<FileKey, AddFile>,
    at: usize,
    classes: Classes,
    moved: u64,
}

/// A multiset of rows.
fn counted(rows: Vec<Read>) -> BTreeMap<Read, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts
}

/// Makes the changes of a commit, which has to be legal, and every transfer necessary and possible.
fn commit(table: &Table, live: &mut BTreeMap<FileKey, AddFile>, changes: &Changes) {
    let held: BTreeSet<Box<str>> = live.keys().map(|key| key.path.clone()).collect();
    for change in &changes.removes {
        assert!(live.remove(&change.key).is_some(), "{:?} is removed and was not live", change.key);
        assert!(change.raw.text().contains(&format!("\"{}\"", change.key.path)));
    }
    for change in &changes.adds {
        let path = &change.key.path;
        let (was_live, path_held) = (live.contains_key(&change.key), held.contains(path));
        let expected = match (was_live, path_held) {
            (true, _) => Transfer::Nothing,
            (false, true) => Transfer::Vector,
            (false, false) => Transfer::Data,
        };
        assert_eq!(change.transfer, expected, "{path}");
        assert!(path_held || table.stored.contains(&**path), "{path} is to move and is gone");
        assert!(!(was_live && change.data_change));
        live.insert(change.key.clone(), change.add.clone());
    }
    let paths: BTreeSet<&str> = live.keys().map(|key| &*key.path).collect();
    assert_eq!(paths.len(), live.len(), "a path is live twice");
}

/// What a streaming reader makes of the commit: rows of before, less and plus what says that it changes data.
fn check_stream(table: &Table, before: &[FileKey], after: &[FileKey], changes: &Changes, terms: &Terms) {
    // A compaction that does not keep row ids is no change of data either.
    let terms = Terms { row_tracking: false, ..terms.clone() };
    let read = |keys: Vec<FileKey>| counted(table.read(keys.into_iter(), &terms));
    let mut rows = read(before.to_vec());
    for (row, count) in
        read(changes.adds.iter().filter(|add| add.data_change).map(|add| add.key.clone()).collect())
    {
        *rows.entry(row).or_insert(0) += count;
    }
    for (row, count) in
        read(changes.removes.iter().filter(|gone| gone.data_change).map(|gone| gone.key.clone()).collect())
    {
        *rows.entry(row).or_insert(0) -= count;
    }
    rows.retain(|_, count| *count != 0);
    assert_eq!(rows, read(after.to_vec()), "dataChange misleads a streaming reader: {changes:?}");
}

fn keys(live: &BTreeMap<FileKey, AddFile>) -> Vec<FileKey> {
    live.keys().cloned().collect()
}

fn answered(asked: &BTreeSet<FileKey>, state: &Version) -> BTreeMap<FileKey, AddFile> {
    let live = asked.iter().filter_map(|key| Some((key.clone(), state.live.get(key)?.clone())));
    live.collect()
}

impl Replica {
    fn first(table: &Table) -> Self {
        let (live, at) = (table.now().live.clone(), table.versions.len() - 1);
        let moved = live.values().map(|add| add.size).sum();
        Self { live, at, classes: Classes::none(at as u64, "t"), moved }
    }

    fn commits<'a>(&self, table: &'a Table) -> &'a [CommitChange] {
        &table.commits[self.at..]
    }

    /// No commit changed how files are read.
    fn terms_stayed(&self, table: &Table) -> bool {
        self.commits(table).iter().all(|commit| commit.metadata.is_none())
    }

    /// File by file.
    fn copy(&mut self, table: &Table) {
        let found = net(self.commits(table)).unwrap();
        let held = answered(found.uncertain(), &table.versions[self.at]).into_keys().collect();
        let terms = &table.now().terms;
        let changes = found.settle(&held, terms.append_only);
        let before = keys(&self.live);
        commit(table, &mut self.live, &changes);
        let texts = |live: &BTreeMap<FileKey, AddFile>| -> Vec<String> {
            live.values().map(|add| add.raw.text().to_owned()).collect()
        };
        assert_eq!(texts(&self.live), texts(&table.now().live));
        if !terms.append_only && self.terms_stayed(table) {
            check_stream(table, &before, &keys(&self.live), &changes, terms);
        }
        self.moved += changes.transfer_bytes();
        self.at = table.versions.len() - 1;
    }

    /// Row by row.
    fn skip(&mut self, table: &Table, sync: &Sync, coverage: &mut Coverage) {
        let version = table.versions.len() - 1;
        if sync.lost {
            // Nobody knows what the preimages stand for: the full states are compared.
            let lacking = table.now().live.iter().filter(|(key, _)| !self.live.contains_key(*key));
            self.moved += lacking.map(|(_, add)| add.size).sum::<u64>();
            self.live = table.now().live.clone();
            (self.classes, self.at) = (Classes::none(version as u64, "t"), version);
            return;
        }
        let decision = self.decide(table, sync);
        coverage.count(&self.classes, &decision);
        let before = keys(&self.live);
        let exact: u64 = {
            let held: BTreeSet<&str> = before.iter().map(|key| &*key.path).collect();
            let lacking = table.now().live.iter().filter(|(key, _)| !held.contains(&*key.path));
            lacking.map(|(_, add)| add.size).sum()
        };
        commit(table, &mut self.live, &decision.changes);
        let terms = &table.now().terms;
        let moved = decision.changes.transfer_bytes();
        if terms.append_only {
            assert!(decision.changes.removes.iter().all(|gone| !gone.data_change));
        } else {
            assert!(moved <= exact, "moves {moved} bytes where a comparison of files moves {exact}");
            if self.terms_stayed(table) {
                check_stream(table, &before, &keys(&self.live), &decision.changes, terms);
            }
        }
        self.moved += moved;
        self.check_classes(table, &decision, sync);
        let text = serde_json::to_string(&decision.classes).unwrap();
        self.classes = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&self.classes).unwrap(), text);
        self.at = version;
    }

    fn options(table: &Table, sync: &Sync) -> SkipOptions {
        let now_ms = 1_000 * i64::try_from(table.versions.len()).unwrap();
        if sync.exact {
            return SkipOptions::exact(now_ms);
        }
        SkipOptions { max_files: sync.max_files, max_age_ms: sync.max_age, ..SkipOptions::at(now_ms) }
    }

    fn decide(&self, table: &Table, sync: &Sync) -> Decision {
        let commits = self.commits(table);
        let (from, to) = (&table.versions[self.at], table.now());
        let known = answered(&questions(&self.classes, commits).unwrap(), from);
        let heads = (from.head(self.at), to.head(table.versions.len() - 1));
        let options = Self::options(table, sync);
        let advanced = advance(&self.classes, &heads.0, &heads.1, commits, &known, &options).unwrap();
        let wanted = advanced.wanted().into_iter().map(|member| member.key().clone());
        let exists = wanted.filter(|key| table.stored.contains(&*key.path)).collect();
        advanced.decide(&exists)
    }

    fn check_classes(&self, table: &Table, decision: &Decision, sync: &Sync) {
        let now = table.now();
        let view = logical_view(&now.live, &decision.classes).unwrap();
        assert!(view.keys().copied().eq(self.live.keys()), "the view is not the target");
        for (key, expected) in view {
            match expected {
                Expected::Equal(add) => assert_eq!(differing_fields(add, &self.live[key]), [""; 0]),
                Expected::Rearranged(member) => assert!(member.same_rows(key, &self.live[key])),
            }
        }
        assert!(now.terms.vectors || self.live.keys().all(|key| key.vector.is_none()));
        assert!(decision.classes.is_empty() || !now.terms.iceberg);
        let options = Self::options(table, sync);
        assert!(!sync.exact || decision.classes.is_empty());
        let rewrites = ["REORG", "REMOVE COLUMN MAPPING", "DROP FEATURE"];
        let rewritten = self.commits(table).iter().rev();
        let rewritten =
            rewritten.take_while(|commit| !rewrites.contains(&commit.facts.operation.as_deref().unwrap()));
        let unpurged: BTreeSet<FileKey> =
            rewritten.clone().flat_map(|commit| commit.adds.iter().map(|(key, _)| key.clone())).collect();
        let purged = rewritten.count() < self.commits(table).len();
        for class in decision.classes.iter() {
            assert!(now.terms.append_only || class.preimage().len() <= options.max_files);
            assert!(
                !purged || class.image().keys().any(|key| unpurged.contains(key)),
                "old bytes outlive a purge"
            );
        }
    }
}

/// What histories come to.
#[derive(Debug, Default)]
struct Coverage {
    reasons: BTreeSet<Reason>,
    /// Syncs that left a class, took one over from before, and let compacted files stay at home.
    standing: usize,
    carried: usize,
    skipped: usize,
    /// Bytes moved by skipping and by copying.
    moved: (u64, u64),
}

impl Coverage {
    fn count(&mut self, before: &Classes, decision: &Decision) {
        self.reasons.extend(decision.materialised.keys());
        self.standing += usize::from(!decision.classes.is_empty());
        self.skipped += usize::from(decision.skipped_files > 0);
        let old: BTreeSet<&FileKey> = before.iter().flat_map(|class| class.preimage().keys()).collect();
        let new = decision.classes.iter().flat_map(|class| class.preimage().keys());
        self.carried += usize::from(new.into_iter().any(|key| old.contains(key)));
    }
}

/// Runs a history with a sync at its end.
fn run(steps: &[Step], coverage: &mut Coverage) {
    let mut table = empty_table();
    let mut replicas: Option<(Replica, Replica)> = None;
    let last = Step::Sync(Sync { exact: false, lost: false, max_files: 100, max_age: 1_000_000 });
    for step in steps.iter().chain([&last]) {
        let Step::Sync(sync) = step else {
            table.step(step);
            continue;
        };
        let (skip, copy) = replicas.get_or_insert_with(|| (Replica::first(&table), Replica::first(&table)));
        skip.skip(&table, sync, coverage);
        copy.copy(&table);
        let terms = &table.now().terms;
        let source = table.read(table.now().live.keys().cloned(), terms);
        assert_eq!(table.read(skip.live.keys().cloned(), terms), source, "rows differ after {step:?}");
    }
    let (skip, copy) = replicas.unwrap();
    coverage.moved.0 += skip.moved;
    coverage.moved.1 += copy.moved;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_equal_after_every_sync(steps in history()) {
        run(&steps, &mut Coverage::default());
    }
}

#[test]
fn the_histories_come_to_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut coverage = Coverage::default();
    for _ in 0..1_000 {
        run(&history().new_tree(&mut runner).unwrap().current(), &mut coverage);
    }
    let reasons = [
        Reason::Changed,
        Reason::RowsDiffer,
        Reason::RowsUnknown,
        Reason::PathReturned,
        Reason::Rewritten,
        Reason::Reinterpreted,
        Reason::FilesBound,
        Reason::RowIdsLost,
        Reason::TooManyFiles,
        Reason::TooOld,
        Reason::NothingSaved,
        Reason::PreimageGone,
    ];
    assert_eq!(coverage.reasons, BTreeSet::from(reasons), "{coverage:?}");
    assert!(coverage.standing > 300 && coverage.carried > 100 && coverage.skipped > 150, "{coverage:?}");
    assert!(coverage.moved.0 < coverage.moved.1, "{coverage:?}");
}
