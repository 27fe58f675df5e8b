//! Every order in which executors, a failover and other writers can take their steps, on a group of two tables: breadth
//! first over all reachable states, with the fold and the decision that lakedr itself runs. Whoever stops moving has
//! crashed, whoever moves late was paused.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod actor;
mod log;
mod search;
mod world;

use actor::{Actor, Role, Rules};
use search::{Found, explore};

const TWO_EXECUTORS: [Actor; 2] = [Actor::of(Role::Executor), Actor::of(Role::Executor)];
const WITH_FAILOVER: [Actor; 3] =
    [Actor::of(Role::Executor), Actor::of(Role::Executor), Actor::of(Role::Failover)];

#[test]
fn no_order_of_steps_breaks_the_promise() {
    for (actors, writes) in [(&TWO_EXECUTORS[..], 2), (&WITH_FAILOVER[..], 0), (&WITH_FAILOVER[..], 2)] {
        match explore(actors, writes, Rules::default()) {
            Found::Nothing { states } => {
                assert!(states > 5_000, "only {states} states were reached");
            }
            Found::Broken { promise, state } => panic!("{promise}: {state}"),
        }
    }
}

fn broken(actors: &[Actor], writes: u8, rules: Rules) -> String {
    match explore(actors, writes, rules) {
        Found::Broken { promise, .. } => promise,
        Found::Nothing { states } => panic!("nothing is broken in {states} states: {rules:?}"),
    }
}

#[test]
fn a_failover_that_settles_nothing_is_found_out() {
    let promise = broken(&WITH_FAILOVER, 0, Rules { settles_before_role: false, ..Rules::default() });
    assert_eq!(promise, "the log is a history");
}

#[test]
fn versions_that_were_read_before_the_log_are_found_out() {
    let promise = broken(&TWO_EXECUTORS, 0, Rules { reads_log_first: false, ..Rules::default() });
    assert_eq!(promise, "only a foreign commit breaks an intent");
}

#[test]
fn giving_up_an_intent_instead_of_replacing_it_is_found_out() {
    let promise = broken(&WITH_FAILOVER, 1, Rules { replaces: false, ..Rules::default() });
    assert_eq!(promise, "nobody publishes to the region that is active");
}
