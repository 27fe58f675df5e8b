use chrono::{DateTime, Utc};

use super::*;
use crate::notify::news::{Condition, Drill, DrillAge, Lag, delivered, due, mail, page, slack, take};

const PAGER: &str = "pagerduty://env://PD_KEY";
const HOOK: &str = "https://hooks.example.com";

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_161_600 + minute * 60, 0).unwrap()
}

fn rules() -> Notifications {
    Notifications {
        on_failure: vec![PAGER.to_owned()],
        on_success: vec![HOOK.to_owned()],
        events: EventKind::ALL.into(),
    }
}

fn bad(class: &str, seq: u64) -> Condition {
    let message = format!("{class} & <broken>");
    Condition::Bad(Problem { class: class.to_owned(), message, seq: Some(seq) })
}

/// A group that is called every now and then.
struct Group {
    name: lakedr_control::id::Name,
    rules: Notifications,
    ledger: Option<Ledger>,
    points: Vec<Point>,
}

impl Group {
    fn new() -> Self {
        Self { name: "etl".parse().unwrap(), rules: rules(), ledger: None, points: Vec::new() }
    }

    fn seen(&self, minute: i64, condition: Condition) -> Seen<'_> {
        Seen {
            group: &self.name,
            owner: Some("user@example.com"),
            epoch: 1,
            part: Part::Sync,
            now: at(minute),
            remembered: true,
            published: false,
            condition,
            points: self.points.clone(),
            lag: None,
            retention: None,
            change: None,
            changed: false,
            drill: None,
            drill_age: None,
            services: None,
        }
    }

    /// Calls, and delivers everything: titles by target.
    fn call(&mut self, minute: i64, condition: Condition) -> Vec<String> {
        self.call_with(minute, condition, |_| {})
    }

    fn call_with(
        &mut self,
        minute: i64,
        condition: Condition,
        change: impl Fn(&mut Seen<'_>),
    ) -> Vec<String> {
        let mut seen = self.seen(minute, condition);
        change(&mut seen);
        let ledger = decide(self.ledger.clone(), &seen, &self.rules);
        let told = ledger.outbox.iter().map(|parcel| parcel.notice.title.clone()).collect();
        self.ledger = Some(Ledger { outbox: Vec::new(), ..ledger });
        told
    }

    fn publish(&mut self, seq: u64) {
        let described = format!("run {seq}, finished then");
        self.points.push(Point { seq, cut: format!("cut{seq}"), described, copied: (3, 2, 2048) });
    }
}

#[test]
fn an_incident_is_told_once_then_daily_then_over() {
    let mut group = Group::new();
    assert_eq!(group.call(0, bad("unreachable", 4)), ["etl: sync fails (unreachable)"]);
    for minute in [15, 30, 1_439] {
        assert_eq!(group.call(minute, bad("unreachable", 4)), [""; 0]);
    }
    // waiting for a run tells nothing, and ends nothing
    assert_eq!(group.call(1_439, Condition::Open), [""; 0]);
    let still = "etl: sync fails, still, since 2026-11-20T08:00:00.000Z (unreachable)";
    assert_eq!(group.call(1_440, bad("unreachable", 4)), [still]);
    assert_eq!(group.call(1_455, bad("unreachable", 4)), [""; 0]);
    // what it has become is news, once
    assert_eq!(group.call(1_470, bad("diverged", 9)), ["etl: sync fails (diverged)"]);
    assert_eq!(group.call(1_485, bad("unreachable", 9)), [""; 0]);
    assert_eq!(group.call(1_500, Condition::Good), ["etl: sync works again"]);
    assert_eq!(group.call(1_515, Condition::Good), [""; 0]);
    // another incident has another name
    let first = group.ledger.clone();
    assert_eq!(group.call(1_530, bad("denied", 12)), ["etl: sync fails (denied)"]);
    assert_eq!(first.unwrap().standing, []);
    assert_eq!(group.ledger.unwrap().standing[0].incident, "etl/1/failure/12");
}

#[test]
fn sender_and_receiver_have_incidents_of_their_own() {
    let mut group = Group::new();
    let send = |seen: &mut Seen<'_>| seen.part = Part::Send;
    let receive = |seen: &mut Seen<'_>| seen.part = Part::Receive;
    assert_eq!(group.call_with(0, bad("denied", 4), receive), ["etl: receive fails (denied)"]);
    assert_eq!(group.ledger.as_ref().unwrap().standing[0].incident, "etl/1/failure-receive/4");
    for minute in [5, 10] {
        assert_eq!(group.call_with(minute, Condition::Good, send), [""; 0]);
        assert_eq!(group.call_with(minute, bad("denied", 4), receive), [""; 0]);
    }
    assert_eq!(group.call_with(15, Condition::Good, receive), ["etl: receive works again"]);
}

