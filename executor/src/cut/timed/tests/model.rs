//! Cuts of generated histories, judged by a model that knows which run made which commit.
//!
//! `LAKEDR_HISTORIES=1000000` asks for a million of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::cut::{Cut, Pin};
use lakedr_control::id::TableName;
use proptest::prelude::*;

use super::super::*;
use crate::cut::{Choice, Chosen, Refusal};

/// xorshift64*: fast, and the same on every machine.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: i64) -> i64 {
        if end <= 0 { 0 } else { (self.next() % end.unsigned_abs()).cast_signed() }
    }

    fn one_in(&mut self, of: i64) -> bool {
        self.below(of) == 0
    }
}

/// What a world is like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    seed: u64,
    runs: i64,
    tables: i64,
    /// Largest error of a clock, and the allowance, in microseconds.
    skew_us: i64,
    /// Runs do not overlap and keep their distance, nobody else writes, and clocks agree.
    calm: bool,
}

impl Shape {
    fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let skew_us = [0, 1_000, 50_000, 2_000_000][dice.below(4).unsigned_abs() as usize];
        Self { seed, runs: 1 + dice.below(6), tables: 1 + dice.below(3), skew_us, calm: dice.one_in(6) }
    }
}

/// One stretch of a run, as it was, in microseconds.
#[derive(Debug, Clone, Copy)]
struct TrueSpell {
    run: usize,
    began: i64,
    ended: i64,
    success: bool,
}

/// Who made a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Spell(usize),
    Maintenance,
    Somebody,
}

#[derive(Debug, Clone)]
struct TrueCommit {
    at: i64,
    writer: Writer,
    named: bool,
}

/// A table that exists since a moment.
#[derive(Debug, Clone)]
struct TrueTable {
    id: usize,
    commits: Vec<TrueCommit>,
    times_ms: Vec<i64>,
}

#[derive(Debug)]
struct World {
    shape: Shape,
    spells: Vec<TrueSpell>,
    tables: Vec<Vec<TrueTable>>,
    horizon: i64,
    dice: Dice,
    /// Whether the service cuts its times off at milliseconds.
    whole_ms: bool,
}

const SECOND: i64 = 1_000_000;
const ORIGIN: i64 = 1_700_000_000_000_000;

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap()
}

fn name(table: usize) -> TableName {
    format!("c.s.t{table}").parse().unwrap()
}

impl World {
    fn new(shape: Shape) -> Self {
        let mut dice = Dice::new(shape.seed ^ 0xD15A_57E4);
        let spells = spells(&mut dice, shape);
        let horizon = spells.iter().map(|spell| spell.ended).max().unwrap_or(ORIGIN) + 20 * SECOND;
        let whole_ms = dice.one_in(2);
        let mut world = Self { shape, spells, tables: Vec::new(), horizon, dice, whole_ms };
        world.tables = (0..shape.tables).map(|_| world.table()).collect();
        world
    }

    fn table(&mut self) -> Vec<TrueTable> {
        let naming = self.dice.below(3);
        let born = if !self.shape.calm && self.dice.one_in(8) {
            ORIGIN + self.dice.below(60 * SECOND)
        } else {
            ORIGIN - SECOND
        };
        let again = (!self.shape.calm && self.dice.one_in(10)).then(|| born + self.dice.below(60 * SECOND));
        let mut commits: Vec<TrueCommit> = Vec::new();
        for (index, spell) in self.spells.clone().into_iter().enumerate() {
            for _ in 0..self.dice.below(4) {
                let length = spell.ended - spell.began;
                let at = spell.began + self.dice.below(if self.shape.calm { length / 2 } else { length });
                // a run likes to end with a commit
                let at = if !self.shape.calm && self.dice.one_in(4) {
                    spell.ended - self.dice.below(900)
                } else {
                    at
                };
                let named = naming == 2 || (naming == 1 && self.dice.one_in(2));
                commits.push(TrueCommit { at: at.max(spell.began), writer: Writer::Spell(index), named });
            }
        }
        let others = if self.shape.calm { 0 } else { self.dice.below(4) };
        for _ in 0..self.dice.below(4) {
            commits.push(self.other(Writer::Maintenance));
        }
        for _ in 0..others {
            commits.push(self.other(Writer::Somebody));
        }
        let split = again.unwrap_or(i64::MAX);
        [(born, split, 0), (split, i64::MAX, 1)]
            .into_iter()
            .filter(|(from, _, _)| *from < i64::MAX)
            .map(|(from, to, id)| self.life(&commits, from, to, id))
            .collect()
    }

