//! The roles change while executors are paused or killed, and the region that was given up comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use lakedr::drill::{Asked, NotDrilled, drill};
use lakedr::failover::{Approved, Kind, Switched, execute, plan_id, standing};
use lakedr::publish::{Intention, announce, settle};
use lakedr::report::{Outcome, Progress};
use lakedr_control::digest;
use lakedr_control::group_log::{Entry, Event, IntentKind, IntentSlot};
use lakedr_control::layout;

use crate::checks::{case, count, held_run, readable};
use crate::lab::{GROUP, LAKE, Lab, SYNC, TABLES, slot_key, table_key};
use crate::open_intent::opened;
use crate::tree::{self, Tree, changes};
use crate::writes::{Crash, Step, Write, apply, prefixes, steps};

const APPROVED: Approved<'_> = Approved { kind: Kind::Failover, plan: "", by: "ada" };

/// The id of the plan that somebody who looks at the group is given.
pub(crate) async fn planned(lab: &Lab) -> String {
    let executor = lab.executor();
    let standing = standing(&executor.scene().await, APPROVED).await.unwrap().unwrap();
    plan_id([(GROUP, standing.part.as_str())])
}

/// `lakedr failover execute`; none when the plan is stale.
pub(crate) async fn fail_over(lab: &Lab, plan: &str) -> Option<Switched> {
    let (executor, approved) = (lab.executor(), Approved { plan, ..APPROVED });
    let scene = executor.scene().await;
    let standing = standing(&scene, approved).await.unwrap().unwrap();
    if plan_id([(GROUP, standing.part.as_str())]) != plan {
        return None;
    }
    Some(execute(&scene, approved, &standing.part, Vec::new()).await)
}

/// A commit of a workflow that writes in the standby region once it is active.
fn write_in_the_west(lab: &Lab, table: &str, version: u64) {
    let commit = "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"west/1.0\"}}\n";
    tree::write(&lab.standby().join(slot_key(table, version)), commit.as_bytes());
}

#[tokio::test]
async fn a_sender_that_wakes_up_after_a_failover_changes_nothing() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    for bits in 0..1 << TABLES.len() {
        case(&format!("slots {bits:03b}"));
        lab.restore(&opened.filled(bits));
        let sender = lab.executor();
        let paused = sender.scene().await;
        let asleep = paused.log.read().await.unwrap();
        let plan = planned(lab).await;
        let switched = fail_over(lab, &plan).await.unwrap();
        assert!(switched.switched && switched.error.is_none(), "{:?}", switched.error);
        assert_eq!((switched.epoch, held_run(&lab.history().await)), (Some(2), 2), "the intent was settled");
        TABLES.iter().for_each(|table| write_in_the_west(lab, table, 2));
        let before = lab.read();

        settle(&paused, asleep).await.unwrap();
        assert_eq!(changes(&before, &lab.read()), [].into(), "it found everything done");
    }
}

#[tokio::test]
async fn a_sender_that_was_paused_before_its_intent_cannot_announce_it() {
    let lab = Lab::after_run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let sender = lab.executor();
    let paused = sender.scene().await;
    let asleep = paused.log.read().await.unwrap();
    let point = asleep.state.as_ref().unwrap().recovery_point().unwrap().clone();
    let plan = planned(&lab).await;
    assert!(fail_over(&lab, &plan).await.unwrap().switched);
    let before = lab.read();
    let intention = Intention {
        kind: IntentKind::Publish,
        replaces: None,
        spec_digest: paused.spec_digest.clone(),
        cut: point.cut,
    };
    assert!(announce(&paused, asleep, intention, Vec::new()).await.unwrap().is_none());
    assert_eq!(changes(&before, &lab.read()), [].into());
}

