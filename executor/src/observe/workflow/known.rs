//! Which run records have to be read, and what is worth remembering of them. Pure.

use std::collections::BTreeMap;

use lakedr_control::cut::Cut;
use lakedr_control::id::TableName;
use lakedr_control::known_runs::{KnownRun, Runs, SettledBy, fingerprint};
use lakedr_control::layout;
use lakedr_control::run_record::RunRecord;
use lakedr_control::store::Listed;

use super::attempts::attempts;
use crate::cut::is_settled;

/// What a choice rests on beside the runs.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The newest recovery point.
    pub cut: Option<&'a Cut>,
    /// The tables of the group.
    pub tables: &'a [TableName],
}

/// The records that were listed, by the folders of their runs.
pub(super) type Folders = BTreeMap<String, Vec<Listed>>;

/// Puts the objects of a listing together by run. What is no record is left out.
pub(super) fn folders(listed: Vec<Listed>) -> Folders {
    let mut folders = Folders::new();
    for object in listed.into_iter().filter(|object| layout::is_run_record(&object.key)) {
        folders.entry(layout::run_of(&object.key).to_owned()).or_default().push(object);
    }
    folders
}

/// What was remembered, as far as it still holds: nothing when its settled runs are not settled by the newest recovery
/// point, because that one is older or has other tables.
pub(super) fn usable(known: Runs, held: Held<'_>) -> Runs {
    let covers = |cut: &Cut| held.tables.iter().all(|table| cut.table(table).is_some());
    let now = held.cut.filter(|cut| covers(cut)).and_then(SettledBy::of);
    match (&known.settled_by, now) {
        (None, _) => Runs { settled: BTreeMap::new(), ..known },
        (Some(then), Some(now)) if now.follows(then) => known,
        _ => Runs::default(),
    }
}

/// Listed runs, by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Sifted {
    /// Runs that no choice depends on.
    pub(super) settled: BTreeMap<String, String>,
    /// Runs whose records are known.
    pub(super) open: BTreeMap<String, KnownRun>,
    /// Keys of all records of the other runs, by folder, with the run's fingerprint.
    pub(super) unseen: BTreeMap<String, (String, Vec<String>)>,
}

/// Tells runs that have to be read from those that are known and unchanged.
pub(super) fn sift(folders: &Folders, known: &Runs) -> Sifted {
    let mut sifted = Sifted::default();
    for (folder, objects) in folders {
        let fingerprint = fingerprint(objects);
        let open = known.open.get(folder).filter(|run| run.fingerprint == fingerprint);
        if known.settled.get(folder) == Some(&fingerprint) {
            sifted.settled.insert(folder.clone(), fingerprint);
        } else if let Some(run) = open {
            sifted.open.insert(folder.clone(), run.clone());
        } else {
            let keys = objects.iter().map(|object| object.key.clone()).collect();
            sifted.unseen.insert(folder.clone(), (fingerprint, keys));
        }
    }
    sifted
}

/// Whether the run that a recovery point holds is among these. Without its records nothing is settled: a place without
/// any finished run has to look like one.
pub(super) fn hold_the_newest(open: &BTreeMap<String, KnownRun>, held: Held<'_>) -> bool {
    let Some(run) = held.cut.and_then(|cut| cut.run.as_ref()) else { return false };
    let millis = |record: &RunRecord| record.ended_at.map(|at| at.timestamp_millis());
    let records = open.get(&layout::run(&run.id)).map(|run| run.records.as_slice()).unwrap_or_default();
    records
        .iter()
        .any(|record| record.run == run.id && millis(record) == Some(run.ended_at.timestamp_millis()))
}

