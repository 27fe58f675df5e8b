//! An intent that another executor left open, and a spec that has changed since.

use lakedr::report::Outcome;
use lakedr_control::spec::SyncGroupSpec;

use crate::checks::{count, held_run, newest, readable, tags};
use crate::lab::{Lab, TABLES};
use crate::tree::Tree;
use crate::writes::{Write, apply, steps};

/// A group that holds run 1, and the writes of run 2's sync up to its slots.
pub(crate) struct Opened {
    pub(crate) lab: Lab,
    /// The state with the intent announced and no slot filled.
    pub(crate) announced: Tree,
    /// The commits of the intent, in the order of the tables.
    pub(crate) slots: Vec<(String, Vec<u8>)>,
    /// Sequence number of the intent.
    pub(crate) intent: u64,
}

/// Announces run `run` of a group that holds the run before.
pub(crate) async fn opened(run: u64) -> Opened {
    let lab = Lab::new();
    for run in 1..run {
        lab.run(run);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
    }
    lab.run(run);
    let before = lab.read();
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let steps = steps(&before, &lab.read());
    let is_slot = |write: &Write| matches!(write, Write::Put(key, _) if key.contains("/_delta_log/"));
    let at = steps.iter().position(|step| step.iter().all(is_slot)).unwrap();
    let slots = steps[at].iter().filter_map(|write| match write {
        Write::Put(key, bytes) => Some((key.clone(), bytes.clone())),
        Write::Delete(_) => None,
    });
    let slots: Vec<_> = slots.collect();
    assert_eq!(slots.len(), TABLES.len());
    let announced = apply(&before, steps[..at].iter().flatten());
    lab.restore(&announced);
    let intent = lab.history().await.state.unwrap().open_intent.unwrap().seq;
    Opened { lab, announced, slots, intent }
}

impl Opened {
    /// The announced state with the slots filled whose bit is set.
    pub(crate) fn filled(&self, bits: usize) -> Tree {
        let mut tree = self.announced.clone();
        tree.extend(
            self.slots.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, slot)| slot.clone()),
        );
        tree
    }
}

/// How the spec has changed since the intent, and how the call that finds it ends.
struct Change {
    what: &'static str,
    spec: fn(&mut SyncGroupSpec),
    outcome: Outcome,
}

const CHANGES: [Change; 5] = [
    Change { what: "nothing", spec: |_| {}, outcome: Outcome::Published },
    Change {
        what: "a table was removed",
        spec: |spec| drop(spec.tables.remove(1)),
        outcome: Outcome::Published,
    },
    Change {
        what: "the initial active region is another",
        spec: |spec| "west".clone_into(&mut spec.initial_active_region),
        outcome: Outcome::Published,
    },
    Change { what: "the group is paused", spec: |spec| spec.paused = true, outcome: Outcome::Refused },
    Change {
        what: "both, and the tables lie elsewhere",
        spec: |spec| {
            "west".clone_into(&mut spec.initial_active_region);
            spec.paused = true;
            spec.secondary.table_root =
                spec.secondary.table_root.as_ref().map(|root| format!("{root}/moved"));
        },
        outcome: Outcome::Refused,
    },
];

#[tokio::test]
async fn an_intent_is_finished_by_the_next_call() {
    for run in [1, 2] {
        let opened = opened(run).await;
        let (lab, from) = (&opened.lab, opened.intent);
        for change in CHANGES {
            for bits in 0..1 << TABLES.len() {
                let case = format!("run {run}, {}, slots {bits:03b}", change.what);
                lab.restore(&opened.filled(bits));
                assert_eq!(held_run(&readable(lab).await), run - 1, "{case}");
                let mut spec = lab.spec();
                (change.spec)(&mut spec);
                let report = lab.executor_of(&spec).sync().await;
                assert_eq!(report.outcome, change.outcome, "{case}: {report:?}");
                let history = readable(lab).await;
                assert_eq!(tags(&history, from), ["intent", "published"], "{case}");
                assert_eq!((held_run(&history), newest(&history).unwrap().intent), (run, from), "{case}");
                assert!(opened.slots.iter().all(|(key, body)| lab.read().get(key) == Some(body)), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_finishes_an_intent_goes_on_to_the_newest_run() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    lab.run(3);
    lab.restore(&opened.filled(0b010));
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let history = readable(lab).await;
    assert_eq!(tags(&history, opened.intent), ["intent", "published", "intent", "published"]);
    assert_eq!((held_run(&history), count(&history, "published")), (3, 3));
}
