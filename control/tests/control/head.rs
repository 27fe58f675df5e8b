//! The head of a log: it saves requests and changes nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::executor::block_on;
use lakedr_control::cut::{Cut, CutRun, Pin};
use lakedr_control::group_log::{
    Appended, Event, GroupLog, GroupState, Head, History, IntentKind, LogError, POINTS_KEPT, TABLES_KEPT,
    fold, fold_from,
};
use lakedr_control::layout;
use lakedr_control::store::{
    DocStore, Listed, MemoryStore, Object, StoreError, StoreErrorKind, Tag, Written,
};
use lakedr_control::verification::{Verification, VerificationLevel};
use proptest::prelude::*;

use crate::history::{append, at, author, created, history, role};

/// A store that counts what it is asked, and that can be lost.
#[derive(Debug, Default)]
struct Watched {
    store: MemoryStore,
    requests: AtomicUsize,
    lost: std::sync::atomic::AtomicBool,
}

impl Watched {
    fn ask(&self, verb: &'static str) -> Result<(), StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.lost.load(Ordering::Relaxed) {
            let (url, cause) = ("memory://".to_owned(), "lost".into());
            return Err(StoreError { verb, url, kind: StoreErrorKind::Unreachable, cause });
        }
        Ok(())
    }

    fn asked(&self) -> usize {
        self.requests.swap(0, Ordering::Relaxed)
    }

    fn lose(&self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }
}

#[async_trait]
impl DocStore for Watched {
    fn url(&self) -> &str {
        self.store.url()
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.ask("read")?;
        self.store.read(key).await
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        self.ask("list")?;
        self.store.list_after(folder, after).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        self.ask("write")?;
        self.store.create(key, bytes).await
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        self.ask("write")?;
        self.store.replace(key, bytes, tag).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.ask("delete")?;
        self.store.delete(key).await
    }
}

/// A log with homes in west, where it begins, and in east.
struct World {
    west: Arc<Watched>,
    east: Arc<Watched>,
    log: GroupLog,
}

fn log_key(seq: u64) -> String {
    layout::group_log_entry(&"etl".parse().unwrap(), seq)
}

fn head_key() -> String {
    layout::group_log_head(&"etl".parse().unwrap())
}

impl World {
    fn new() -> Self {
        let (west, east) = (Arc::new(Watched::default()), Arc::new(Watched::default()));
        let log = GroupLog::new(
            "etl".parse().unwrap(),
            ("west".to_owned(), west.clone()),
            ("east".to_owned(), east.clone()),
        );
        Self { west, east, log }
    }

    /// A log of `points` recovery points.
    async fn with_points(points: u64) -> Self {
        let world = Self::new();
        let mut history = append(&world.log, world.log.read().await.unwrap(), created()).await;
        for run in 0..points {
            history = world.publish(history, run).await;
        }
        world.asked();
        world
    }

    async fn publish(&self, history: History, run: u64) -> History {
        let seq = history.state.as_ref().unwrap().next_seq;
        let history = append(&self.log, history, intent(run, 1, None)).await;
        append(&self.log, history, published(seq, run, 1)).await
    }

    fn asked(&self) -> (usize, usize) {
        (self.west.asked(), self.east.asked())
    }

    async fn overwrite(&self, store: &Watched, key: &str, bytes: &[u8]) {
        store.store.delete(key).await.unwrap();
        assert!(matches!(store.store.create(key, bytes).await.unwrap(), Written::Done(_)));
    }

    /// What reading comes to, beside what all entries come to.
    async fn agrees(&self) -> GroupState {
        let whole = self.log.read_all().await.unwrap();
        let expected = fold(&whole.entries).unwrap();
        assert_eq!(whole.history.state, expected);
        let read = self.log.read().await.unwrap();
        assert_eq!(read.state, expected.map(GroupState::without_old_points));
        assert_eq!(self.log.home_url(&read), self.log.home_url(&whole.history));
        read.state.unwrap()
    }
}

fn cut(run: u64, tables: usize) -> Cut {
    let pin = |table: usize| Pin {
        table: format!("c.s.t{table}").parse().unwrap(),
        source_table_id: "i".to_owned(),
        source_version: run,
    };
    let run = CutRun { id: run.to_string(), ended_at: at() };
    Cut::of_run(&"etl".parse().unwrap(), run, (0..tables).map(pin).collect())
}

fn intent(run: u64, tables: usize, replaces: Option<u64>) -> Event {
    let kind = if replaces.is_some() { IntentKind::Rollback } else { IntentKind::Publish };
    Event::Intent {
        kind,
        replaces,
        spec_digest: format!("spec {run}"),
        cut: cut(run, tables),
        slots: Vec::new(),
    }
}

fn published(intent: u64, run: u64, tables: usize) -> Event {
    Event::Published { intent, cut: cut(run, tables), publish_window_ms: run }
}