#[test]
fn every_recovery_point_is_told_once_and_none_from_before() {
    let mut group = Group::new();
    group.publish(3);
    assert_eq!(group.call(0, Condition::Good), [""; 0]);
    group.publish(5);
    assert_eq!(group.call(15, Condition::Good), ["etl: published"]);
    assert_eq!(group.call(30, Condition::Good), [""; 0]);
    // a call that was killed before it told: the next one does
    group.publish(7);
    group.publish(9);
    assert_eq!(
        group.call(45, bad("denied", 10)),
        ["etl: published", "etl: published", "etl: sync fails (denied)"]
    );

    let mut fresh = Group::new();
    fresh.publish(3);
    assert_eq!(fresh.call_with(0, Condition::Good, |seen| seen.published = true), ["etl: published"]);
}

#[test]
fn stale_is_a_lag_above_the_target_or_nothing_at_all() {
    let hour = Duration::from_secs(3_600);
    let lag = |lag| move |seen: &mut Seen<'_>| seen.lag = Some(Lag { lag, target: hour });
    let mut group = Group::new();
    assert_eq!(group.call_with(0, Condition::Open, lag(None)), [""; 0]);
    assert_eq!(group.call_with(60, Condition::Open, lag(None)), [""; 0]);
    assert_eq!(group.call_with(61, Condition::Open, lag(None)), ["etl: never published"]);
    assert_eq!(group.call_with(90, Condition::Open, lag(None)), [""; 0]);
    group.publish(3);
    let told = group.call_with(100, Condition::Good, lag(Some(hour)));
    assert_eq!(told, ["etl: published", "etl: RPO target met again"]);
    assert_eq!(group.call_with(200, Condition::Good, lag(Some(2 * hour))), ["etl: RPO target missed"]);
    // not to know the lag ends nothing
    assert_eq!(group.call(215, Condition::Good), [""; 0]);
}

#[test]
fn retention_is_told_like_all_that_goes_on() {
    let mut group = Group::new();
    let found = |findings: &'static [&'static str]| {
        move |seen: &mut Seen<'_>| seen.retention = Some(findings.iter().map(|&f| f.to_owned()).collect())
    };
    assert_eq!(
        group.call_with(0, Condition::Good, found(&["t: too short"])),
        ["etl: source retention is too short"]
    );
    assert_eq!(group.call_with(15, Condition::Good, found(&["t: too short"])), [""; 0]);
    let over = "etl: source retention is long enough again";
    assert_eq!(group.call_with(30, Condition::Good, found(&[])), [over]);
    assert_eq!(group.ledger.unwrap().retention_seen_at, Some(at(30)));
}

#[test]
fn only_declared_events_are_told_and_the_rest_is_remembered() {
    let mut group = Group::new();
    group.rules.events = [EventKind::Recovered].into();
    assert_eq!(group.call(0, bad("denied", 2)), [""; 0]);
    assert_eq!(group.call(15, Condition::Good), ["etl: sync works again"]);
}

#[test]
fn what_cannot_be_delivered_waits_for_a_week_and_belongs_to_one_call_at_a_time() {
    let group = Group::new();
    let mut ledger = decide(None, &group.seen(0, bad("denied", 2)), &group.rules);
    take(&mut ledger, &group.rules, "first", at(0));
    assert_eq!(due(&ledger, "first")[PAGER].len(), 1);
    take(&mut ledger, &group.rules, "second", at(1));
    assert!(due(&ledger, "second").is_empty());
    // the first was killed
    let mut late = ledger.clone();
    take(&mut late, &group.rules, "second", at(2));
    assert_eq!(due(&late, "second").len(), 1);

    let mut failed = delivered(ledger.clone(), &[], "first");
    take(&mut failed, &group.rules, "second", at(1));
    assert_eq!(due(&failed, "second").len(), 1);
    let told = [(PAGER.to_owned(), failed.outbox[0].notice.id.clone())];
    assert_eq!(delivered(failed.clone(), &told, "second").outbox, []);

    let week = decide(Some(failed.clone()), &group.seen(7 * 1_440, Condition::Open), &group.rules);
    assert_eq!(week.outbox, []);
    take(&mut failed, &Notifications::default(), "third", at(3));
    assert_eq!(failed.outbox, [], "nobody is told who is no longer declared");
}

#[test]
fn a_ledger_reads_back_as_it_was_written() {
    let group = Group::new();
    let mut ledger = decide(None, &group.seen(0, bad("denied", 2)), &group.rules);
    take(&mut ledger, &group.rules, "first", at(0));
    assert_eq!(Ledger::decode(&group.name, &ledger.encode().unwrap()).unwrap(), ledger);
    let other = "other".parse().unwrap();
    assert!(Ledger::decode(&other, &ledger.encode().unwrap()).is_err());
}

