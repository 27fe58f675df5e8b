//! Executors and a failover, step by step: between two steps of one, any other may take its own.

use lakedr::publish::{Next, Slot, SlotState, next};

use crate::log::{Holds, Said, folded, held, intent};
use crate::world::{Commit, LAST_RUN, World};

/// What an actor is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Publishes one run after the other.
    Executor,
    /// Makes the other region the active one.
    Failover,
}

/// The protocol, and what can be left out of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// A failover finishes what is open before it changes the roles.
    pub(crate) settles_before_role: bool,
    /// An executor reads the log before it looks at the tables.
    pub(crate) reads_log_first: bool,
    /// A broken intent is replaced by the rollback in one event.
    pub(crate) replaces: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { settles_before_role: true, reads_log_first: true, replaces: true }
    }
}

/// A slot of an intent as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Seen {
    Free,
    Filled,
    Foreign,
}

/// What an actor does next. `read` is how much of the log it has read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Read { heads: Option<Vec<u64>> },
    Decide { read: usize, heads: Option<Vec<u64>> },
    Heads { read: Option<usize>, heads: Vec<u64> },
    Look { read: usize, intent: u64, seen: Vec<Seen> },
    Fill { read: usize, intent: u64, seen: Vec<Seen>, todo: Vec<usize> },
    Offers { read: usize, intent: u64, heads: Vec<Option<u64>> },
    Append { read: usize, said: Said, then: Option<Box<Said>> },
    Done,
}

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Actor {
    role: Role,
    step: Step,
}

/// A promise that a step breaks.
pub(crate) type Breaks = &'static str;