/// The event that a number stands for where a history is in this state.
fn event(state: &GroupState, choice: u8) -> Event {
    let (run, tables) = (state.next_seq, if choice >= 240 { TABLES_KEPT / 3 } else { 2 });
    let operator = || "o".to_owned();
    match (&state.open_intent, choice % 16) {
        (Some(open), 0..=6) => {
            Event::Published { intent: open.seq, cut: open.cut.clone(), publish_window_ms: 1 }
        }
        (Some(open), 7) => Event::Abandoned { intent: open.seq, reason: "r".to_owned() },
        (Some(open), 8) => intent(run, tables, Some(open.seq)),
        (None, 0..=7) => intent(run, tables, None),
        (None, 8 | 9) => {
            let role = role(&state.role.standby, &state.role.active);
            Event::Role { role, from: None, approved_by: operator(), plan: None }
        }
        (_, 10) => Event::Paused { operator: operator() },
        (_, 11) => Event::Resumed { operator: operator() },
        (_, 12) => Event::Landed { spec_digest: format!("spec {run}"), cut: cut(run, tables) },
        (_, 13) => {
            Event::Moved { to_region: if choice < 100 { "east".to_owned() } else { "west".to_owned() } }
        }
        (_, 14) => Event::Acknowledged { subject: "s".to_owned(), operator: operator() },
        _ => Event::Failed {
            attempt: 1,
            stage: "copy".to_owned(),
            class: lakedr_control::group_log::FailureClass::Unreachable,
            message: format!("failure {run}"),
        },
    }
}

/// Events that make a history, one per number.
fn events(choices: &[u8]) -> Vec<Event> {
    let mut events = vec![created()];
    let mut state = fold(&history(events.clone())).unwrap().unwrap();
    for choice in choices {
        events.push(event(&state, *choice));
        let entry = history(events.clone()).pop().unwrap();
        let entry = lakedr_control::group_log::Entry { epoch: epoch_after(&state, &entry.event), ..entry };
        state = fold_from(Some(state), [&entry]).unwrap().unwrap();
    }
    events
}

fn epoch_after(state: &GroupState, event: &Event) -> u64 {
    state.epoch + u64::from(matches!(event, Event::Role { .. }))
}

