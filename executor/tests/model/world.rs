//! What all actors share: the log, and the tables of the region that is standby at first.

use crate::log::{Holds, Log, Said, folded, held};

/// The newest run of the workflow.
pub(crate) const LAST_RUN: u64 = 3;

/// A commit of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Commit {
    /// Of an intent; the table then shows a run.
    Ours { intent: u64, run: u64 },
    /// Of anybody else.
    Foreign,
}

/// The shared state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) log: Log,
    /// The versions of each table.
    pub(crate) tables: [Vec<Commit>; 2],
    /// Commits that others may still make.
    pub(crate) writes: u8,
}

impl World {
    /// A group that holds run 1; the later ones are to be published.
    pub(crate) fn new(writes: u8) -> Self {
        let holds = Holds { run: 1, versions: [0, 0] };
        let intent = Said::Intent { rollback: false, replaces: None, holds, slots: [true, true] };
        let log = vec![Said::Created, intent, Said::Published { intent: 2 }];
        let table = vec![Commit::Ours { intent: 2, run: 1 }];
        Self { log, tables: [table.clone(), table], writes }
    }

    /// Version of a table.
    pub(crate) fn head(&self, table: usize) -> u64 {
        self.tables[table].len() as u64 - 1
    }

    pub(crate) fn commit(&self, table: usize, version: u64) -> Option<Commit> {
        self.tables[table].get(usize::try_from(version).unwrap()).copied()
    }

    /// Put-if-absent. A version can only be put behind the head, as all protocols of Delta tables ask for.
    pub(crate) fn put(&mut self, table: usize, version: u64, commit: Commit) -> bool {
        let free = version == self.tables[table].len() as u64;
        if free {
            self.tables[table].push(commit);
        }
        free
    }

    /// The states after somebody else has written to a table.
    pub(crate) fn written_to(&self) -> Vec<Self> {
        if self.writes == 0 {
            return Vec::new();
        }
        let write = |table: usize| {
            let mut world = self.clone();
            world.writes -= 1;
            world.tables[table].push(Commit::Foreign);
            world
        };
        vec![write(0), write(1)]
    }

    /// Whether the region whose tables these are has become the active one.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.log.contains(&Said::Role)
    }

    /// The first promise that is broken.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        let Some(state) = folded(&self.log) else { return Some("the log is a history") };
        let holds = held(&state);
        let shows = |table: usize| match self.commit(table, holds.versions[table]) {
            Some(Commit::Ours { run, .. }) => run == holds.run,
            Some(Commit::Foreign) | None => false,
        };
        if !(0..2).all(shows) {
            return Some("a recovery point is one run in all tables");
        }
        None
    }
}