impl Actor {
    pub(crate) const fn of(role: Role) -> Self {
        Self { role, step: Step::Read { heads: None } }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Takes one step.
    pub(crate) fn step(&mut self, world: &mut World, rules: Rules) -> Result<(), Breaks> {
        self.step = match std::mem::replace(&mut self.step, Step::Done) {
            Step::Read { heads: None } if self.role == Role::Executor && !rules.reads_log_first => {
                Step::Heads { read: None, heads: Vec::new() }
            }
            Step::Read { heads } => Step::Decide { read: world.log.len(), heads },
            Step::Decide { read, heads } => self.decide(world, read, heads, rules),
            Step::Heads { read, mut heads } => {
                heads.push(world.head(heads.len()));
                match (heads.len(), read) {
                    (2, Some(read)) => plan(world, read, &heads, true),
                    (2, None) => Step::Read { heads: Some(heads) },
                    _ => Step::Heads { read, heads },
                }
            }
            Step::Look { read, intent, seen } => look(world, read, intent, seen)?,
            Step::Fill { read, intent, seen, todo } => fill(world, read, intent, seen, todo)?,
            Step::Offers { read, intent, heads } => offers(world, read, intent, heads, rules),
            Step::Append { read, said, then } => append(world, read, said, then),
            Step::Done => Step::Done,
        };
        Ok(())
    }

    fn decide(&self, world: &World, read: usize, heads: Option<Vec<u64>>, rules: Rules) -> Step {
        let Some(state) = folded(&world.log[..read]) else { return Step::Done };
        let settles = self.role == Role::Executor || rules.settles_before_role;
        if let Some(open) = state.open_intent.as_ref().filter(|_| settles) {
            return Step::Look { read, intent: open.seq, seen: Vec::new() };
        }
        match (self.role, state.epoch) {
            (_, 2..) => Step::Done,
            (Role::Failover, _) => Step::Append { read, said: Said::Role, then: None },
            (Role::Executor, _) if held(&state).run == LAST_RUN => Step::Done,
            (Role::Executor, _) => match heads {
                Some(heads) => plan(world, read, &heads, false),
                None => Step::Heads { read: Some(read), heads: Vec::new() },
            },
        }
    }
}

/// Announces the next run, unless somebody else has written to a table.
fn plan(world: &World, read: usize, heads: &[u64], checks: bool) -> Step {
    let Some(state) = folded(&world.log[..read]) else { return Step::Done };
    if checks && heads != held(&state).versions {
        // the log may have gone on meanwhile, else it has diverged
        return if world.log.len() > read { Step::Read { heads: None } } else { Step::Done };
    }
    let holds = Holds { run: held(&state).run + 1, versions: [heads[0] + 1, heads[1] + 1] };
    let said = Said::Intent { rollback: false, replaces: None, holds, slots: [true, true] };
    Step::Append { read, said, then: None }
}

fn see(world: &World, intent: u64, (table, version): (usize, u64)) -> Seen {
    match world.commit(table, version) {
        None => Seen::Free,
        Some(Commit::Ours { intent: of, .. }) if of == intent => Seen::Filled,
        Some(_) => Seen::Foreign,
    }
}

fn look(world: &World, read: usize, seq: u64, mut seen: Vec<Seen>) -> Result<Step, Breaks> {
    let (_, slots) = intent(&world.log, seq);
    seen.push(see(world, seq, slots[seen.len()]));
    if seen.len() < slots.len() {
        return Ok(Step::Look { read, intent: seq, seen });
    }
    go_on(world, read, seq, seen)
}

/// What lakedr decides on slots in these states.
fn go_on(world: &World, read: usize, intent: u64, seen: Vec<Seen>) -> Result<Step, Breaks> {
    let state = |seen: &Seen| match seen {
        Seen::Free => SlotState::Free,
        Seen::Filled => SlotState::Filled,
        Seen::Foreign => SlotState::Foreign { author: String::new() },
    };
    let slots: Vec<Slot> = seen.iter().map(|seen| Slot { state: state(seen), hidden: false }).collect();
    Ok(match next(&slots) {
        Next::Fill(todo) | Next::FillHidden(todo) => Step::Fill { read, intent, seen, todo },
        Next::Publish => Step::Append { read, said: Said::Published { intent }, then: None },
        Next::RollBack { .. } => {
            if !world.tables.iter().flatten().any(|commit| *commit == Commit::Foreign) {
                return Err("only a foreign commit breaks an intent");
            }
            Step::Offers { read, intent, heads: Vec::new() }
        }
    })
}

fn fill(
    world: &mut World,
    read: usize,
    seq: u64,
    mut seen: Vec<Seen>,
    mut todo: Vec<usize>,
) -> Result<Step, Breaks> {
    let (holds, slots) = intent(&world.log, seq);
    let at = todo.remove(0);
    let (table, version) = slots[at];
    if world.put(table, version, Commit::Ours { intent: seq, run: holds.run }) {
        if world.is_taken_over() {
            return Err("nobody publishes to the region that is active");
        }
        seen[at] = Seen::Filled;
    } else {
        seen[at] = see(world, seq, slots[at]);
    }
    if todo.is_empty() {
        go_on(world, read, seq, seen)
    } else {
        Ok(Step::Fill { read, intent: seq, seen, todo })
    }
}

/// Looks where each table of a broken intent can be brought back.
fn offers(world: &World, read: usize, seq: u64, mut heads: Vec<Option<u64>>, rules: Rules) -> Step {
    let (_, slots) = intent(&world.log, seq);
    let Some(state) = folded(&world.log[..read]) else { return Step::Done };
    let holds = held(&state);
    let (table, _) = slots[heads.len()];
    let since = world.tables[table].iter().skip(usize::try_from(holds.versions[table]).unwrap() + 1);
    let ours = !since.into_iter().any(|commit| *commit == Commit::Foreign);
    heads.push(ours.then(|| world.head(table)));
    if heads.len() < slots.len() {
        return Step::Offers { read, intent: seq, heads };
    }
    let (mut back, mut written) = (holds, [false; 2]);
    for ((table, _), head) in slots.iter().zip(&heads) {
        if let Some(head) = head {
            back.versions[*table] = head + 1;
            written[*table] = true;
        }
    }
    let abandoned = Said::Abandoned { intent: seq };
    if written == [false; 2] {
        return Step::Append { read, said: abandoned, then: None };
    }
    let rollback = |replaces| Said::Intent { rollback: true, replaces, holds: back, slots: written };
    if rules.replaces {
        Step::Append { read, said: rollback(Some(seq)), then: None }
    } else {
        Step::Append { read, said: abandoned, then: Some(Box::new(rollback(None))) }
    }
}

/// Put-if-absent behind what was read. Whoever loses, and whoever has appended, reads the log again.
fn append(world: &mut World, read: usize, said: Said, then: Option<Box<Said>>) -> Step {
    if world.log.len() != read {
        return Step::Read { heads: None };
    }
    let role = said == Said::Role;
    world.log.push(said);
    match then {
        Some(said) => Step::Append { read: read + 1, said: *said, then: None },
        None if role => Step::Done,
        None => Step::Read { heads: None },
    }
}