/// What is worth remembering: of settled runs only that they are.
pub(super) fn remember(
    mut settled: BTreeMap<String, String>,
    mut open: BTreeMap<String, KnownRun>,
    held: Held<'_>,
) -> Runs {
    let cut = held.cut.filter(|_| hold_the_newest(&open, held));
    let Some(cut) = cut else { return Runs { settled_by: None, settled: BTreeMap::new(), open } };
    open.retain(|folder, run| {
        let over = is_settled(&attempts(&run.records), cut, held.tables);
        if over {
            settled.insert(folder.clone(), std::mem::take(&mut run.fingerprint));
        }
        !over
    });
    let settled_by = SettledBy::of(cut).filter(|_| !settled.is_empty());
    Runs { settled_by, settled, open }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use futures::executor::block_on;
    use lakedr_control::cut::Pin;
    use lakedr_control::id::Name;
    use lakedr_control::run_record::{RunStatus, TableVersions};
    use lakedr_control::store::{DocStore as _, DocStoreRef, MemoryStore};
    use proptest::prelude::*;

    use super::super::RunMemory;
    use super::super::marker::Marker;
    use super::*;
    use crate::cut::{Choice, choose_marked, finished_after};

    /// A workflow, its records, and what a sync remembers of them.
    struct World {
        group: Name,
        records: Arc<MemoryStore>,
        home: DocStoreRef,
        marker: Marker,
        tables: Vec<TableName>,
        versions: TableVersions,
        clock: i64,
        runs: u64,
        under_way: Vec<String>,
        cuts: Vec<Cut>,
        memories: Vec<Vec<u8>>,
    }

    fn table(number: u8) -> TableName {
        format!("c.s.t{number}").parse().unwrap()
    }

    impl World {
        fn new() -> Self {
            let (group, records): (Name, _) = ("etl".parse().unwrap(), Arc::new(MemoryStore::default()));
            Self {
                marker: Marker::new(group.clone(), records.clone()),
                group,
                records,
                home: Arc::new(MemoryStore::default()),
                tables: vec![table(0), table(1)],
                versions: (0..3).map(|number| (table(number), 0)).collect(),
                clock: 0,
                runs: 0,
                under_way: Vec::new(),
                cuts: Vec::new(),
                memories: vec![b"{".to_vec()],
            }
        }

        fn memory(&self) -> RunMemory<'_> {
            RunMemory { group: &self.group, store: &self.home, keeps: true }
        }

        fn held(&self) -> Held<'_> {
            Held { cut: self.cuts.last(), tables: &self.tables }
        }

        /// A moment, by a clock that may be wrong, and what the tables of the group show at it.
        fn mark(&mut self, skew: u8) -> (DateTime<chrono::Utc>, TableVersions) {
            self.clock += 1;
            let at = DateTime::from_timestamp(1000 + self.clock - 3 * i64::from(skew % 3), 0).unwrap();
            let seen = self.versions.iter().filter(|(table, _)| self.tables.contains(table));
            (at, seen.map(|(table, version)| (table.clone(), *version)).collect())
        }

        async fn start(&mut self, which: u8, skew: u8) {
            let again = which == 0 && self.runs > 0;
            let run = if again { u64::from(skew) % self.runs } else { self.runs };
            self.runs += u64::from(!again);
            let (at, versions) = self.mark(skew);
            self.marker.start(&run.to_string(), at, versions).await.unwrap();
            self.under_way.push(run.to_string());
        }

        async fn finish(&mut self, which: u8, skew: u8) {
            if self.under_way.is_empty() {
                return;
            }
            let run = self.under_way.remove(usize::from(which) % self.under_way.len());
            let (at, versions) = self.mark(skew);
            let status = if skew % 5 == 4 { RunStatus::Failed } else { RunStatus::Success };
            // a run that was started twice ends once
            let _ = self.marker.finish(&run, at, status, versions).await;
        }

        /// Chooses with and without a memory.
        async fn sync(&mut self) {
            let all = self.marker.attempts().await.unwrap();
            let expected = choose_marked(&all, &self.tables, self.cuts.last());
            let open = self.marker.open_attempts(self.memory(), self.held()).await.unwrap();
            assert_eq!(choose_marked(&open, &self.tables, self.cuts.last()), expected);
            let behind = |runs| finished_after(runs, &self.tables, self.cuts.last());
            assert_eq!(behind(&open), behind(&all));
            let again = self.marker.open_attempts(self.memory(), self.held()).await.unwrap();
            assert_eq!(choose_marked(&again, &self.tables, self.cuts.last()), expected);
            let kept = self.home.read(&layout::known_runs(&self.group)).await.unwrap();
            self.memories.extend(kept.map(|object| object.bytes));
            if let Ok(Choice::Chosen(chosen)) = expected {
                let id = "i".to_owned();
                let pins = chosen.versions.into_iter().map(|(table, source_version)| Pin {
                    table,
                    source_table_id: id.clone(),
                    source_version,
                });
                self.cuts.push(Cut::of_run(&self.group, chosen.run.unwrap(), pins.collect()));
            }
        }

        /// Deletes the records of every run that is settled.
        async fn expire(&mut self) {
            let Some(cut) = self.cuts.last() else { return };
            let all = self.marker.attempts().await.unwrap();
            let expected = choose_marked(&all, &self.tables, self.cuts.last());
            if !all.iter().any(|attempt| Some(&attempt.run) == cut.run.as_ref().map(|run| &run.id)) {
                return;
            }
            for run in 0..self.runs {
                let run = run.to_string();
                let attempts: Vec<_> = all.iter().filter(|attempt| attempt.run == run).cloned().collect();
                if is_settled(&attempts, cut, &self.tables) {
                    for key in self.records.list(&layout::run(&run)).await.unwrap() {
                        self.records.delete(&key).await.unwrap();
                    }
                }
            }
            let left = self.marker.attempts().await.unwrap();
            assert_eq!(choose_marked(&left, &self.tables, self.cuts.last()), expected);
        }

        async fn forget(&mut self, which: u8) {
            let key = layout::known_runs(&self.group);
            self.home.delete(&key).await.unwrap();
            if which > 0 {
                let old = &self.memories[usize::from(which) % self.memories.len()];
                self.home.create(&key, old).await.map(drop).unwrap();
            }
        }

        async fn step(&mut self, (what, which, skew): (u8, u8, u8)) {
            match what {
                0..=3 => self.start(which, skew).await,
                4..=8 => {
                    let version = self.versions.get_mut(&table(which % 3)).unwrap();
                    *version += 1;
                }
                9..=12 => self.finish(which, skew).await,
                13..=16 => self.sync().await,
                17 => self.expire().await,
                18 => self.forget(which).await,
                // a table is made anew
                19 => *self.versions.get_mut(&table(which % 3)).unwrap() = u64::from(skew % 2),
                // a table joins the group or leaves it
                20 if self.tables.len() == 2 => self.tables.push(table(2)),
                20 => drop(self.tables.pop()),
                // an older recovery point is brought back
                _ => {
                    let back = self.cuts.get(usize::from(which) % self.cuts.len().max(1)).cloned();
                    self.cuts.extend(back);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn a_cut_is_the_same_with_and_without_a_memory(
            steps in prop::collection::vec((0_u8..22, 0_u8..6, 0_u8..10), 1..80),
        ) {
            block_on(async {
                let mut world = World::new();
                for step in steps {
                    world.step(step).await;
                }
                world.sync().await;
            });
        }
    }

    #[test]
    fn only_what_is_not_known_is_read() {
        block_on(async {
            let mut world = World::new();
            for _ in 0..20 {
                world.start(1, 0).await;
                world.versions.values_mut().for_each(|version| *version += 1);
                world.finish(0, 0).await;
                world.sync().await;
            }
            let folders = folders(world.records.list_after("", "").await.unwrap());
            let (known, _) = world.memory().recall(world.records.url()).await;
            let sifted = sift(&folders, &usable(known, world.held()));
            assert_eq!((folders.len(), sifted.unseen.len()), (20, 0));
            assert!(sifted.settled.len() >= 18, "{} settled", sifted.settled.len());
            assert!(hold_the_newest(&sifted.open, world.held()));

            world.start(1, 0).await;
            let folders = super::folders(world.records.list_after("", "").await.unwrap());
            let (known, _) = world.memory().recall(world.records.url()).await;
            let sifted = sift(&folders, &usable(known, world.held()));
            assert_eq!(sifted.unseen.keys().collect::<Vec<_>>(), ["20"]);
        });
    }
}