    fn other(&mut self, writer: Writer) -> TrueCommit {
        let near = self.dice.below(self.spells.len().cast_signed() as i64).unsigned_abs() as usize;
        let at = match self.dice.below(3) {
            0 => ORIGIN + self.dice.below(self.horizon - ORIGIN),
            1 => self.spells[near].ended + self.dice.below(2_000) - 1_000,
            _ => self.spells[near].ended + self.dice.below(4 * SECOND) - 2 * SECOND,
        };
        TrueCommit { at, writer, named: self.dice.one_in(4) }
    }

    /// The commits of a table between its creation and its end.
    fn life(&mut self, commits: &[TrueCommit], from: i64, to: i64, id: usize) -> TrueTable {
        let mut commits: Vec<TrueCommit> =
            commits.iter().filter(|commit| from < commit.at && commit.at < to).cloned().collect();
        let creation = TrueCommit { at: from, writer: Writer::Somebody, named: false };
        commits.push(creation);
        commits.sort_by_key(|commit| commit.at);
        let mut last = i64::MIN;
        let times_ms = commits
            .iter()
            .map(|commit| {
                let largest = if self.shape.calm { 0 } else { self.shape.skew_us };
                let error = self.dice.below(2 * largest + 1) - largest;
                // what makes times ascend may move them up by a millisecond each, which is no part of the error
                last = (commit.at + error).div_euclid(1_000).max(last.saturating_add(1));
                last
            })
            .collect();
        TrueTable { id, commits, times_ms }
    }

    /// An instant as the service tells it.
    fn told(&self, us: i64) -> DateTime<Utc> {
        instant(if self.whole_ms { us.div_euclid(1_000) * 1_000 } else { us })
    }

