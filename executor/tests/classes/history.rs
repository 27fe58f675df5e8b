//! Random histories: what users, engines and third parties do to a table.

use std::collections::{BTreeMap, BTreeSet};

use lakedr::delta::state::FileKey;
use proptest::prelude::*;

use crate::table::{Column, Draft, Kind, Row, Table, Terms, Version, Written};

/// One step. Numbers choose among what is there.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Append {
        files: u8,
        rows: u8,
        partition: u8,
        counted: bool,
    },
    Delete {
        file: u8,
        row: u8,
        vector: bool,
    },
    Update {
        file: u8,
        row: u8,
        vector: bool,
        insert: bool,
    },
    Optimize {
        partition: Option<u8>,
        skip: u8,
        take: u8,
        outputs: u8,
        told: bool,
        ids_kept: bool,
        honest: bool,
    },
    Purge {
        file: u8,
    },
    DropPartition {
        partition: u8,
    },
    Overwrite {
        rows: u8,
    },
    AddColumn {
        name: u8,
    },
    DropColumn {
        column: u8,
    },
    RenameColumn {
        column: u8,
        name: u8,
    },
    Widen {
        column: u8,
    },
    /// No file holds the narrow type any more, and the schema forgets that there was one.
    ForgetWidening {
        column: u8,
    },
    Retype {
        column: u8,
    },
    MapColumns,
    UnmapColumns,
    ForbidVectors,
    AllowVectors,
    TrackRows,
    Iceberg {
        on: bool,
    },
    AppendOnly {
        on: bool,
    },
    Stats {
        file: u8,
        all: bool,
    },
    Restore {
        back: u8,
    },
    /// A write that claims to change no data: adds, replaces a file by as many rows, or removes.
    Lie {
        file: u8,
        adds: bool,
        removes: bool,
    },
    /// A file of an older version added beside what it became.
    Return {
        file: u8,
    },
    Idle,
    Vacuum,
    Sync(Sync),
}

/// How a sync is done.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) exact: bool,
    /// The persisted classes were lost.
    pub(crate) lost: bool,
    pub(crate) max_files: usize,
    pub(crate) max_age: i64,
}

pub(crate) fn sync() -> impl Strategy<Value = Step> {
    let files = prop_oneof![3 => Just(100), 1 => 1_usize..6];
    let age = prop_oneof![4 => Just(1_000_000), 1 => 0_i64..8_000];
    (prop::bool::weighted(0.1), prop::bool::weighted(0.05), files, age)
        .prop_map(|(exact, lost, max_files, max_age)| Step::Sync(Sync { exact, lost, max_files, max_age }))
}

fn optimize() -> impl Strategy<Value = Step> {
    let chance = prop::bool::weighted;
    (proptest::option::of(0_u8..3), 0_u8..3, 1_u8..6, 1_u8..3, chance(0.7), chance(0.8), chance(0.9))
        .prop_map(|(partition, skip, take, outputs, told, ids_kept, honest)| Step::Optimize {
            partition,
            skip,
            take,
            outputs,
            told,
            ids_kept,
            honest,
        })
}

fn rows() -> impl Strategy<Value = Step> {
    let chance = prop::bool::weighted;
    prop_oneof![
        4 => (1_u8..4, 1_u8..4, 0_u8..3, chance(0.9)).prop_map(|(files, rows, partition, counted)|
            Step::Append { files, rows, partition, counted }),
        3 => (any::<u8>(), any::<u8>(), any::<bool>()).prop_map(|(file, row, vector)| Step::Delete { file, row, vector }),
        2 => (any::<u8>(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(file, row, vector, insert)|
            Step::Update { file, row, vector, insert }),
        1 => (0_u8..3).prop_map(|partition| Step::DropPartition { partition }),
        1 => (0_u8..3).prop_map(|rows| Step::Overwrite { rows }),
        1 => (any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(file, adds, removes)| Step::Lie { file, adds, removes }),
        1 => any::<u8>().prop_map(|file| Step::Return { file }),
        1 => (1_u8..8).prop_map(|back| Step::Restore { back }),
    ]
}

fn terms() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u8..4).prop_map(|name| Step::AddColumn { name }),
        2 => any::<u8>().prop_map(|column| Step::DropColumn { column }),
        1 => (any::<u8>(), 0_u8..4).prop_map(|(column, name)| Step::RenameColumn { column, name }),
        2 => any::<u8>().prop_map(|column| Step::Widen { column }),
        2 => any::<u8>().prop_map(|column| Step::ForgetWidening { column }),
        1 => any::<u8>().prop_map(|column| Step::Retype { column }),
        1 => Just(Step::MapColumns),
        1 => Just(Step::UnmapColumns),
        1 => Just(Step::ForbidVectors),
        1 => Just(Step::AllowVectors),
        1 => Just(Step::TrackRows),
        1 => any::<bool>().prop_map(|on| Step::Iceberg { on }),
        1 => any::<bool>().prop_map(|on| Step::AppendOnly { on }),
    ]
}

