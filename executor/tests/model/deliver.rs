//! What is brought over: the next run, on its way through the landing area or not.

use lakedr_control::group_log::GroupState;

use crate::actor::{Breaks, Leg, Step};
use crate::log::{Holds, Said, folded, held, landed, standby, unpublished};
use crate::rules::{Protocol, Rule};
use crate::world::World;

/// Announces the next run, or lands it, unless somebody else has written to a table. `heads` are of the tables that the leg
/// writes; they are not checked when they were read before the log.
pub(crate) fn plan(
    world: &World,
    read: usize,
    leg: Leg,
    heads: &[u64],
    (checks, protocol): (bool, Protocol),
) -> Result<Step, Breaks> {
    let Some(state) = folded(&world.log[..read]) else { return Ok(Step::Done) };
    let region = standby(&world.log[..read]);
    if leg == Leg::Send {
        return Ok(send(world, read, &state, heads, protocol));
    }
    let recorded = held(&state).versions;
    let fits = if state.is_returning() {
        heads.iter().zip(recorded).all(|(head, recorded)| *head >= recorded)
    } else {
        heads == recorded
    };
    if checks && !fits {
        // the log may have gone on meanwhile, else it has diverged
        return Ok(if world.log.len() > read { Step::Read { heads: None } } else { Step::Done });
    }
    let source = world.heads(1 - region);
    let newest = if leg == Leg::Receive && !protocol.has(Rule::WaitsForLanded) {
        let lying = [0, 1].map(|table| world.landing[region][table].len() as u64 - 1);
        let run = held(&state).run + 1;
        Some(Holds { run, source, landed: Some(lying), versions: [0; 2] })
    } else if leg == Leg::Receive {
        unpublished(&state)
    } else {
        let run = (held(&state).run + 1).min(world.last_run);
        Some(Holds { run, source, landed: None, versions: [0; 2] })
    };
    let Some(newest) = newest else { return Ok(Step::Done) };
    let holds = Holds { versions: [heads[0] + 1, heads[1] + 1], ..newest };
    let mut shows = [holds.run; 2];
    for (table, run) in shows.iter_mut().enumerate() {
        if let Some(landed) = holds.landed {
            *run = world.landed(region, table, landed[table]).ok_or("what has landed is there")?;
        }
    }
    let said = Said::Intent { region, rollback: false, replaces: None, holds, slots: [true, true], shows };
    let behind = |table: &usize| heads[*table] > recorded[*table];
    if state.is_returning() && protocol.has(Rule::KeepsWhatWasNotSent) {
        let tables: Vec<_> = (0..2).filter(behind).map(|table| (table, heads[table])).collect();
        if !tables.is_empty() {
            return Ok(Step::Keep { read, tables, said });
        }
    }
    Ok(Step::Append { read, said, then: None })
}

/// Keeps what a table of the region that became standby holds behind the recovery point, up to the version that is replaced.
pub(crate) fn keep(world: &mut World, read: usize, mut tables: Vec<(usize, u64)>, said: Said) -> Step {
    let region = standby(&world.log[..read]);
    let (table, head) = tables.remove(0);
    let kept = &mut world.kept[region][table];
    *kept = head.max(*kept);
    if tables.is_empty() {
        Step::Append { read, said, then: None }
    } else {
        Step::Keep { read, tables, said }
    }
}

fn send(world: &World, read: usize, state: &GroupState, next: &[u64], protocol: Protocol) -> Step {
    let region = standby(&world.log[..read]);
    let last = landed(state).map_or(held(state).run, |landed| landed.run);
    let holds = Holds {
        run: (last + 1).min(world.last_run),
        source: world.heads(1 - region),
        landed: Some([next[0], next[1]]),
        versions: [0; 2],
    };
    let (said, todo) = (Said::Landed(holds), vec![0, 1]);
    if protocol.has(Rule::LandsBeforeSayingSo) {
        Step::Land { read, holds, todo, then: Some(said) }
    } else {
        let then = Step::Land { read: read + 1, holds, todo, then: None };
        Step::Append { read, said, then: Some(Box::new(then)) }
    }
}

/// Commits to the next landing table; whoever finds the version taken looks again.
pub(crate) fn land(
    world: &mut World,
    read: usize,
    holds: Holds,
    mut todo: Vec<usize>,
    then: Option<Said>,
) -> Step {
    let region = standby(&world.log[..read]);
    let table = todo.remove(0);
    let free = holds.landed.is_some_and(|landed| world.land(region, table, landed[table], holds.run));
    match (free, then) {
        (true, then) if !todo.is_empty() => Step::Land { read, holds, todo, then },
        (true, Some(said)) => Step::Append { read, said, then: None },
        (true, None) | (false, _) => Step::Read { heads: None },
    }
}
