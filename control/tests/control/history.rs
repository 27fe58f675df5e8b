use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakedr_control::cut::{Cut, CutRun, Pin};
use lakedr_control::group_log::{
    Appended, Author, Entry, Event, FoldError, GroupLog, History, IntentKind, Power, Role, fold,
};
use lakedr_control::store::{DocStore as _, MemoryStore};

pub(crate) fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

pub(crate) fn author() -> Author {
    Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() }
}

fn cut(run: &str) -> Cut {
    let pin = Pin { table: "c.s.t".parse().unwrap(), source_table_id: "i".to_owned(), source_version: 1 };
    Cut::of_run(&"etl".parse().unwrap(), CutRun { id: run.to_owned(), ended_at: at() }, vec![pin])
}

pub(crate) fn role(active: &str, standby: &str) -> Role {
    Role { active: active.to_owned(), standby: standby.to_owned() }
}

pub(crate) fn created() -> Event {
    Event::Created { spec_digest: "d".to_owned(), role: role("east", "west") }
}

fn intent(run: &str, replaces: Option<u64>) -> Event {
    let kind = if replaces.is_some() { IntentKind::Rollback } else { IntentKind::Publish };
    Event::Intent { kind, replaces, spec_digest: "d".to_owned(), cut: cut(run), slots: Vec::new() }
}

fn published(intent: u64, run: &str) -> Event {
    Event::Published { intent, cut: cut(run), publish_window_ms: 1 }
}

pub(crate) fn history(events: Vec<Event>) -> Vec<Entry> {
    let mut epoch = 1;
    let entry = |(index, event)| {
        epoch += u64::from(matches!(event, Event::Role { .. }));
        Entry {
            format: 1,
            group: "etl".parse().unwrap(),
            seq: index as u64 + 1,
            epoch,
            at: at(),
            by: author(),
            event,
        }
    };
    events.into_iter().enumerate().map(entry).collect()
}

#[test]
fn the_fold_keeps_recovery_points_and_open_intents() {
    let entries = history(vec![created(), intent("1", None), published(2, "1"), intent("2", None)]);
    let state = fold(&entries).unwrap().unwrap();
    assert_eq!(state.recovery_point().unwrap().cut.run.as_ref().unwrap().id, "1");
    assert_eq!(state.open_intent.unwrap().seq, 4);
    assert_eq!((state.next_seq, state.epoch), (5, 1));
    assert_eq!(fold(&[]).unwrap(), None);
}

#[test]
fn a_failover_raises_the_epoch_and_needs_settled_intents() {
    let failover = || Event::Role {
        role: role("west", "east"),
        from: Some(3),
        approved_by: "me".to_owned(),
        plan: None,
    };
    let entries = history(vec![created(), intent("1", None), published(2, "1"), failover()]);
    let state = fold(&entries).unwrap().unwrap();
    assert_eq!((state.epoch, state.role.active.as_str()), (2, "west"));
    let unsettled = history(vec![created(), intent("1", None), failover()]);
    assert!(matches!(fold(&unsettled), Err(FoldError::Misplaced { seq: 3, .. })));
}

#[test]
fn a_recovery_point_is_the_other_way_round_once_the_roles_have_changed() {
    let pinned = |cut: &Cut| {
        let table: Vec<_> = cut.tables.iter().map(|t| (t.source_version, t.target_version)).collect();
        table[0]
    };
    let mut point = cut("1");
    point.tables[0].source_version = 7;
    point.tables[0].target_version = Some(3);
    let published = Event::Published { intent: 2, cut: point, publish_window_ms: 1 };
    let roles = [role("west", "east"), role("east", "west")];
    let mut events = vec![created(), intent("1", None), published];
    for (changes, expected) in [(7, Some(3)), (3, Some(7)), (7, Some(3))].into_iter().enumerate() {
        let state = fold(&history(events.clone())).unwrap().unwrap();
        assert_eq!(pinned(&state.held().unwrap()), expected, "after {changes} changes");
        assert_eq!(state.is_returning(), changes > 0);
        let role = roles[changes % 2].clone();
        events.push(Event::Role { role, from: Some(3), approved_by: "me".to_owned(), plan: None });
    }
    let unchanged =
        Event::Role { role: role("west", "east"), from: None, approved_by: String::new(), plan: None };
    let twice = vec![created(), unchanged.clone(), unchanged];
    assert!(matches!(fold(&history(twice)), Err(FoldError::Misplaced { seq: 3, .. })));
}

#[test]
fn a_rollback_replaces_the_open_intent_and_nothing_else_does() {
    assert!(fold(&history(vec![created(), intent("1", None), intent("1", Some(2))])).is_ok());
    for broken in [
        vec![created(), intent("1", None), intent("2", None)],
        vec![created(), intent("1", Some(7))],
        vec![created(), published(1, "1")],
        vec![created(), created()],
    ] {
        assert!(matches!(fold(&history(broken)), Err(FoldError::Misplaced { .. })));
    }
}