/// A class that stands, a change of terms, and its image compacted again.
fn recompacted() -> impl Strategy<Value = Vec<Step>> {
    let all = |outputs| Step::Optimize {
        partition: None,
        skip: 0,
        take: u8::MAX,
        outputs,
        told: true,
        ids_kept: true,
        honest: true,
    };
    (sync(), proptest::collection::vec(terms(), 1..3), any::<bool>()).prop_map(move |(sync, terms, again)| {
        let again = again.then(|| all(1));
        [all(2), sync].into_iter().chain(terms).chain(again).collect()
    })
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => rows(),
        5 => optimize(),
        2 => terms(),
        1 => any::<u8>().prop_map(|file| Step::Purge { file }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(file, all)| Step::Stats { file, all }),
        1 => Just(Step::Idle),
        1 => Just(Step::Vacuum),
        5 => sync(),
    ];
    let steps = prop_oneof![15 => step.prop_map(|step| vec![step]), 1 => recompacted()];
    proptest::collection::vec(steps, 1..40).prop_map(|steps| steps.concat())
}

pub(crate) fn empty_table() -> Table {
    let column = Column { name: "c0".into(), physical: "c0".into(), id: 1, kind: Kind::Int, widened: false };
    let terms = Terms {
        columns: vec![column],
        max_id: 1,
        mapped: false,
        vectors: true,
        row_tracking: false,
        iceberg: false,
        append_only: false,
    };
    Table {
        written: Written::default(),
        stored: BTreeSet::new(),
        versions: vec![Version { live: BTreeMap::new(), terms }],
        commits: Vec::new(),
        next: 0,
    }
}

impl Table {
    fn row(&mut self) -> Row {
        let columns = self.now().terms.columns.clone();
        let mapped = self.now().terms.mapped;
        let value = |column: &Column, n| {
            (if mapped { column.physical.clone() } else { column.name.clone() }, (column.kind, n))
        };
        let number = self.fresh();
        Row { values: columns.iter().map(|column| value(column, number % 7)).collect(), id: number }
    }

    fn some_rows(&mut self, count: u8) -> Vec<Row> {
        (0..count).map(|_| self.row()).collect()
    }

    fn pick(&self, number: u8) -> Option<FileKey> {
        let live: Vec<&FileKey> = self.now().live.keys().collect();
        (!live.is_empty()).then(|| live[usize::from(number) % live.len()].clone())
    }

    /// The rows of files as a rewrite under the current schema stores them: dropped columns are left behind.
    pub(crate) fn rewritten(&self, keys: &[FileKey]) -> Vec<Row> {
        let terms = &self.now().terms;
        let mut rows: Vec<Row> = keys.iter().flat_map(|key| self.written.rows(key)).collect();
        for row in &mut rows {
            let old = std::mem::take(&mut row.values);
            for column in &terms.columns {
                let name = if terms.mapped { &column.physical } else { &column.name };
                if let Some((kind, number)) = old.get(name) {
                    let widened = column.widened && *kind == Kind::Int && column.kind == Kind::Long;
                    row.values.insert(name.clone(), (if widened { Kind::Long } else { *kind }, *number));
                }
            }
        }
        rows
    }

