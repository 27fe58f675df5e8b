//! Executors and changes of roles, step by step: between two steps of one, any other may take its own.

use lakedr_control::group_log::GroupState;

use crate::deliver::{self, keep, land};
use crate::log::{Holds, Said, folded, held, landed, standby, unpublished};
use crate::rules::{Protocol, Rule};
use crate::settle::{fill, look, offers};
use crate::world::World;

/// What an actor is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Publishes one run after the other, in whichever direction the roles ask for.
    Executor,
    /// The same where delivery is staged, in one region: sends while it is active, receives while it is standby.
    Site(usize),
    /// Makes the other region the active one.
    Failover,
    /// Makes the first region the active one again, if nothing is lost by it.
    Failback,
}

/// The part of the way that an actor covers, in the roles that it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    Direct,
    Send,
    Receive,
}

/// A slot of an intent as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Seen {
    Free,
    Filled,
    Foreign,
}

/// What an actor does next. `read` is how much of the log it has read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Read { heads: Option<Vec<u64>> },
    Heads { read: Option<usize>, heads: Vec<u64> },
    Keep { read: usize, tables: Vec<(usize, u64)>, said: Said },
    Land { read: usize, holds: Holds, todo: Vec<usize>, then: Option<Said> },
    Look { read: usize, intent: u64, seen: Vec<Seen> },
    Fill { read: usize, intent: u64, seen: Vec<Seen>, todo: Vec<usize> },
    Offers { read: usize, intent: u64, heads: Vec<Option<u64>> },
    Append { read: usize, said: Said, then: Option<Box<Step>> },
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
    pub(crate) fn step(&mut self, world: &mut World, protocol: Protocol) -> Result<(), Breaks> {
        self.step = match std::mem::replace(&mut self.step, Step::Done) {
            Step::Read { heads: None }
                if self.role == Role::Executor && !protocol.has(Rule::ReadsLogFirst) =>
            {
                Step::Heads { read: None, heads: Vec::new() }
            }
            // what is decided on the entries that were read depends on nothing else
            Step::Read { heads } => self.decide(world, world.log.len(), heads, protocol)?,
            Step::Heads { read, heads } => self.heads(world, read, heads, protocol)?,
            Step::Keep { read, tables, said } => keep(world, read, tables, said),
            Step::Land { read, holds, todo, then } => land(world, read, holds, todo, then),
            Step::Look { read, intent, seen } => look(world, read, intent, seen)?,
            Step::Fill { read, intent, seen, todo } => fill(world, read, intent, seen, todo)?,
            Step::Offers { read, intent, heads } => offers(world, read, intent, heads, protocol),
            Step::Append { read, said, then } => append(world, read, said, then, protocol),
            Step::Done => Step::Done,
        };
        Ok(())
    }

    /// The part of the way that it covers when it has read these entries.
    fn leg(&self, read: &[Said]) -> Leg {
        match self.role {
            Role::Site(region) if region == standby(read) => Leg::Receive,
            Role::Site(_) => Leg::Send,
            Role::Executor | Role::Failover | Role::Failback => Leg::Direct,
        }
    }

    fn decide(
        &self,
        world: &World,
        read: usize,
        heads: Option<Vec<u64>>,
        protocol: Protocol,
    ) -> Result<Step, Breaks> {
        let Some(state) = folded(&world.log[..read]) else { return Ok(Step::Done) };
        let leg = self.leg(&world.log[..read]);
        let changes_roles = matches!(self.role, Role::Failover | Role::Failback);
        let settles = leg != Leg::Send && (!changes_roles || protocol.has(Rule::SettlesBeforeRole));
        if let Some(open) = state.open_intent.as_ref().filter(|_| settles) {
            return Ok(Step::Look { read, intent: open.seq, seen: Vec::new() });
        }
        let look = Step::Heads { read: Some(read), heads: Vec::new() };
        Ok(match (self.role, leg) {
            (Role::Failover, _) if state.epoch == 1 => Step::Append { read, said: Said::Role, then: None },
            (Role::Failback, _) if state.epoch == 2 && !state.is_returning() => look,
            (Role::Failover | Role::Failback, _) => Step::Done,
            (_, leg) if !has_work(&state, leg, (world.last_run, protocol)) => Step::Done,
            _ => match heads {
                Some(heads) => deliver::plan(world, read, leg, &heads, (false, protocol))?,
                None => look,
            },
        })
    }

    fn heads(
        &self,
        world: &World,
        read: Option<usize>,
        mut heads: Vec<u64>,
        protocol: Protocol,
    ) -> Result<Step, Breaks> {
        let log = &world.log[..read.unwrap_or(world.log.len())];
        let (region, table, leg) = (standby(log), heads.len(), self.leg(log));
        heads.push(match leg {
            // where the next version goes, for there may be none yet
            Leg::Send => world.landing[region][table].len() as u64,
            Leg::Direct | Leg::Receive => world.head(region, table),
        });
        Ok(match (heads.len(), read) {
            (2, Some(read)) if self.role == Role::Failback => failback(world, read, &heads),
            (2, Some(read)) => deliver::plan(world, read, leg, &heads, (true, protocol))?,
            (2, None) => Step::Read { heads: Some(heads) },
            _ => Step::Heads { read, heads },
        })
    }
}

/// Whether there is something to bring over.
fn has_work(state: &GroupState, leg: Leg, (last_run, protocol): (u64, Protocol)) -> bool {
    match leg {
        Leg::Direct => state.is_returning() || held(state).run < last_run,
        Leg::Send => landed(state).is_none_or(|landed| landed.run < last_run),
        Leg::Receive if !protocol.has(Rule::WaitsForLanded) => held(state).run < last_run,
        Leg::Receive => unpublished(state).is_some(),
    }
}

/// Changes the roles, if both regions hold the newest recovery point and nothing else.
fn failback(world: &World, read: usize, heads: &[u64]) -> Step {
    let Some(state) = folded(&world.log[..read]) else { return Step::Done };
    let holds = held(&state);
    let active = world.heads(1 - standby(&world.log[..read]));
    if heads == holds.versions && active == holds.source {
        Step::Append { read, said: Said::Role, then: None }
    } else {
        Step::Done
    }
}

/// Put-if-absent behind what was read. Whoever loses reads the log again, whoever has announced an intent settles it.
fn append(world: &mut World, read: usize, said: Said, then: Option<Box<Step>>, protocol: Protocol) -> Step {
    let role = said == Said::Role;
    let announces = matches!(said, Said::Intent { .. });
    if world.log.len() != read && (!announces || protocol.has(Rule::AnnouncesBehindWhatWasRead)) {
        return Step::Read { heads: None };
    }
    world.log.push(said);
    match then {
        Some(then) => *then,
        None if role => Step::Done,
        None if announces => {
            let read = world.log.len();
            Step::Look { read, intent: read as u64, seen: Vec::new() }
        }
        None => Step::Read { heads: None },
    }
}
