//! Breadth first over everything that can happen.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::actor::Actor;
use crate::log::{Said, folded, held};
use crate::rules::Protocol;
use crate::world::World;

/// Histories with more intents that were given up are left out. While the tables of the standby region hold no recovery
/// point, after a change of roles, executors that wake up at just the wrong moments can break each other's intents without
/// end.
const MOST_ABANDONED: usize = 2;

/// What a search came to.
pub(crate) enum Found {
    Nothing { states: usize },
    Broken { promise: String, state: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    actors: Vec<Actor>,
}

impl State {
    /// A hash: among a million states, that one is taken for another is of no concern.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The run that the newest recovery point holds; none when the log is no history.
    fn run(&self) -> Option<u64> {
        folded(&self.world.log).map(|state| held(&state).run)
    }

    /// The promise that is broken here, if one is.
    fn broken(&self) -> Option<&'static str> {
        let unfinished = || folded(&self.world.log).is_some_and(|state| state.open_intent.is_some());
        let rest = self.actors.iter().all(Actor::is_done) && unfinished();
        self.world.broken().or(rest.then_some("nobody leaves an intent open"))
    }
}

/// Tries every order of steps.
pub(crate) fn explore(world: World, actors: &[Actor], protocol: Protocol) -> Found {
    let first = State { world, actors: actors.to_vec() };
    let mut seen = HashSet::from([first.mark()]);
    let mut open = VecDeque::from([first]);
    while let Some(state) = open.pop_front() {
        let broken =
            |promise: &str| Found::Broken { promise: promise.to_owned(), state: format!("{state:?}") };
        if let Some(promise) = state.broken() {
            return broken(promise);
        }
        let run = state.run();
        let mut followers: Vec<State> = Vec::new();
        for (at, actor) in state.actors.iter().enumerate().filter(|(_, actor)| !actor.is_done()) {
            let (mut next, mut actor) = (state.clone(), actor.clone());
            if let Err(promise) = actor.step(&mut next.world, protocol) {
                return broken(promise);
            }
            next.actors[at] = actor;
            // executors are alike: who of them is where makes no difference
            next.actors.sort();
            followers.push(next);
        }
        let written = state.world.written_to().into_iter();
        followers.extend(written.map(|world| State { world, actors: state.actors.clone() }));
        for next in followers {
            if next.run().is_some_and(|next| Some(next) < run) {
                return broken("the newest recovery point never moves back");
            }
            let abandoned = |said: &&Said| matches!(said, Said::Abandoned { .. });
            if next.world.log.iter().filter(abandoned).count() > MOST_ABANDONED {
                continue;
            }
            if seen.insert(next.mark()) {
                open.push_back(next);
            }
        }
    }
    Found::Nothing { states: seen.len() }
}