    /// Replaces a file by what a change leaves of it.
    fn change_row(&mut self, draft: &mut Draft, key: &FileKey, row: u8, vector: bool) -> Option<Row> {
        let hidden = self.written.hidden(key);
        let count = self.written.file(key).rows.len();
        let visible: Vec<usize> = (0..count).filter(|position| !hidden.contains(position)).collect();
        let position = *visible.get(usize::from(row) % visible.len().max(1))?;
        let file = self.written.file(key).clone();
        draft.removes.push((key.clone(), true));
        if vector && self.now().terms.vectors {
            let next = self.hide(key, position);
            draft.adds.push((next, true));
        } else if visible.len() > 1 {
            let mut rows = self.rewritten(std::slice::from_ref(key));
            rows.remove(usize::from(row) % visible.len());
            let next = self.write(file.partition, rows, file.counted);
            draft.adds.push((next, true));
        }
        Some(file.rows[position].clone())
    }

    /// Does a step; an impossible one does nothing.
    pub(crate) fn step(&mut self, step: &Step) {
        let append_only = self.now().terms.append_only;
        let draft = match *step {
            Step::Append { files, rows, partition, counted } => self.append(files, rows, partition, counted),
            Step::Delete { file, row, vector } if !append_only => {
                let mut draft = Draft::new("DELETE");
                if let Some(key) = self.pick(file) {
                    self.change_row(&mut draft, &key, row, vector);
                }
                draft
            }
            Step::Update { file, row, vector, insert } if !append_only => {
                self.update(file, row, vector, insert)
            }
            Step::Optimize { .. } => self.optimize(step),
            Step::Purge { file } => self.rewrite_all("REORG", self.pick(file).into_iter().collect()),
            Step::DropPartition { partition } if !append_only => {
                let mut draft = Draft::new("DELETE");
                draft.removes =
                    self.of_partition(Some(partition)).into_iter().map(|key| (key, true)).collect();
                draft
            }
            Step::Overwrite { rows } if !append_only => self.overwrite("WRITE", rows),
            Step::Stats { file, all } => {
                let mut draft = Draft::new("COMPUTE STATS");
                draft.tag = self.fresh();
                let keys: Vec<FileKey> = if all {
                    self.now().live.keys().cloned().collect()
                } else {
                    self.pick(file).into_iter().collect()
                };
                draft.adds = keys.into_iter().map(|key| (key, false)).collect();
                draft
            }
            Step::Restore { back } if !append_only => self.restore(back),
            Step::Lie { file, adds, removes } => self.lie(file, adds, removes),
            Step::Return { file } => self.bring_back(file),
            Step::Idle => {
                self.commit(&Draft::new("Empty Commit"));
                return;
            }
            Step::Vacuum => {
                let live: BTreeSet<String> = self.now().live.keys().map(|key| key.path.to_string()).collect();
                self.stored.retain(|path| live.contains(path));
                return;
            }
            _ => self.change_terms(step),
        };
        if !draft.is_empty() {
            self.commit(&draft);
        }
    }

    fn append(&mut self, files: u8, rows: u8, partition: u8, counted: bool) -> Draft {
        let mut draft = Draft::new("WRITE");
        for _ in 0..files {
            let rows = self.some_rows(rows);
            let key = self.write((partition > 0).then_some(partition), rows, counted);
            draft.adds.push((key, true));
        }
        draft
    }

    fn update(&mut self, file: u8, row: u8, vector: bool, insert: bool) -> Draft {
        let mut draft = Draft::new(if insert { "MERGE" } else { "UPDATE" });
        let Some(key) = self.pick(file) else { return draft };
        let partition = self.written.file(&key).partition;
        if let Some(old) = self.change_row(&mut draft, &key, row, vector) {
            let mut new = self.row();
            new.id = old.id;
            let mut rows = vec![new];
            rows.extend(insert.then(|| self.row()));
            let key = self.write(partition, rows, true);
            draft.adds.push((key, true));
        }
        draft
    }

    fn of_partition(&self, partition: Option<u8>) -> Vec<FileKey> {
        let live = self.now().live.keys();
        let matching = live.filter(|key| {
            partition.is_none_or(|part| self.written.file(key).partition == (part > 0).then_some(part))
        });
        matching.cloned().collect()
    }