    /// What the service tells at a moment: runs that began before it.
    fn runs(&mut self, at: i64) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for number in 0..self.spells.len() {
            let own: Vec<TrueSpell> = self
                .spells
                .iter()
                .filter(|spell| spell.run == number && spell.began <= at)
                .copied()
                .collect();
            let Some(last) = own.last().copied() else { continue };
            let over = last.ended <= at;
            let state = match (over, last.success) {
                (false, _) => RunState::Active,
                (true, true) => RunState::Success,
                (true, false) => RunState::Failed,
            };
            let told = |spell: &TrueSpell| Spell {
                began: Began::At(self.told(spell.began)),
                ended: (spell.ended <= at).then(|| self.told(spell.ended)),
            };
            // a service that tells of no repairs tells of one stretch, or forgets where the first began
            let spells = match (own.len() > 1).then_some(self.shape.seed % 3) {
                Some(0) => {
                    vec![Spell { began: Began::At(self.told(own[0].began)), ended: told(&last).ended }]
                }
                Some(1) => vec![Spell { began: Began::Unknown, ended: told(&last).ended }],
                _ => own.iter().map(told).collect(),
            };
            runs.push(Run { id: number.to_string(), spells, state });
        }
        for index in (1..runs.len()).rev() {
            let other = self.dice.below(index.cast_signed() as i64 + 1).unsigned_abs() as usize;
            runs.swap(index, other);
        }
        runs
    }

    /// The table that exists at a moment.
    fn existing(&self, table: usize, at: i64) -> Option<&TrueTable> {
        self.tables[table].iter().rev().find(|life| life.commits[0].at <= at)
    }

    fn history(&self, table: usize, at: i64, held: Option<&Held>) -> Option<TableHistory> {
        let life = self.existing(table, at)?;
        let held = held.and_then(|held| held.of(table)).filter(|(id, _)| *id == life.id);
        let commits = life
            .commits
            .iter()
            .zip(&life.times_ms)
            .enumerate()
            .filter(|(_, (commit, _))| commit.at <= at)
            .filter(|(version, _)| held.is_none_or(|(_, held)| *version as u64 > held))
            .map(|(version, (commit, time_ms))| HistoryCommit {
                version: version as u64,
                time_ms: *time_ms,
                attempted_ms: None,
                job_run: match commit.writer {
                    Writer::Spell(spell) => commit.named.then(|| self.spells[spell].run.to_string()),
                    Writer::Somebody => commit.named.then(|| "of another job".to_owned()),
                    Writer::Maintenance => None,
                },
                maintenance: commit.writer == Writer::Maintenance,
                operation: None,
                author: None,
            })
            .collect();
        let before = held.map_or(Before::Nothing, |(_, held)| Before::Held(held));
        Some(TableHistory { table: name(table), before, commits })
    }

    /// Whether the versions are the state at the end of a run, and of no other run only a part.
    fn judge(&self, at: i64, versions: &[(usize, u64)], end: DateTime<Utc>) -> Result<(), String> {
        let mut sides: BTreeMap<usize, bool> = BTreeMap::new();
        for (table, version) in versions {
            let life = self.existing(*table, at).ok_or("no table")?;
            for (number, commit) in life.commits.iter().enumerate().filter(|(_, commit)| commit.at <= at) {
                let Writer::Spell(spell) = commit.writer else { continue };
                let held = number as u64 <= *version;
                let over = self.told(self.spells[spell].ended) <= end;
                // of a run that goes on, and whose service tells no stretches apart, the first may be on either side
                let wrong = if over && self.tells_no_repairs() && self.goes_on(spell, at, end) {
                    *sides.entry(spell).or_insert(held) != held
                } else {
                    over != held
                };
                if wrong {
                    return Err(format!(
                        "t{table}@{version}: version {number} is of spell {spell}, over: {over}, held: {held}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn tells_no_repairs(&self) -> bool {
        self.shape.seed % 3 < 2
    }

    /// Whether the run of a spell had a later one that was told of and not over at an end.
    fn goes_on(&self, spell: usize, at: i64, end: DateTime<Utc>) -> bool {
        let later =
            self.spells.iter().filter(|other| other.run == self.spells[spell].run && other.began <= at);
        later.into_iter().any(|other| self.told(other.ended) > end)
    }
}

fn spells(dice: &mut Dice, shape: Shape) -> Vec<TrueSpell> {
    let mut spells: Vec<TrueSpell> = Vec::new();
    let mut clock = ORIGIN + dice.below(5 * SECOND);
    for run in 0..shape.runs.unsigned_abs() as usize {
        let shortest = if shape.calm { SECOND } else { 1_000 };
        let length = shortest + dice.below(12 * SECOND);
        let success = !dice.one_in(4);
        spells.push(TrueSpell { run, began: clock, ended: clock + length, success });
        let end = clock + length;
        if !shape.calm && dice.one_in(5) {
            let began = end + 1 + dice.below(15 * SECOND);
            let ended = began + 1_000 + dice.below(5 * SECOND);
            spells.push(TrueSpell { run, began, ended, success: !dice.one_in(3) });
        }
        clock = match dice.below(if shape.calm { 1 } else { 5 }) {
            0 => end + 5 * SECOND + dice.below(20 * SECOND),
            1 => end,
            2 => end + dice.below(2_000),
            3 => clock + dice.below(length),
            _ => end + dice.below(4 * SECOND),
        };
    }
    spells
}

/// A recovery point, and which life of each table it holds.
#[derive(Debug)]
struct Held {
    cut: Cut,
    lives: Vec<(TableName, usize, u64)>,
}

impl Held {
    fn of(&self, table: usize) -> Option<(usize, u64)> {
        let name = name(table);
        self.lives.iter().find(|(held, _, _)| *held == name).map(|(_, life, version)| (*life, *version))
    }
}

/// How often what came out.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    chosen: u64,
    refused: u64,
    up_to_date: u64,
}

/// Syncs a world at some moments of its life and checks every cut.
fn live(shape: Shape) -> Result<Tally, String> {
    let mut world = World::new(shape);
    let (mut held, mut tally): (Option<Held>, Tally) = (None, Tally::default());
    let mut moments: Vec<i64> = (0..2).map(|_| ORIGIN + world.dice.below(world.horizon - ORIGIN)).collect();
    moments.push(world.horizon);
    moments.sort_unstable();
    let mut members: Vec<usize> = (0..shape.tables.unsigned_abs() as usize).collect();
    for listed in moments {
        if members.len() > 1 && world.dice.one_in(6) {
            members.rotate_left(1);
            if world.dice.one_in(2) {
                members.pop();
            }
        }
        let runs = world.runs(listed);
        let read = listed + world.dice.below(3 * SECOND);
        // as the caller does: what is held shortens histories only if it is held of every table
        let floor = held.as_ref().filter(|held| members.iter().all(|table| held.of(*table).is_some()));
        let tables: Option<Vec<TableHistory>> =
            members.iter().map(|table| world.history(*table, read, floor)).collect();
        let Some(tables) = tables else { continue };
        let observed = Observed {
            runs: &runs,
            tables: &tables,
            last: held.as_ref().map(|held| &held.cut),
            again: world.dice.one_in(8),
            skew: TimeDelta::microseconds(shape.skew_us),
            listed_at: instant(listed),
        };
        match lazily(&observed) {
            Ok(Choice::UpToDate) => tally.up_to_date += 1,
            Err(refusal) if shape.calm && listed == world.horizon && is_doubt(&refusal) => {
                return Err(format!("a calm world is refused: {refusal}"));
            }
            Err(_) => tally.refused += 1,
            Ok(Choice::Chosen(chosen)) => {
                // a cut that goes back is refused by the caller, who knows the ids of the tables
                match accept(&world, &members, read, held.as_ref(), &chosen)? {
                    None => tally.refused += 1,
                    accepted => {
                        tally.chosen += 1;
                        held = accepted;
                    }
                }
            }
        }
    }
    Ok(tally)
}

fn is_doubt(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NoBoundary { .. } | Refusal::JustFinished { .. })
}

/// Chooses with as little of the histories as the choice asks for.
fn lazily(observed: &Observed<'_>) -> Result<Choice, Refusal> {
    let mut tables: Vec<TableHistory> = observed
        .tables
        .iter()
        .map(|whole| match whole.before {
            Before::Nothing => TableHistory { commits: Vec::new(), before: Before::Unread, ..whole.clone() },
            _ => whole.clone(),
        })
        .collect();
    loop {
        match choose_timed(&Observed { tables: &tables, ..*observed })? {
            Step::Chosen(choice) => return Ok(choice),
            Step::Older { since_ms } => {
                let before: usize = tables.iter().map(|table| table.commits.len()).sum();
                let read: usize = tables.iter().filter(|table| table.before == Before::Unread).count();
                for (table, whole) in tables.iter_mut().zip(observed.tables) {
                    extend(table, whole, since_ms);
                }
                let after: usize = tables.iter().map(|table| table.commits.len()).sum();
                let still: usize = tables.iter().filter(|table| table.before == Before::Unread).count();
                assert!(after > before || still < read, "a choice that asks for nothing");
            }
        }
    }
}

fn extend(table: &mut TableHistory, whole: &TableHistory, since_ms: i64) {
    if table.before != Before::Unread {
        return;
    }
    let newer = whole.commits.iter().filter(|commit| commit.time_ms >= since_ms).count();
    let from = whole.commits.len().saturating_sub(newer + 1);
    table.commits = whole.commits[from..].to_vec();
    if from == 0 {
        table.before = Before::Nothing;
    }
}

fn accept(
    world: &World,
    members: &[usize],
    read: i64,
    held: Option<&Held>,
    chosen: &Chosen,
) -> Result<Option<Held>, String> {
    let run = chosen.run.clone().ok_or("no run")?;
    let told = world.spells.iter().filter(|spell| spell.run.to_string() == run.id && spell.success);
    let end = told
        .map(|spell| world.told(spell.ended))
        .find(|end| end.timestamp_millis() == run.ended_at.timestamp_millis());
    let end = end.ok_or_else(|| format!("no run {} ended with success at {}", run.id, run.ended_at))?;
    let versions: Vec<(usize, u64)> =
        members.iter().copied().zip(chosen.versions.iter().map(|(_, version)| *version)).collect();
    world.judge(read, &versions, end).map_err(|wrong| format!("run {} {end}: {wrong}", run.id))?;
    let mut lives = Vec::new();
    for (table, (name, version)) in members.iter().zip(&chosen.versions) {
        let life = world.existing(*table, read).ok_or("no table")?.id;
        if let Some((_, before)) = held.and_then(|held| held.of(*table)).filter(|(id, _)| *id == life)
            && before > *version
        {
            return Ok(None);
        }
        lives.push((name.clone(), life, *version));
    }
    let pins = lives.iter().map(|(name, life, version)| Pin {
        table: name.clone(),
        source_table_id: life.to_string(),
        source_version: *version,
    });
    let cut = Cut::of_run(&"g".parse().unwrap(), run, pins.collect());
    Ok(Some(Held { cut, lives }))
}

fn histories() -> u64 {
    std::env::var("LAKEDR_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000)
}

#[test]
fn no_cut_of_many_histories_is_wrong() {
    let mut tally = Tally::default();
    for seed in 0..histories() {
        match live(Shape::of(seed)) {
            Ok(found) => {
                tally.chosen += found.chosen;
                tally.refused += found.refused;
                tally.up_to_date += found.up_to_date;
            }
            Err(wrong) => panic!("history {seed}, {:?}: {wrong}", Shape::of(seed)),
        }
    }
    println!("{tally:?}");
    // a choice that refuses everything would be right, too
    assert!(tally.chosen * 3 > tally.refused && tally.refused > 0 && tally.up_to_date > 0, "{tally:?}");
}

proptest! {
    #[test]
    fn no_cut_is_wrong(
        seed in any::<u64>(), runs in 1..7_i64, tables in 1..4_i64,
        skew_us in prop::sample::select(vec![0, 700, 30_000, 2_000_000]), calm in any::<bool>(),
    ) {
        let ended = live(Shape { seed, runs, tables, skew_us, calm });
        prop_assert!(ended.is_ok(), "{:?}", ended);
    }
}
