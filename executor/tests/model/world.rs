//! What all actors share: the log, the tables of both regions, and the landing areas.

use crate::log::{Holds, Log, Said, folded, held, newest_point};

/// A commit of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Commit {
    /// Of an intent; the table then shows a run.
    Ours { intent: u64, run: u64 },
    /// Of anybody else: of the workflow, in the region that is active.
    Foreign,
}

/// The shared state. Regions come first, then tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) log: Log,
    /// The versions of each table.
    pub(crate) tables: [[Vec<Commit>; 2]; 2],
    /// The runs that the versions of each landing table show.
    pub(crate) landing: [[Vec<u64>; 2]; 2],
    /// Up to which version of each table the commits behind the recovery point have been kept.
    pub(crate) kept: [[u64; 2]; 2],
    /// Commits that others may still make in each region.
    pub(crate) writes: [u8; 2],
    /// The newest run of the workflow.
    pub(crate) last_run: u64,
}

impl World {
    /// A group that holds run 1 in its second region; the later ones are to be published.
    pub(crate) fn new(writes: [u8; 2]) -> Self {
        let holds = Holds { run: 1, source: [0, 0], landed: None, versions: [0, 0] };
        Self::of(vec![Said::Created], holds, writes)
    }

    /// The same where a cut lands before it is published.
    pub(crate) fn staged(writes: [u8; 2]) -> Self {
        let holds = Holds { run: 1, source: [0, 0], landed: Some([0, 0]), versions: [0, 0] };
        let mut world = Self::of(vec![Said::Created, Said::Landed(holds)], holds, writes);
        world.landing[1] = [vec![1], vec![1]];
        world
    }

    fn of(mut log: Log, holds: Holds, writes: [u8; 2]) -> Self {
        log.push(Said::Intent {
            region: 1,
            rollback: false,
            replaces: None,
            holds,
            slots: [true, true],
            shows: [1, 1],
        });
        let intent = log.len() as u64;
        log.push(Said::Published { intent });
        let (theirs, ours) = (vec![Commit::Foreign], vec![Commit::Ours { intent, run: 1 }]);
        let tables = [[theirs.clone(), theirs], [ours.clone(), ours]];
        Self { log, tables, landing: Default::default(), kept: [[0; 2]; 2], writes, last_run: 3 }
    }

    /// The same after a failover, with a commit in the region that was given up which nobody has sent.
    pub(crate) fn taken_over(mut self) -> Self {
        self.log.push(Said::Role);
        self.tables[0][0].push(Commit::Foreign);
        self
    }

    /// The same after the next run has landed.
    pub(crate) fn has_landed(mut self) -> Self {
        let landed = [0, 1].map(|table| self.landing[1][table].len() as u64);
        let holds = Holds { run: 2, source: self.heads(0), landed: Some(landed), versions: [0; 2] };
        self.landing[1].iter_mut().for_each(|table| table.push(holds.run));
        self.log.push(Said::Landed(holds));
        self
    }

    /// The same with fewer runs, or more.
    pub(crate) fn until_run(self, last_run: u64) -> Self {
        Self { last_run, ..self }
    }

    /// The newest version of each table of a region.
    pub(crate) fn heads(&self, region: usize) -> [u64; 2] {
        [0, 1].map(|table| self.head(region, table))
    }

    /// The newest version of a table.
    pub(crate) fn head(&self, region: usize, table: usize) -> u64 {
        self.tables[region][table].len() as u64 - 1
    }

    pub(crate) fn commit(&self, region: usize, table: usize, version: u64) -> Option<Commit> {
        self.tables[region][table].get(usize::try_from(version).unwrap()).copied()
    }

    /// The run that a version of a landing table shows.
    pub(crate) fn landed(&self, region: usize, table: usize, version: u64) -> Option<u64> {
        self.landing[region][table].get(usize::try_from(version).unwrap()).copied()
    }

    /// Put-if-absent. A version can only be put behind the head, as all protocols of Delta tables ask for.
    pub(crate) fn put(&mut self, region: usize, table: usize, version: u64, commit: Commit) -> bool {
        let free = version == self.tables[region][table].len() as u64;
        if free {
            self.tables[region][table].push(commit);
        }
        free
    }

    /// The same in the landing area.
    pub(crate) fn land(&mut self, region: usize, table: usize, version: u64, run: u64) -> bool {
        let free = version == self.landing[region][table].len() as u64;
        if free {
            self.landing[region][table].push(run);
        }
        free
    }

    /// The states after somebody else has written to a table.
    pub(crate) fn written_to(&self) -> Vec<Self> {
        let write = |region: usize, table: usize| {
            let mut world = self.clone();
            world.writes[region] -= 1;
            world.tables[region][table].push(Commit::Foreign);
            world
        };
        let regions = (0..2).filter(|region| self.writes[*region] > 0);
        regions.flat_map(|region| [write(region, 0), write(region, 1)]).collect()
    }

    /// Whether a commit at this version of a table of the region that is standby hides one of somebody else that has neither
    /// been sent nor kept.
    pub(crate) fn hides_something(&self, region: usize, table: usize, version: u64) -> bool {
        let Some(state) = folded(&self.log) else { return false };
        let sent = held(&state).versions[table];
        let from = sent.max(self.kept[region][table]) + 1;
        (from..version).any(|version| self.commit(region, table, version) == Some(Commit::Foreign))
    }

    /// The first promise that is broken.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        let Some(state) = folded(&self.log) else { return Some("the log is a history") };
        let (holds, region) = newest_point(&state);
        let shows = |table: usize| match self.commit(region, table, holds.versions[table]) {
            Some(Commit::Ours { run, .. }) => run == holds.run,
            Some(Commit::Foreign) | None => false,
        };
        if !(0..2).all(shows) {
            return Some("a recovery point is one run in all tables");
        }
        None
    }
}