    fn optimize(&mut self, step: &Step) -> Draft {
        let Step::Optimize { partition, skip, take, outputs, told, ids_kept, honest } = *step else {
            return Draft::default();
        };
        let mut draft = Draft { told, ids_kept, ..Draft::new("OPTIMIZE") };
        let mut bins: BTreeMap<Option<u8>, Vec<FileKey>> = BTreeMap::new();
        for key in self.of_partition(partition) {
            bins.entry(self.written.file(&key).partition).or_default().push(key);
        }
        for (partition, keys) in bins {
            let keys: Vec<FileKey> = keys.into_iter().skip(skip.into()).take(take.into()).collect();
            let mut rows = self.rewritten(&keys);
            // Z-order: rows change places.
            rows.reverse();
            if !honest {
                rows.pop();
            }
            for row in rows.iter_mut().filter(|_| !ids_kept) {
                row.id = self.fresh();
            }
            draft.removes.extend(keys.into_iter().map(|key| (key, false)));
            let size = rows.len().div_ceil(outputs.into()).max(1);
            for chunk in rows.chunks(size) {
                let key = self.write(partition, chunk.to_vec(), true);
                draft.adds.push((key, false));
            }
        }
        draft
    }

    pub(crate) fn rewrite_all(&mut self, operation: &'static str, keys: Vec<FileKey>) -> Draft {
        let mut draft = Draft::new(operation);
        for key in keys {
            let rows = self.rewritten(std::slice::from_ref(&key));
            let partition = self.written.file(&key).partition;
            draft.removes.push((key, false));
            if !rows.is_empty() {
                let key = self.write(partition, rows, true);
                draft.adds.push((key, false));
            }
        }
        draft
    }

    fn overwrite(&mut self, operation: &'static str, rows: u8) -> Draft {
        let mut draft = Draft::new(operation);
        draft.removes = self.now().live.keys().map(|key| (key.clone(), true)).collect();
        if rows > 0 {
            let rows = self.some_rows(rows);
            let key = self.write(None, rows, true);
            draft.adds.push((key, true));
        }
        draft
    }

    fn restore(&mut self, back: u8) -> Draft {
        let mut draft = Draft::new("RESTORE");
        let Some(index) = self.versions.len().checked_sub(1 + usize::from(back)) else { return draft };
        let (old, now) = (self.versions[index].clone(), self.now().clone());
        if !old.live.keys().all(|key| self.stored.contains(&*key.path)) {
            return draft;
        }
        let gone = now.live.keys().filter(|key| !old.live.contains_key(key));
        draft.removes = gone.map(|key| (key.clone(), true)).collect();
        let back = old.live.keys().filter(|key| !now.live.contains_key(key));
        draft.adds = back.map(|key| (key.clone(), true)).collect();
        let max_id = now.terms.max_id;
        draft.terms = Some(Terms { max_id, ..old.terms });
        draft
    }

    fn lie(&mut self, file: u8, adds: bool, removes: bool) -> Draft {
        let mut draft = Draft::new("WRITE");
        let old = self.pick(file);
        if let Some(key) = old.as_ref().filter(|_| removes) {
            draft.removes.push((key.clone(), false));
        }
        if adds {
            let count = old.as_ref().map_or(1, |key| self.written.rows(key).len());
            let partition = old.as_ref().and_then(|key| self.written.file(key).partition);
            let rows = self.some_rows(u8::try_from(count).unwrap());
            let key = self.write(partition, rows, true);
            draft.adds.push((key, false));
        }
        draft
    }

    fn bring_back(&mut self, file: u8) -> Draft {
        let mut draft = Draft::new("Manual Update");
        let live: BTreeSet<&str> = self.now().live.keys().map(|key| &*key.path).collect();
        let ever = self.versions.iter().flat_map(|version| version.live.keys());
        let gone: BTreeSet<&FileKey> =
            ever.filter(|key| !live.contains(&*key.path) && self.stored.contains(&*key.path)).collect();
        let vectors = self.now().terms.vectors;
        let gone: Vec<&FileKey> = gone.into_iter().filter(|key| vectors || key.vector.is_none()).collect();
        if !gone.is_empty() {
            draft.adds.push((gone[usize::from(file) % gone.len()].clone(), true));
        }
        draft
    }
}