#[test]
fn a_history_with_a_hole_is_not_guessed_at() {
    let mut entries = history(vec![created(), intent("1", None), published(2, "1")]);
    entries.remove(1);
    assert_eq!(fold(&entries).unwrap_err(), FoldError::Gap { expected: 2, found: 3 });
    let late = history(vec![intent("1", None)]);
    assert_eq!(fold(&late).unwrap_err(), FoldError::NotCreated { seq: 1, found: "intent" });
}

pub(crate) async fn append(log: &GroupLog, history: History, event: Event) -> History {
    match log.append(history, event, at(), author()).await.unwrap() {
        Appended::Done(history) => *history,
        Appended::Lost => panic!("lost a race against nobody"),
    }
}

#[tokio::test]
async fn whoever_loses_the_race_reads_on() {
    let (west, east) = (Arc::new(MemoryStore::default()), Arc::new(MemoryStore::default()));
    let log =
        GroupLog::new("etl".parse().unwrap(), ("west".to_owned(), west.clone()), ("east".to_owned(), east));
    let empty = log.read().await.unwrap();
    let first = append(&log, empty.clone(), created()).await;
    let other = Event::Created { spec_digest: "other".to_owned(), role: role("east", "west") };
    assert!(matches!(log.append(empty.clone(), other, at(), author()).await.unwrap(), Appended::Lost));
    assert!(matches!(log.append(empty.clone(), created(), at(), author()).await.unwrap(), Appended::Done(_)));
    assert_eq!(log.read_on(empty).await.unwrap().state, first.state);
    assert_eq!(west.list("meta/groups/etl/log").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_moved_log_goes_on_in_the_other_location() {
    let (west, east) = (Arc::new(MemoryStore::default()), Arc::new(MemoryStore::default()));
    let log = GroupLog::new(
        "etl".parse().unwrap(),
        ("west".to_owned(), west.clone()),
        ("east".to_owned(), east.clone()),
    );
    let mut history = append(&log, log.read().await.unwrap(), created()).await;
    history = append(&log, history, Event::Moved { to_region: "east".to_owned() }).await;
    history = append(&log, history, intent("1", None)).await;
    history = append(&log, history, published(3, "1")).await;
    assert_eq!(west.list("meta/groups/etl/log").await.unwrap().len(), 2);
    assert_eq!(east.list("meta/groups/etl/log").await.unwrap().len(), 3, "the entry that says so came along");
    let (read, whole) = (log.read().await.unwrap(), log.read_all().await.unwrap());
    assert_eq!((&read.state, &whole.history.state), (&history.state, &history.state));
    assert_eq!(whole.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(log.home_url(&read), log.home_url(&history));
    assert_eq!(read.state.unwrap().recovery_points.len(), 1);
}

#[tokio::test]
async fn entries_behind_one_are_read_wherever_they_are() {
    let (west, east) = (Arc::new(MemoryStore::default()), Arc::new(MemoryStore::default()));
    let log = GroupLog::new("etl".parse().unwrap(), ("west".to_owned(), west), ("east".to_owned(), east));
    let mut history = append(&log, log.read().await.unwrap(), created()).await;
    for event in [intent("1", None), published(2, "1"), Event::Moved { to_region: "east".to_owned() }] {
        history = append(&log, history, event).await;
    }
    let earlier = history.clone();
    for event in [intent("2", None), published(5, "2")] {
        history = append(&log, history, event).await;
    }
    let seqs = async |history: &History, known| {
        let entries = log.entries_behind(history, known).await.unwrap();
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    for known in 0..8 {
        assert_eq!(seqs(&history, known).await, (known + 1..7).collect::<Vec<_>>(), "behind {known}");
        // no entry that the history does not know
        assert_eq!(seqs(&earlier, known).await, (known + 1..5).collect::<Vec<_>>(), "behind {known}");
    }
    for seq in 1..7 {
        assert_eq!(log.entry_at(&history, seq).await.unwrap().map(|entry| entry.seq), Some(seq));
    }
    assert_eq!(log.entry_at(&history, 7).await.unwrap(), None);
}

fn shutdown(wanted: &str, seen: &str, before: Option<Power>) -> Event {
    let (service, wanted, seen) = ("east: job \"etl\"".to_owned(), wanted.to_owned(), seen.to_owned());
    Event::Shutdown { service, wanted, seen, attempts: 1, before, note: None }
}

#[test]
fn the_ledger_says_what_was_seen_last_and_what_was_before() {
    let mut events = vec![created(), shutdown("off", "on", Some(Power::On)), shutdown("off", "off", None)];
    let state = fold(&history(events.clone())).unwrap().unwrap();
    let record = state.service("east: job \"etl\"").unwrap();
    assert_eq!((record.seq, record.is_open(), record.before), (3, false, Some(Power::On)));
    assert_eq!(state.open_services().count(), 0);
    events.push(shutdown("on", "off", None));
    let state = fold(&history(events)).unwrap().unwrap();
    let record = state.service("east: job \"etl\"").unwrap();
    assert_eq!((record.is_open(), record.before), (true, None), "that was about turning it off");
    assert_eq!(state.services.len(), 1);
}

#[test]
fn an_entry_of_the_ledger_may_say_nothing_of_before() {
    let text = r#"{"type":"shutdown","service":"s","wanted":"off","seen":"off","attempts":1}"#;
    let event: Event = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
}
