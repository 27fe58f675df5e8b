//! Finishing an intent, whoever announced it.

use lakedr::publish::{Next, Slot, SlotState, next};

use crate::actor::{Breaks, Seen, Step};
use crate::log::{Said, folded, held, intent, standby};
use crate::rules::{Protocol, Rule};
use crate::world::{Commit, World};

fn see(world: &World, intent: u64, region: usize, (table, version, _): (usize, u64, u64)) -> Seen {
    match world.commit(region, table, version) {
        None => Seen::Free,
        Some(Commit::Ours { intent: of, .. }) if of == intent => Seen::Filled,
        Some(_) => Seen::Foreign,
    }
}

/// Looks at the next slot.
pub(crate) fn look(world: &World, read: usize, seq: u64, mut seen: Vec<Seen>) -> Result<Step, Breaks> {
    let announced = intent(&world.log, seq);
    seen.push(see(world, seq, announced.region, announced.slots[seen.len()]));
    if seen.len() < announced.slots.len() {
        return Ok(Step::Look { read, intent: seq, seen });
    }
    go_on(world, read, seq, seen)
}

/// What lakedr decides on slots in these states.
fn go_on(world: &World, read: usize, seq: u64, seen: Vec<Seen>) -> Result<Step, Breaks> {
    let state = |seen: &Seen| match seen {
        Seen::Free => SlotState::Free,
        Seen::Filled => SlotState::Filled,
        Seen::Foreign => SlotState::Foreign { author: String::new() },
    };
    let slots: Vec<Slot> = seen.iter().map(|seen| Slot { state: state(seen), hidden: false }).collect();
    Ok(match next(&slots) {
        Next::Fill(todo) | Next::FillHidden(todo) => Step::Fill { read, intent: seq, seen, todo },
        Next::Publish => Step::Append { read, said: Said::Published { intent: seq }, then: None },
        Next::RollBack { .. } => {
            let region = intent(&world.log, seq).region;
            if !world.tables[region].iter().flatten().any(|commit| *commit == Commit::Foreign) {
                return Err("only a foreign commit breaks an intent");
            }
            Step::Offers { read, intent: seq, heads: Vec::new() }
        }
    })
}

/// Fills the next slot.
pub(crate) fn fill(
    world: &mut World,
    read: usize,
    seq: u64,
    mut seen: Vec<Seen>,
    mut todo: Vec<usize>,
) -> Result<Step, Breaks> {
    let announced = intent(&world.log, seq);
    let (at, region) = (todo.remove(0), announced.region);
    let (table, version, run) = announced.slots[at];
    if world.put(region, table, version, Commit::Ours { intent: seq, run }) {
        if region != standby(&world.log) {
            return Err("nobody publishes to the region that is active");
        }
        if world.hides_something(region, table, version) {
            return Err("what was not sent is kept before it is replaced");
        }
        seen[at] = Seen::Filled;
    } else {
        seen[at] = see(world, seq, region, announced.slots[at]);
    }
    if todo.is_empty() {
        go_on(world, read, seq, seen)
    } else {
        Ok(Step::Fill { read, intent: seq, seen, todo })
    }
}

/// Looks where each table of a broken intent can be brought back.
pub(crate) fn offers(
    world: &World,
    read: usize,
    seq: u64,
    mut heads: Vec<Option<u64>>,
    protocol: Protocol,
) -> Step {
    let announced = intent(&world.log, seq);
    let Some(state) = folded(&world.log[..read]) else { return Step::Done };
    let holds = held(&state);
    let (table, ..) = announced.slots[heads.len()];
    let since = world.tables[announced.region][table].iter();
    let mut since = since.skip(usize::try_from(holds.versions[table]).unwrap() + 1);
    // after a change of roles there is no recovery point in these tables yet
    let ours = !state.is_returning() && !since.any(|commit| *commit == Commit::Foreign);
    heads.push(ours.then(|| world.head(announced.region, table)));
    if heads.len() < announced.slots.len() {
        return Step::Offers { read, intent: seq, heads };
    }
    let (mut back, mut written) = (holds, [false; 2]);
    for ((table, ..), head) in announced.slots.iter().zip(&heads) {
        if let Some(head) = head {
            back.versions[*table] = head + 1;
            written[*table] = true;
        }
    }
    let abandoned = Said::Abandoned { intent: seq };
    if written == [false; 2] {
        return Step::Append { read, said: abandoned, then: None };
    }
    let rollback = |replaces| {
        let shows = [back.run; 2];
        Said::Intent {
            region: announced.region,
            rollback: true,
            replaces,
            holds: back,
            slots: written,
            shows,
        }
    };
    if protocol.has(Rule::Replaces) {
        Step::Append { read, said: rollback(Some(seq)), then: None }
    } else {
        let then = Step::Append { read: read + 1, said: rollback(None), then: None };
        Step::Append { read, said: abandoned, then: Some(Box::new(then)) }
    }
}