fn through_json(state: GroupState) -> GroupState {
    let group = "etl".parse().unwrap();
    let head = Head::new("etl".parse().unwrap(), "sha256:x".to_owned(), state).unwrap();
    Head::decode(&group, &head.encode().unwrap()).unwrap().state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn folding_on_from_a_head_is_folding_everything(
        choices in prop::collection::vec(any::<u8>(), 0..60),
        parts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let entries = history(events(&choices));
        let expected = fold(&entries).unwrap().unwrap().without_old_points();
        let mut parts: Vec<usize> = parts.iter().map(|part| part.index(entries.len()) + 1).collect();
        parts.sort_unstable();
        let mut state = None;
        let mut from = 0;
        for to in parts {
            state = fold_from(state, &entries[from..to]).unwrap().map(through_json);
            from = to;
        }
        let state = fold_from(state, &entries[from..]).unwrap().unwrap().without_old_points();
        prop_assert_eq!(state, expected);
    }

    /// Whatever has become of the heads, reading gives what all entries come to.
    #[test]
    fn a_lost_stale_or_damaged_head_changes_nothing(
        choices in prop::collection::vec((0_u8..240, 0_u8..8), 1..24),
    ) {
        block_on(async {
            let world = World::new();
            let mut known = append(&world.log, world.log.read().await.unwrap(), created()).await;
            let mut heads: Vec<Vec<u8>> = vec![b"{".to_vec()];
            for (choice, fate) in choices {
                let next = event(known.state.as_ref().unwrap(), choice);
                known = append(&world.log, known, next).await;
                for store in [&world.west.store, &world.east.store] {
                    let found = store.read(&head_key()).await.unwrap();
                    heads.extend(found.map(|object| object.bytes));
                    let other = &heads[usize::from(choice) % heads.len()];
                    match fate {
                        0 => store.delete(&head_key()).await.unwrap(),
                        // one from before, one of the other home, or a damaged one
                        1 => {
                            store.delete(&head_key()).await.unwrap();
                            assert!(matches!(store.create(&head_key(), other).await.unwrap(), Written::Done(_)));
                        }
                        _ => {}
                    }
                }
                world.agrees().await;
                if fate == 2 {
                    known = world.log.clone().keeping_head().read().await.unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn reading_costs_the_same_however_long_the_log_is() {
    for points in [1, 40, 400] {
        let world = World::with_points(points).await;
        let read = world.log.read().await.unwrap();
        assert_eq!(world.asked(), (3, 0), "head, its entry, and what is behind it");
        let state = read.state.clone().unwrap();
        assert_eq!(state.recovery_point().unwrap().cut.run.as_ref().unwrap().id, (points - 1).to_string());
        assert_eq!(state.recovery_points.len(), usize::try_from(points).unwrap().min(POINTS_KEPT));
        world.log.read_on(read).await.unwrap();
        assert_eq!(world.asked(), (1, 0), "what is behind it");
        assert_eq!(world.agrees().await, state);
    }
}

#[tokio::test]
async fn a_head_that_is_missing_is_written_by_the_next_reader_that_may() {
    let world = World::with_points(20).await;
    world.west.store.delete(&head_key()).await.unwrap();
    world.log.read().await.unwrap();
    assert!(world.west.store.read(&head_key()).await.unwrap().is_none());
    for bytes in [None, Some(b"{\"format\":1}")] {
        if let Some(bytes) = bytes {
            world.overwrite(&world.west, &head_key(), bytes).await;
        }
        world.log.clone().keeping_head().read().await.unwrap();
        world.asked();
        world.log.read().await.unwrap();
        assert_eq!(world.asked(), (3, 0));
    }
}

#[tokio::test]
async fn a_head_never_replaces_a_newer_one() {
    let world = World::with_points(1).await;
    let slow = world.log.read().await.unwrap();
    let fast = world.publish(world.log.read().await.unwrap(), 1).await;
    let before = world.west.store.read(&head_key()).await.unwrap();
    assert!(matches!(world.log.append(slow, created(), at(), author()).await.unwrap(), Appended::Lost));
    assert_eq!(world.west.store.read(&head_key()).await.unwrap(), before);
    assert_eq!(world.agrees().await, fast.state.unwrap());
}

/// A log that was begun anew where the head of the old one still lies.
#[tokio::test]
async fn a_head_of_another_log_is_ignored() {
    let (world, other) = (World::with_points(3).await, World::with_points(2).await);
    let foreign = other.west.store.read(&log_key(7)).await.unwrap();
    assert!(foreign.is_none(), "the other log is shorter");
    for seq in 1..=7 {
        world.west.store.delete(&log_key(seq)).await.unwrap();
    }
    assert_eq!(world.log.read().await.unwrap().state, None, "no entries");
    let mut history = append(&world.log, world.log.read().await.unwrap(), created()).await;
    for run in [7, 8] {
        let seq = history.state.as_ref().unwrap().next_seq;
        history = append(&world.log, history, intent(run, 1, None)).await;
        history = append(&world.log, history, Event::Abandoned { intent: seq, reason: String::new() }).await;
    }
    assert_eq!(world.agrees().await.recovery_point(), None, "fewer entries than the head");
    for _ in 0..3 {
        history = append(&world.log, history, Event::Resumed { operator: "o".to_owned() }).await;
    }
    assert_eq!(world.agrees().await.recovery_point(), None, "another entry in the place of the head's");
}

#[tokio::test]
async fn what_was_lost_before_the_head_is_seen_by_reading_everything() {
    let world = World::with_points(3).await;
    for lost in [1, 4] {
        let entry = world.west.store.read(&log_key(lost)).await.unwrap().unwrap();
        world.west.store.delete(&log_key(lost)).await.unwrap();
        assert_eq!(world.log.read().await.unwrap().state.unwrap().seq(), 7);
        let error = world.log.read_all().await.unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        world.overwrite(&world.west, &log_key(lost), &entry.bytes).await;
    }
    world.agrees().await;
}

#[tokio::test]
async fn what_was_lost_behind_the_head_is_damage() {
    let world = World::with_points(1).await;
    let mut history = world.log.read().await.unwrap();
    for _ in 0..2 {
        history = append(&world.log, history, Event::Resumed { operator: "o".to_owned() }).await;
    }
    world.west.store.delete(&log_key(4)).await.unwrap();
    let error = world.log.read().await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_moved_log_is_found_by_its_heads() {
    let world = World::with_points(30).await;
    let mut history = world.log.read().await.unwrap();
    history = append(&world.log, history, Event::Moved { to_region: "east".to_owned() }).await;
    for run in 30..60 {
        history = world.publish(history, run).await;
    }
    world.asked();
    world.log.read().await.unwrap();
    assert_eq!(world.asked(), (3, 3), "the head that says it moved, then the one where it is");
    assert_eq!(world.agrees().await, history.state.clone().unwrap());

    // where it went on is enough to know the newest state
    world.west.lose(true);
    let read = world.log.read().await.unwrap();
    assert_eq!(read.state, history.state);
    world.asked();
    let unreachable = world.log.read_all().await.unwrap_err();
    assert!(unreachable.is_retryable(), "{unreachable}");
    // unless it says that it went back
    let moved = append(&world.log, read, Event::Moved { to_region: "west".to_owned() }).await;
    let unreachable = world.log.read().await.unwrap_err();
    assert!(unreachable.is_retryable(), "{unreachable}");
    world.west.lose(false);
    assert_eq!(world.log.read().await.unwrap().state, moved.state);
    world.publish(moved, 60).await;
    world.agrees().await;
}

#[tokio::test]
async fn a_log_that_just_moved_outlives_the_location_that_it_left() {
    let world = World::with_points(3).await;
    let history = world.log.read().await.unwrap();
    let moved = append(&world.log, history, Event::Moved { to_region: "east".to_owned() }).await;
    assert_eq!(
        world.east.store.list("").await.unwrap(),
        [""; 0],
        "whoever writes the next entry carries it along"
    );
    let resumed = || Event::Resumed { operator: "o".to_owned() };
    append(&world.log, moved.clone(), resumed()).await;
    let known = world.agrees().await;
    world.west.lose(true);
    assert_eq!(world.log.read().await.unwrap().state, Some(known));
    // and back, with what the location holds from before
    world.west.lose(false);
    let history = world.log.read().await.unwrap();
    let moved = append(&world.log, history, Event::Moved { to_region: "west".to_owned() }).await;
    append(&world.log, moved, resumed()).await;
    let known = world.agrees().await;
    world.east.lose(true);
    assert_eq!(world.log.read().await.unwrap().state, Some(known));
}

#[tokio::test]
async fn a_log_does_not_go_on_in_a_location_that_holds_another_one() {
    let world = World::with_points(1).await;
    let history = world.log.read().await.unwrap();
    let moved = append(&world.log, history, Event::Moved { to_region: "east".to_owned() }).await;
    let seq = moved.state.as_ref().unwrap().seq();
    let written = world.east.store.create(&log_key(seq), b"{}").await.unwrap();
    assert!(matches!(written, Written::Done(_)));
    let event = Event::Resumed { operator: "o".to_owned() };
    let error = world.log.append(moved, event, at(), author()).await.unwrap_err();
    assert!(matches!(error, LogError::Forked { .. }), "{error}");
}

#[tokio::test]
async fn the_other_location_may_be_lost_and_no_log_is_begun_beside_one_that_cannot_be_seen() {
    let world = World::with_points(30).await;
    world.east.lose(true);
    world.agrees_with_the_other_lost().await;
    world.west.lose(true);
    assert!(world.log.read().await.unwrap_err().is_retryable());
    world.east.lose(false);
    assert!(world.log.read().await.unwrap_err().is_retryable(), "east holds nothing, west may");
}

impl World {
    async fn agrees_with_the_other_lost(&self) {
        assert_eq!(self.log.read().await.unwrap().state.unwrap().seq(), 61);
        self.west.store.delete(&head_key()).await.unwrap();
        assert_eq!(self.log.read().await.unwrap().state.unwrap().seq(), 61);
    }
}

/// `initial_active_region` was changed in the specification: the homes are looked at in the other order.
#[tokio::test]
async fn a_log_that_began_in_the_other_home_is_found() {
    let world = World::with_points(30).await;
    let exchanged = GroupLog::new(
        "etl".parse().unwrap(),
        ("east".to_owned(), world.east.clone()),
        ("west".to_owned(), world.west.clone()),
    );
    let read = exchanged.read().await.unwrap();
    assert_eq!(read.state.unwrap().seq(), 61);
    assert_eq!(world.asked(), (4, 2));
    world.east.lose(true);
    assert_eq!(exchanged.read().await.unwrap().state.unwrap().seq(), 61);
}

#[tokio::test]
async fn the_newest_verification_is_found_however_old_it_is() {
    let world = World::with_points(300).await;
    let history = world.log.read().await.unwrap();
    assert_eq!(world.log.last_verification(&history).await.unwrap(), None);
    let verify = async |seq: u64, second: i64| {
        let at = chrono::DateTime::from_timestamp(second, 0).unwrap();
        let (cut, level) = ("c".to_owned(), VerificationLevel::Content);
        let found = Verification { format: 1, seq, cut, level, equal: true, at };
        world.log.record_verification(&history, &found).await.unwrap();
        found
    };
    let first = verify(3, 1000).await;
    assert_eq!(world.log.last_verification(&history).await.unwrap(), Some(first.clone()));
    verify(599, 3000).await;
    let last = verify(599, 4000).await;
    world.asked();
    assert_eq!(world.log.last_verification(&history).await.unwrap(), Some(last.clone()));
    assert_eq!(world.asked(), (2, 0));
    assert_eq!(world.log.last_verifications().await, [(3, first), (599, last)].into());

    let damaged = layout::verification(&"etl".parse().unwrap(), 601, 1);
    world.overwrite(&world.west, &damaged, b"{").await;
    assert_eq!(world.log.last_verification(&history).await.unwrap(), None);
}
