//! Several executors sync one group at the same time: in orders drawn from seeds, and on several threads.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use lakedr::cut::Refusal;
use lakedr::error::chain;
use lakedr::pipeline::{End, Scene, Stop, attempt};
use lakedr::report::{GroupReport, Outcome, Progress};
use lakedr_control::group_log::GroupLog;
use lakedr_control::store::{DocStore, DocStoreRef, Listed, Object, StoreError, Tag, Written};

use crate::checks::{case, count, heads, held_run, newest_readable, readable, run_held_by};
use crate::foreign::{FOREIGN, late_fill, move_away, whole_but_for};
use crate::interleave::{Dice, Habits, Task, interleave, pause};
use crate::lab::{Executor, Lab, TABLES, Told, slot_key, table_key};

/// Seeds of each test with a scheduler, unless `LAKEDR_SEEDS` says how many. `LAKEDR_SEED` runs one of them alone.
const SEEDS: u64 = 48;

/// Races that an executor may lose in one call; every lost one is an entry that somebody else wrote.
const RACES: usize = 8;

pub(crate) fn seeds() -> Vec<u64> {
    let alone = std::env::var("LAKEDR_SEED").ok().map(|seed| vec![seed.parse().unwrap()]);
    let many = std::env::var("LAKEDR_SEEDS").map_or(SEEDS, |many| many.parse().unwrap());
    alone.unwrap_or_else(|| (0..many).collect())
}

/// A store that lets the scheduler decide before every operation who goes on.
#[derive(Debug)]
struct Pausing(DocStoreRef);

#[async_trait]
impl DocStore for Pausing {
    fn url(&self) -> &str {
        self.0.url()
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        pause().await;
        self.0.read(key).await
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        pause().await;
        self.0.list_after(folder, after).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        pause().await;
        self.0.create(key, bytes).await
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        pause().await;
        self.0.replace(key, bytes, tag).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        pause().await;
        self.0.delete(key).await
    }
}

/// The scene of an executor, its log on a store that pauses.
pub(crate) async fn pausing(executor: &Executor) -> Scene<'_> {
    let scene = executor.scene().await;
    let home = |side| -> (String, DocStoreRef) {
        (scene.group.side(side).region.clone(), Arc::new(Pausing(scene.stores.location(side))))
    };
    let active = scene.group.initial_active;
    let log = GroupLog::new(scene.group.name.clone(), home(active.other()), home(active));
    Scene { log, ..scene }.keeping_caches()
}

/// One call of an executor. Where it says that all is well, the run is held at that very moment.
async fn call(executor: &Executor, run: u64) -> Result<Outcome, Stop> {
    let scene = pausing(executor).await;
    for _ in 0..RACES {
        if let End::Done(done) = attempt(&scene, false, &Progress::silent()).await? {
            assert_eq!(run_held_by(scene.log.read().await.unwrap().state.as_ref()), run);
            return Ok(GroupReport::done(&scene.group.name, done).outcome);
        }
    }
    panic!("lost {RACES} races in one call");
}

/// Calls of all executors at the same time, in an order that the dice choose.
async fn calls(
    dice: &mut Dice,
    deadliness: usize,
    executors: &[Executor],
    run: u64,
) -> Vec<Result<Outcome, Stop>> {
    let habits = Habits { patience: [0, 1, 8, 40][dice.below(4)], deadliness };
    let tasks = executors.iter().map(|executor| Box::pin(call(executor, run)) as Task<'_, _>).collect();
    interleave(dice, habits, tasks).await.into_iter().flatten().collect()
}

fn ended_well(ended: &Result<Outcome, Stop>) {
    match ended {
        Ok(outcome) => assert!(matches!(outcome, Outcome::Published | Outcome::UpToDate), "{outcome:?}"),
        Err(Stop::Failed(failure)) => panic!("{}", chain(failure)),
        Err(Stop::Refused(refusal)) => panic!("{refusal}"),
    }
}

/// The group holds every run up to the newest once, nothing is open, and nobody complained.
async fn one_point_per_run(lab: &Lab, run: u64) {
    let history = readable(lab).await;
    assert_eq!(held_run(&history), run);
    assert_eq!((count(&history, "intent"), count(&history, "published")), (run as usize, run as usize));
    assert_eq!(count(&history, "failed") + count(&history, "abandoned"), 0);
    assert_eq!(history.state.unwrap().open_intent, None);
}

#[tokio::test]
async fn executors_in_any_order_publish_every_run_once() {
    let (mut compacting, mut at_home) = (0, 0);
    for seed in seeds() {
        let mut dice = Dice::new(seed);
        let lab = if seed % 2 == 0 { Lab::new() } else { Lab::compacting() };
        for run in 1..=4 {
            case(&format!("LAKEDR_SEED={seed}, run {run}"));
            lab.run(run);
            let executors: Vec<Executor> = (0..2 + dice.below(3)).map(|_| lab.executor()).collect();
            let ended = calls(&mut dice, 0, &executors, run).await;
            assert_eq!(ended.len(), executors.len());
            ended.iter().for_each(ended_well);
            assert!(ended.iter().any(|ended| matches!(ended, Ok(Outcome::Published))));
            one_point_per_run(&lab, run).await;
        }
        let compacted = format!("{}/part-3-cat.s.bronze.parquet", table_key("cat.s.bronze"));
        compacting += usize::from(lab.is_compacting());
        at_home += usize::from(!lab.read().contains_key(&compacted));
    }
    // an executor that overtakes the records of the newest recovery point follows the compaction after all
    assert!(at_home >= compacting / 2, "{at_home} of {compacting} compactions moved no bytes");
}

#[tokio::test]
async fn executors_that_are_killed_leave_what_the_next_one_finishes() {
    let mut killed = 0;
    for seed in seeds() {
        let mut dice = Dice::new(seed);
        let lab = if seed % 2 == 0 { Lab::new() } else { Lab::compacting() };
        for run in 1..=4 {
            case(&format!("LAKEDR_SEED={seed}, run {run}"));
            lab.run(run);
            let executors: Vec<Executor> = (0..3).map(|_| lab.executor()).collect();
            let ended = calls(&mut dice, 100, &executors, run).await;
            ended.iter().for_each(ended_well);
            killed += executors.len() - ended.len();
            let held = held_run(&readable(&lab).await);
            assert!(held == run || held == run - 1);
            ended_well(&call(&lab.executor(), run).await);
            one_point_per_run(&lab, run).await;
        }
    }
    assert!(killed > 0);
}

/// Waits for some turns, from the start or from the moment at which run 2 is announced, then commits to a table
/// behind its head. `made` is where, unless somebody else was faster.
async fn intruder(
    lab: &Lab,
    (after_intent, turns): (bool, usize),
    table: &str,
    made: &RefCell<Option<String>>,
) -> Result<Outcome, Stop> {
    while after_intent && count(&lab.history().await, "intent") < 2 {
        pause().await;
    }
    for _ in 0..turns {
        pause().await;
    }
    let head = heads(&lab.read())[&table_key(table)];
    let slot = slot_key(table, head + 1);
    if late_fill(lab, &slot, FOREIGN).await {
        made.replace(Some(slot));
    }
    Ok(Outcome::UpToDate)
}

/// When a foreign commit came, in terms of the publish that it met.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    BeforeIntent,
    IntoSlot,
    AfterPublish,
}

