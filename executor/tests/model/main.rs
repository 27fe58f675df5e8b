//! Every order in which executors, changes of roles and other writers can take their steps, on a group of two tables:
//! breadth first over all reachable states, with the fold and the decision that lakedr itself runs. Whoever stops moving has
//! crashed, whoever moves late was paused.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod actor;
mod deliver;
mod log;
mod rules;
mod search;
mod settle;
mod world;

use actor::{Actor, Role};
use rules::{Protocol, Rule};
use search::{Found, explore};
use world::World;

const EXECUTOR: Actor = Actor::of(Role::Executor);
const EAST: Actor = Actor::of(Role::Site(0));
const WEST: Actor = Actor::of(Role::Site(1));
const FAILOVER: Actor = Actor::of(Role::Failover);
const FAILBACK: Actor = Actor::of(Role::Failback);

/// Has every order tried, and expects that nothing is broken in any of these many states.
fn holds(world: World, actors: &[Actor], at_least: usize) {
    match explore(world, actors, Protocol::WHOLE) {
        Found::Nothing { states } => {
            assert!(states > at_least, "only {states} states were reached");
        }
        Found::Broken { promise, state } => panic!("{promise}: {state}"),
    }
}

/// The promise that is broken without a rule.
fn broken(world: World, actors: &[Actor], rule: Rule) -> String {
    match explore(world, actors, Protocol::without(rule)) {
        Found::Broken { promise, .. } => promise,
        Found::Nothing { states } => panic!("nothing is broken in {states} states without {rule:?}"),
    }
}

#[test]
fn no_order_of_steps_breaks_the_promise() {
    holds(World::new([0, 2]), &[EXECUTOR, EXECUTOR], 5_000);
    holds(World::new([0, 0]), &[EXECUTOR, EXECUTOR, FAILOVER], 5_000);
    holds(World::new([0, 2]), &[EXECUTOR, EXECUTOR, FAILOVER], 5_000);
}

/// The other region is the active one, and the tables of the first one hold something that nobody has sent.
#[test]
fn nor_on_the_way_back() {
    let returning = |writes| World::new(writes).until_run(2).taken_over();
    holds(returning([1, 0]), &[EXECUTOR, EXECUTOR], 4_000);
    holds(returning([1, 1]), &[EXECUTOR, FAILBACK], 10_000);
    holds(returning([1, 0]), &[EXECUTOR, EXECUTOR, FAILBACK], 100_000);
    // there and back, by an executor that may have slept through the failover
    holds(World::new([1, 0]), &[EXECUTOR, FAILOVER], 2_000);
    holds(World::new([1, 0]).until_run(2), &[EXECUTOR, EXECUTOR, FAILOVER], 10_000);
}

#[test]
fn nor_with_senders_and_receivers() {
    holds(World::staged([0, 1]), &[EAST, WEST], 2_000);
    holds(World::staged([0, 1]).until_run(2), &[EAST, WEST, WEST], 2_000);
    holds(World::staged([0, 0]).until_run(2), &[EAST, EAST, WEST, WEST], 5_000);
    holds(World::staged([1, 0]), &[EAST, WEST, FAILOVER], 5_000);
    holds(World::staged([1, 0]).until_run(2).taken_over(), &[EAST, WEST, FAILBACK], 5_000);
}

#[test]
fn a_failover_that_settles_nothing_is_found_out() {
    let promise = broken(World::new([0, 0]), &[EXECUTOR, EXECUTOR, FAILOVER], Rule::SettlesBeforeRole);
    assert_eq!(promise, "the log is a history");
}

#[test]
fn versions_that_were_read_before_the_log_are_found_out() {
    let promise = broken(World::new([0, 0]), &[EXECUTOR, EXECUTOR], Rule::ReadsLogFirst);
    assert_eq!(promise, "only a foreign commit breaks an intent");
}

#[test]
fn giving_up_an_intent_instead_of_replacing_it_is_found_out() {
    let promise = broken(World::new([0, 1]), &[EXECUTOR, EXECUTOR, FAILOVER], Rule::Replaces);
    assert_eq!(promise, "nobody publishes to the region that is active");
}

#[test]
fn replacing_what_was_not_sent_before_it_is_kept_is_found_out() {
    let promise = broken(World::new([0, 0]).taken_over(), &[EXECUTOR], Rule::KeepsWhatWasNotSent);
    assert_eq!(promise, "what was not sent is kept before it is replaced");
}

#[test]
fn publishing_what_nobody_said_has_landed_is_found_out() {
    let promise = broken(World::staged([0, 0]), &[EAST, WEST], Rule::WaitsForLanded);
    assert_eq!(promise, "a recovery point is one run in all tables");
}

#[test]
fn saying_that_a_cut_has_landed_before_it_has_is_found_out() {
    let promise = broken(World::staged([0, 0]), &[EAST, WEST], Rule::LandsBeforeSayingSo);
    assert_eq!(promise, "what has landed is there");
}

/// An intent is put behind the entries that its writer has read: this is what fences a stale one after a failover.
#[test]
fn a_receiver_that_is_not_fenced_is_found_out() {
    let world = World::staged([0, 0]).has_landed();
    let promise = broken(world, &[WEST, FAILOVER], Rule::AnnouncesBehindWhatWasRead);
    assert_eq!(promise, "nobody publishes to the region that is active");
}

#[test]
fn an_executor_that_is_not_fenced_is_found_out_on_the_way_back() {
    let world = World::new([0, 0]).taken_over();
    let promise = broken(world, &[EXECUTOR, FAILBACK], Rule::AnnouncesBehindWhatWasRead);
    assert_eq!(promise, "nobody publishes to the region that is active");
}