#[tokio::test]
async fn a_failover_that_is_killed_after_every_write_goes_on_with_the_same_plan() {
    let opened = opened(2).await;
    let lab = &opened.lab;
    let plan = planned(lab).await;
    let before = lab.read();
    assert!(fail_over(lab, &plan).await.unwrap().switched);
    let after = lab.read();
    let slots: Step = opened.slots.iter().map(|(key, body)| Write::Put(key.clone(), body.clone())).collect();
    let filled = apply(&before, &slots);
    let steps = [vec![slots], steps(&filled, &after)].concat();
    for Crash { after: last, standby, .. } in prefixes(&before, &steps) {
        case(&last);
        lab.restore(&standby);
        let switched = fail_over(lab, &plan).await.expect("the plan holds");
        assert!(switched.switched && switched.error.is_none(), "{:?}", switched.error);
        let history = readable(lab).await;
        assert_eq!((held_run(&history), count(&history, "role"), count(&history, "published")), (2, 1, 2));
        assert_eq!(history.state.unwrap().epoch, 2);
        let again = fail_over(lab, &plan).await.unwrap();
        assert_eq!(again.seq, switched.seq, "once more finds it done");
    }
}

#[tokio::test]
async fn a_plan_does_not_outlive_a_newer_recovery_point_or_another_change_of_roles() {
    let lab = Lab::after_run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let first = planned(&lab).await;
    lab.run(2);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    assert!(fail_over(&lab, &first).await.is_none());
    let second = planned(&lab).await;
    assert_ne!(first, second);
    assert!(fail_over(&lab, &second).await.unwrap().switched);
    assert!(fail_over(&lab, &first).await.is_none());
    let (executor, third) = (lab.executor(), planned(&lab).await);
    let (scene, approved) = (executor.scene().await, Approved { plan: &third, ..APPROVED });
    let stopped = execute(&scene, approved, "", Vec::new()).await;
    let error = stopped.error.unwrap().error.unwrap();
    assert_eq!(error.r#type, "stale_plan");
}

/// A group that failed over from run 2 while the east had finished run 3: both regions before and after the first sync of
/// the other direction.
struct Return {
    lab: Lab,
    before: Tree,
    after: Tree,
}

impl Return {
    async fn new() -> Self {
        Self::of(Lab::new()).await
    }

    async fn of(lab: Lab) -> Self {
        lab.run(1);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        lab.run(2);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        lab.run(3);
        let plan = planned(&lab).await;
        assert!(fail_over(&lab, &plan).await.unwrap().switched);
        let before = tree::read(&lab.root());
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        let after = tree::read(&lab.root());
        Self { lab, before, after }
    }

    fn restore(&self, both: &Tree) {
        tree::restore(&self.lab.root(), both);
    }

    /// The writes of that sync, in the order of the protocol.
    fn steps(&self) -> Vec<Step> {
        let (before, after) = (&self.before, &self.after);
        let group = GROUP.parse().unwrap();
        let east = |key: &str| format!("east/{SYNC}/{key}");
        let fresh = || after.keys().filter(|key| before.get(*key) != after.get(*key));
        let select = |wanted: &dyn Fn(&str) -> bool| -> Step {
            fresh().filter(|key| wanted(key)).map(|key| Write::Put(key.clone(), after[key].clone())).collect()
        };
        let entry = |seq: u64| select(&|key| key == east(&layout::group_log_entry(&group, seq)));
        let in_west = |key: &str| key.starts_with("west/");
        let moved = select(&|key| in_west(key) && key.contains("/log/"));
        let log = fresh().filter_map(|key| {
            let key = key.strip_prefix(&format!("east/{SYNC}/"))?;
            layout::group_log_seq(&group, key)
        });
        let log: BTreeSet<u64> = log.collect();
        let [carried, intent, published] = log.into_iter().collect::<Vec<_>>().try_into().unwrap();
        let key = east(&layout::group_log_entry(&group, intent));
        let Event::Intent { slots, .. } = Entry::decode(&key, &after[&key]).unwrap().event else {
            panic!("{key}")
        };
        let slot_key =
            |slot: &IntentSlot| format!("east/{}", slot_key(&slot.table.to_string(), slot.version));
        let body = |slot: &IntentSlot| {
            let bytes = after[&slot_key(slot)].clone();
            assert_eq!(digest::of_bytes(&bytes), slot.body_digest);
            let key = layout::pending_commit(&group, intent, &slot.table, &slot.body_digest);
            Write::Put(east(&key), bytes)
        };
        let bodies: Step = slots.iter().map(body).collect();
        let forgotten = bodies.iter().map(|write| match write {
            Write::Put(key, _) | Write::Delete(key) => Write::Delete(key.clone()),
        });
        let filled = slots.iter().map(|slot| Write::Put(slot_key(slot), after[&slot_key(slot)].clone()));
        let steps = vec![
            moved,
            select(&|key| in_west(key) && key.ends_with("/head.json")),
            select(&|key| key.contains("/lost/") && !key.contains("/report-")),
            select(&|key| key.contains("/lost/") && key.contains("/report-")),
            select(&|key| key.ends_with("/runs.json")),
            bodies.clone(),
            entry(carried),
            entry(intent),
            filled.collect(),
            entry(published),
            select(&|key| key == east(&layout::group_log_head(&group))),
            forgotten.collect(),
            select(&|key| key.contains("/state/")),
            select(&|key| key.ends_with(".checkpoint.parquet")),
            select(&|key| key.ends_with("_last_checkpoint")),
            select(&|key| key.ends_with(".crc")),
            select(&|key| key.contains("/sync_metadata_table/") && key.ends_with(".parquet")),
            select(&|key| key.contains("/sync_metadata_table/_delta_log/")),
            select(&|key| key.ends_with("/metadata_table.json")),
        ];
        let steps: Vec<Step> = steps.into_iter().filter(|step| !step.is_empty()).collect();
        assert_eq!(changes(after, &apply(before, steps.iter().flatten())), [].into(), "a write is missing");
        steps
    }

    /// The east shows what the west shows, and what only the east had is kept.
    async fn is_done(&self) {
        let history = self.lab.history().await;
        let state = history.state.as_ref().unwrap();
        assert!(!state.is_returning() && state.open_intent.is_none());
        assert_eq!((held_run(&history), state.epoch, state.role.active.as_str()), (2, 2, "west"));
        let both = tree::read(&self.lab.root());
        for table in TABLES {
            let version = |v: u64| format!("east/{}", slot_key(table, v));
            let kept = layout::lost_commit(&GROUP.parse().unwrap(), 2, &table.parse().unwrap(), 2);
            assert_eq!(both.get(&format!("east/{SYNC}/{kept}")), Some(&self.before[&version(2)]), "{table}");
            assert_eq!(both.get(&version(2)), Some(&self.before[&version(2)]), "history is kept");
        }
        let executor = self.lab.executor();
        let scene = executor.scene().await;
        let cut = state.held().unwrap();
        let (west, east) = (scene.active(&history.history), scene.standby(&history.history));
        let sources = scene.stores.tables(west, scene.group).await.unwrap();
        let targets = scene.stores.tables(east, scene.group).await.unwrap();
        for (source, target) in sources.iter().zip(&targets) {
            let held = cut.table(&source.name).unwrap();
            let listing = target.table().listing().await.unwrap();
            assert_eq!(listing.latest_commit(), held.target_version, "{}", target.name);
            let shown = target.table().state(&listing, None).await.unwrap();
            let from = source.table().listing().await.unwrap();
            let expected = source.table().state(&from, Some(held.source_version)).await.unwrap();
            let differing = lakedr::delta::compare::differences(&expected, &shown);
            assert_eq!(differing, Vec::new(), "{}", target.name);
        }
    }
}

#[tokio::test]
async fn the_first_sync_of_the_other_direction_is_killed_after_every_write() {
    let back = Return::new().await;
    back.is_done().await;
    let steps = back.steps();
    for crash in prefixes(&back.before, &steps) {
        case(&crash.after);
        back.restore(&crash.standby);
        let report = back.lab.sync().await;
        assert!(report.error.is_none(), "{:?}", report.error);
        back.is_done().await;
        assert_eq!(back.lab.sync().await.outcome, Outcome::UpToDate);
    }
}

#[tokio::test]
async fn no_drill_takes_place_before_the_old_region_is_at_a_recovery_point() {
    let back = Return::new().await;
    let steps = back.steps();
    let slots =
        |step: &Step| step.iter().any(|w| matches!(w, Write::Put(key, _) if key.contains("_delta_log")));
    let announced = steps.iter().position(slots).unwrap();
    // the log moves on, the intent of the other direction is announced, some of its slots are filled
    for done in 0..=announced + 1 {
        case(&done);
        let both = apply(&back.before, steps[..done].iter().flatten());
        back.restore(&both);
        let asked = Asked {
            validate: None,
            passes: Vec::new(),
            patience: Duration::from_secs(1),
            keep: false,
            warnings: Vec::new(),
        };
        let executor = back.lab.executor();
        let drilled = drill(&executor.scene().await, &asked, None, &Progress::silent()).await;
        let Err(NotDrilled::Refused(refusal)) = drilled else { panic!("{drilled:?}") };
        assert_eq!(refusal.tag(), "fenced", "{refusal}");
        assert_eq!(changes(&both, &tree::read(&back.lab.root())), [].into());
    }
}

#[tokio::test]
async fn what_is_written_to_the_old_region_until_it_is_replaced_is_kept_and_then_it_is_foreign() {
    let back = Return::new().await;
    let steps = back.steps();
    let is_slot =
        |step: &Step| step.iter().any(|w| matches!(w, Write::Put(key, _) if key.contains("_delta_log")));
    let announced = steps.iter().position(is_slot).unwrap();
    let slipped = "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"east/1.0\"}}\n";
    let slot = back.lab.root().join("east").join(slot_key(TABLES[0], 3));
    // every slot but the first one may have been filled when the workflow of the old region writes once more
    for filled in 0..TABLES.len() {
        case(&filled);
        let mut both = apply(&back.before, steps[..announced].iter().flatten());
        both.extend(steps[announced].iter().skip(1).take(filled).filter_map(|write| match write {
            Write::Put(key, bytes) => Some((key.clone(), bytes.clone())),
            Write::Delete(_) => None,
        }));
        back.restore(&both);
        tree::write(&slot, slipped.as_bytes());
        let report = back.lab.sync().await;
        assert_eq!(report.error.unwrap().r#type, "diverged");
        let report = back.lab.sync().await;
        assert_eq!(report.outcome, Outcome::Published, "{:?}", report.error);
        back.is_done().await;
        let kept = layout::lost_commit(&GROUP.parse().unwrap(), 2, &TABLES[0].parse().unwrap(), 3);
        let kept = std::fs::read_to_string(back.lab.root().join(format!("east/{SYNC}/{kept}"))).unwrap();
        assert_eq!(kept, slipped);
    }
    // from the first recovery point on nobody else may write there
    let head = back.lab.history().await.state.unwrap().held().unwrap().tables[0].target_version.unwrap();
    let foreign = back.lab.root().join("east").join(slot_key(TABLES[0], head + 1));
    tree::write(&foreign, slipped.as_bytes());
    assert_eq!(back.lab.sync().await.error.unwrap().r#type, "diverged");
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), slipped, "nothing was overwritten");
}

#[tokio::test]
async fn a_group_whose_old_region_is_rebuilt_empty_is_cloned_into_it() {
    let back = Return::new().await;
    back.restore(&back.before);
    std::fs::remove_dir_all(back.lab.root().join("east")).unwrap();
    let report = back.lab.sync().await;
    assert_eq!(report.outcome, Outcome::Published, "{:?}", report.error);
    let both = tree::read(&back.lab.root());
    for table in TABLES {
        let (west, east) = (format!("west/{}", table_key(table)), format!("east/{}", table_key(table)));
        assert!(
            both.keys().any(|key| key.starts_with(&west)) && both.keys().any(|key| key.starts_with(&east))
        );
    }
    assert!(both.keys().any(|key| key.starts_with(&format!("east/{LAKE}"))));
    assert_eq!(back.lab.sync().await.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn a_group_with_staged_delivery_goes_the_other_way_too() {
    let back = Return::of(Lab::staged()).await;
    back.is_done().await;
    assert_eq!(back.lab.sync().await.outcome, Outcome::UpToDate);
}