fn came(history: &Told) -> Came {
    match (count(history, "intent"), held_run(history)) {
        (1, 1) => Came::BeforeIntent,
        (2.., 1) => Came::IntoSlot,
        (2, 2) => Came::AfterPublish,
        other => panic!("intents and run: {other:?}"),
    }
}

#[tokio::test]
async fn a_foreign_commit_at_any_moment_never_tears_the_group() {
    let mut seen = BTreeSet::new();
    for seed in seeds() {
        case(&format!("LAKEDR_SEED={seed}"));
        let mut dice = Dice::new(seed);
        let lab = Lab::after_run(1);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        lab.run(2);
        let made = RefCell::new(None);
        let executors: Vec<Executor> = (0..3).map(|_| lab.executor()).collect();
        let mut tasks: Vec<Task<'_, _>> =
            executors.iter().map(|executor| Box::pin(call(executor, 2)) as _).collect();
        let table = TABLES[dice.below(TABLES.len())];
        let moment = (dice.below(2) == 0, dice.below(20));
        tasks.push(Box::pin(intruder(&lab, moment, table, &made)));
        let habits = Habits { patience: [0, 1, 3][dice.below(3)], deadliness: [0, 60][dice.below(2)] };
        let mut ended = interleave(&mut dice, habits, tasks).await;
        readable(&lab).await;
        ended.push(Some(call(&lab.executor(), 2).await));
        for ended in ended.into_iter().flatten() {
            assert!(matches!(ended, Ok(_) | Err(Stop::Refused(Refusal::Diverged { .. }))), "{ended:?}");
        }
        let history = readable(&lab).await;
        whole_but_for(&lab, &history, table);
        if let Some(slot) = made.take() {
            assert!(lab.read()[&slot] == FOREIGN, "{slot} was overwritten");
        }
        seen.insert(came(&history));

        move_away(&lab, table);
        lab.run(3);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        assert_eq!(held_run(&newest_readable(&lab).await), 3);
    }
    let every = [Came::BeforeIntent, Came::IntoSlot, Came::AfterPublish].into();
    assert!(seeds().len() == 1 || seen == every, "the seeds miss something: {seen:?}");
}

/// One `lakedr sync` on a runtime of its own.
fn sync_on_a_thread(executor: &Executor) -> GroupReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(executor.sync())
}

#[tokio::test]
async fn executors_on_threads_publish_every_run_once() {
    for round in 0..20 {
        let lab = Lab::new();
        for run in 1..=3 {
            case(&(round, run));
            lab.run(run);
            let executors: Vec<Executor> = (0..4).map(|_| lab.executor()).collect();
            let reports: Vec<GroupReport> = std::thread::scope(|scope| {
                let calls: Vec<_> =
                    executors.iter().map(|executor| scope.spawn(|| sync_on_a_thread(executor))).collect();
                calls.into_iter().map(|call| call.join().unwrap()).collect()
            });
            assert!(reports.iter().all(|report| report.error.is_none()), "{reports:?}");
            assert!(reports.iter().any(|report| report.outcome == Outcome::Published), "{reports:?}");
            one_point_per_run(&lab, run).await;
        }
    }
}