#[test]
fn wording() {
    let mut group = Group::new();
    group.publish(3);
    let mut rules = rules();
    rules.on_success = vec![PAGER.to_owned()];
    let first = decide(None, &Seen { published: true, ..group.seen(0, bad("denied", 4)) }, &rules);
    let second = decide(Some(first.clone()), &group.seen(90, Condition::Good), &rules);
    let key = lakedr_control::secret::Secret::new("key".to_owned());
    let notices: Vec<&Notice> = second.outbox.iter().map(|parcel| &parcel.notice).collect();
    let [success, failure, recovered] = notices[..] else { panic!("three notices") };
    insta::assert_json_snapshot!("success", success);
    insta::assert_snapshot!("mail", format!("{:#?}", mail(failure)));
    insta::assert_json_snapshot!("slack", slack(failure));
    let calls = [success, failure, recovered].map(|notice| {
        let call = page(notice, &key);
        serde_json::json!({"path": call.path, "body": call.body})
    });
    insta::assert_json_snapshot!("pagerduty", calls);
    assert_eq!(mail(failure).thread, mail(recovered).thread);
    assert_ne!(mail(failure).message_id, mail(recovered).message_id);
}

fn change(seq: u64) -> Change {
    Change {
        seq,
        kind: "failover",
        active: "west".to_owned(),
        standby: "east".to_owned(),
        approved_by: "ada@example.com".to_owned(),
        from: Some(("run 7".to_owned(), Duration::from_secs(600))),
        outcome: None,
    }
}

#[test]
fn a_change_of_roles_is_told_once_whoever_finds_it() {
    let mut group = Group::new();
    group.rules.on_failure = vec![HOOK.to_owned()];
    let with = |seq| move |seen: &mut Seen<'_>| seen.change = Some(change(seq));
    assert!(group.call_with(0, Condition::Good, with(4)).is_empty(), "from before the group was watched");
    let told = group.call_with(1, Condition::Good, with(9));
    assert!(told.iter().any(|told| told.contains("failover: west is active, east is standby")), "{told:?}");
    assert!(group.call_with(2, Condition::Good, with(9)).is_empty());
    let mut group = Group::new();
    let made = |seen: &mut Seen<'_>| (seen.change, seen.changed) = (Some(change(9)), true);
    assert_eq!(group.call_with(0, Condition::Open, made).len(), 1, "whoever makes it tells it in any case");
}

#[test]
fn services_are_an_incident_of_their_own() {
    let mut group = Group::new();
    let open = |open: &'static [&'static str]| {
        move |seen: &mut Seen<'_>| {
            seen.services = Some(open.iter().map(|&service| service.to_owned()).collect());
        }
    };
    assert!(group.call_with(0, Condition::Good, open(&[])).is_empty());
    assert_eq!(group.call_with(1, Condition::Good, open(&["east: job"])).len(), 1);
    assert!(group.call_with(2, Condition::Good, open(&["east: job"])).is_empty());
    let over = group.call_with(3, Condition::Good, open(&[]));
    assert!(over.iter().any(|told| told.contains("services are as they should be")), "{over:?}");
}

#[test]
fn a_drill_that_is_due_fails_and_passes() {
    let mut group = Group::new();
    let every = Duration::from_secs(3_600);
    let age = |passed: Option<i64>, failed: Option<&str>| DrillAge {
        region: "west".to_owned(),
        passed_at: passed.map(at),
        failed: failed.map(str::to_owned),
        every,
    };
    let look = |group: &mut Group, minute, age: DrillAge| {
        group.call_with(minute, Condition::Good, |seen| seen.drill_age = Some(age.clone()))
    };
    assert_eq!(look(&mut group, 0, age(None, None)), ["etl: drill due"]);
    assert_eq!(look(&mut group, 1, age(None, None)), Vec::<String>::new(), "once a day");
    let drill = |number, passed| Drill { of: ("west".to_owned(), number), passed, text: "RTO 1s".to_owned() };
    let failed = group.call_with(2, Condition::Open, |seen| seen.drill = Some(drill(1, false)));
    assert_eq!(failed, ["etl: drill 1 failed: west could not take over as it should"]);
    assert_eq!(look(&mut group, 3, age(None, Some("RTO 1s"))), Vec::<String>::new());
    let passed = group.call_with(4, Condition::Open, |seen| seen.drill = Some(drill(2, true)));
    assert_eq!(passed, ["etl: a drill has passed", "etl: drill 2 passed: west could take over"]);
    assert_eq!(look(&mut group, 5, age(Some(4), None)), Vec::<String>::new());
    assert_eq!(look(&mut group, 65, age(Some(4), None)), ["etl: drill due"]);
    assert_eq!(group.ledger.as_ref().unwrap().drill_seen_at, Some(at(65)));
}

#[test]
fn a_text_without_end_is_cut_and_says_so() {
    let group = Group::new();
    // the worst that JSON makes of a character
    let message = "\u{1}".repeat(1_000_000);
    let problem = Problem { class: "unreachable".to_owned(), message, seq: Some(1) };
    let ledger = decide(None, &group.seen(0, Condition::Bad(problem)), &group.rules);
    let notice = &ledger.outbox[0].notice;
    assert!(notice.text.ends_with("… (cut: 950000 more characters)"));
    let text = slack(notice)["text"].to_string();
    assert!(text.contains("… (cut: ") && text.contains("user@example.com"), "the owner is not cut off");
    let event = page(notice, &lakedr_control::secret::Secret::new("key".to_owned())).body;
    assert!(serde_json::to_vec(&event).unwrap().len() < 512 * 1024);
}
