use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use lakedr_control::drill::DrillReport;
use lakedr_control::group_log::{GroupState, History, IntentKind, RecoveryPoint};
use lakedr_control::notification::{Ledger, Notice, Notifications, Part};
use lakedr_control::validate::{SideName, ValidGroup};
use lakedr_control::vault::Secrets;

use super::channel::{Delivery, deliver, shown};
use super::look;
use super::news::{Change, Condition, Drill, Point, Problem, Seen, decide, delivered, due, take};
use super::store::Place;
use crate::error::chain;
use crate::pipeline::Scene;
use crate::report::{GroupReport, Outcome};
use crate::services::decide::open_services;
use crate::services::held_back;
use crate::world::World;

/// Telling may not hold up the next sync for longer.
const WITHIN: Duration = Duration::from_secs(60);

/// Lost races for the ledger before a call leaves its news to the next one.
const RACES: usize = 4;

/// Refusals that wait for an operator. The others wait for a run.
const FOR_PEOPLE: [&str; 4] = ["diverged", "version_gone", "table_missing", "fenced"];

/// Tells whom the group names what this call came to, and what calls before it could not tell. `history` is the log as it is
/// behind the call; none when it is out of reach.
pub async fn tell(scene: &Scene<'_>, history: Option<&History>, report: &GroupReport, part: Part) {
    if scene.group.notifications.is_empty() {
        return;
    }
    in_time(scene, Box::pin(tell_all(scene, history, report, part))).await;
}

/// Tells whom the group names of a change of roles that this call made; `outcome` is what it measured and found.
pub async fn tell_change(scene: &Scene<'_>, outcome: String) {
    if scene.group.notifications.is_empty() {
        return;
    }
    let telling = async {
        let Ok(history) = scene.log.read().await else { return };
        let mut seen = seen(scene.world, scene.group, Some(&history), None);
        seen.changed = true;
        seen.change = seen.change.map(|change| Change { outcome: Some(outcome), ..change });
        // what the region that is left would tell is not looked at
        (seen.services, seen.retention) = (None, None);
        tell_seen(scene, Some(&history), seen, false).await;
    };
    in_time(scene, Box::pin(telling)).await;
}

/// Tells whom the group names of a drill that this call carried out.
pub async fn tell_drill(scene: &Scene<'_>, report: &DrillReport) {
    if scene.group.notifications.is_empty() {
        return;
    }
    let telling = async {
        let Ok(history) = scene.log.read().await else { return };
        let mut seen = seen(scene.world, scene.group, Some(&history), None);
        (seen.services, seen.change) = (None, None);
        seen.drill = Some(Drill {
            of: (report.region.clone(), report.drill),
            passed: report.passed,
            text: look::outcome(report),
        });
        tell_seen(scene, Some(&history), seen, false).await;
    };
    in_time(scene, Box::pin(telling)).await;
}

async fn in_time(scene: &Scene<'_>, telling: impl Future<Output = ()>) {
    if tokio::time::timeout(WITHIN, telling).await.is_err() {
        tracing::warn!(
            group = %scene.group.name,
            "not everybody was told within {} s; the next call goes on", WITHIN.as_secs()
        );
    }
}

/// Tells of a group whose stores cannot be opened: where nothing can be remembered, every call tells again, under the same
/// ids for a day.
pub async fn tell_without_stores(
    world: &World,
    group: &ValidGroup,
    secrets: &Secrets,
    report: &GroupReport,
    part: Part,
) {
    if group.notifications.is_empty() {
        return;
    }
    let seen = Seen { part, ..seen(world, group, None, Some(report)) };
    let ledger = decide(None, &seen, &group.notifications);
    let told = deliver_all(ledger, &group.notifications, secrets, world).await;
    tracing::debug!(group = %group.name, told = told.len(), "told without a ledger");
}

async fn tell_all(scene: &Scene<'_>, history: Option<&History>, report: &GroupReport, part: Part) {
    let mut seen = Seen { part, ..seen(scene.world, scene.group, history, Some(report)) };
    if let Some(history) = history {
        seen.lag = look::lag(scene, history, report, part).await;
    }
    tell_seen(scene, history, seen, true).await;
}

/// `looks` says whether there may be a look at the retention of the source tables.
async fn tell_seen(scene: &Scene<'_>, history: Option<&History>, mut seen: Seen<'_>, looks: bool) {
    let rules = &scene.group.notifications;
    let by = scene.world.author.run.as_str();
    for _ in 0..RACES {
        let Some((place, ledger)) = Place::open(scene, history).await else {
            let ledger = decide(None, &seen, rules);
            deliver_all(ledger, rules, &scene.secrets, scene.world).await;
            return;
        };
        seen.remembered = true;
        if let Some(history) = history
            && looks
            && seen.retention.is_none()
            && look::looks_at_retention(ledger.as_ref(), &seen)
        {
            seen.retention = look::retention(scene, history, &seen).await;
        }
        if let Some(history) = history
            && looks
            && seen.drill_age.is_none()
            && look::looks_at_drills(ledger.as_ref(), &seen)
        {
            seen.drill_age = look::drill_age(scene, history).await;
        }
        let before = ledger.clone();
        let mut after = decide(ledger, &seen, rules);
        take(&mut after, rules, by, seen.now);
        if before.as_ref() == Some(&after) && place.is_settled() {
            return;
        }
        match place.write(&after).await {
            Ok(Some(place)) => return hand_out(scene, place, after).await,
            Ok(None) => {}
            Err(problem) => {
                tracing::warn!(group = %scene.group.name, "what is to be told cannot be written down: {problem}");
                deliver_all(after, rules, &scene.secrets, scene.world).await;
                return;
            }
        }
    }
    tracing::debug!(group = %scene.group.name, "other executors tell the news of this group");
}

/// Delivers what this call has taken, and takes it out of the ledger.
async fn hand_out(scene: &Scene<'_>, place: Place, ledger: Ledger) {
    let (rules, by) = (&scene.group.notifications, scene.world.author.run.as_str());
    if due(&ledger, by).is_empty() {
        return;
    }
    let told = deliver_all(ledger.clone(), rules, &scene.secrets, scene.world).await;
    let mut next = Some((place, ledger));
    for _ in 0..RACES {
        let Some((place, ledger)) = next else { return };
        match place.write(&delivered(ledger, &told, by)).await {
            Ok(Some(_)) => return,
            Ok(None) => {
                let history = scene.log.read().await.ok();
                next = Place::open(scene, history.as_ref())
                    .await
                    .and_then(|(place, ledger)| Some((place, ledger?)));
            }
            Err(problem) => {
                tracing::debug!(group = %scene.group.name, "what was told may be told again: {problem}");
                return;
            }
        }
    }
}

/// Tells all targets at the same time; target and id of what was delivered, or is never going to be.
async fn deliver_all(
    mut ledger: Ledger,
    rules: &Notifications,
    secrets: &Secrets,
    world: &World,
) -> Vec<(String, String)> {
    let by = world.author.run.as_str();
    take(&mut ledger, rules, by, world.now());
    let due = due(&ledger, by);
    let calls = due.iter().map(|(target, notices)| async move {
        let delivery = deliver(target, notices, secrets).await;
        say_what_is_left(target, notices, &delivery);
        let done = delivery.told.into_iter().chain(delivery.dropped.into_iter().map(|(id, _)| id));
        done.map(|id| (target.clone(), id)).collect::<Vec<_>>()
    });
    join_all(calls).await.concat()
}

fn say_what_is_left(target: &str, notices: &[Notice], delivery: &Delivery) {
    let group = notices.first().map_or("", |notice| notice.group.as_str());
    for (id, error) in &delivery.dropped {
        tracing::warn!(
            %group, "notification {id} is refused by {} and dropped, others are told: {}",
            shown(target), chain(error)
        );
    }
    if let Some(error) = delivery.kept() {
        let left = notices.len() - delivery.told.len() - delivery.dropped.len();
        tracing::warn!(
            %group, "{left} notification(s) to {} are kept for the next call: {}",
            shown(target), chain(error)
        );
    }
}

fn seen<'a>(
    world: &World,
    group: &'a ValidGroup,
    history: Option<&History>,
    report: Option<&GroupReport>,
) -> Seen<'a> {
    let state = history.and_then(|history| history.state.as_ref());
    let points = state.map(|state| state.recovery_points.as_slice()).unwrap_or_default();
    Seen {
        group: &group.name,
        owner: group.owner_email.as_deref(),
        epoch: state.map_or(lakedr_control::group_log::FIRST_EPOCH, |state| state.epoch),
        part: Part::Sync,
        now: world.now(),
        remembered: false,
        published: report.is_some_and(|report| report.outcome == Outcome::Published),
        condition: report.map_or(Condition::Open, |report| {
            condition(report, state.and_then(|state| state.last_failure.as_ref()).map(|last| last.seq))
        }),
        points: points.iter().filter(|point| point.kind != IntentKind::Rollback).map(point).collect(),
        lag: None,
        retention: None,
        change: state.and_then(|state| change(group, state)),
        changed: false,
        drill: None,
        drill_age: None,
        services: state.map(|state| unruly_services(group, state, world.now())),
    }
}

fn change(group: &ValidGroup, state: &GroupState) -> Option<Change> {
    let change = state.role_change.as_ref()?;
    let home = group.side_of(&state.role.active) == Some(group.initial_active);
    let from = state.recovery_points.iter().find(|point| Some(point.seq) == change.from);
    let age = |point: &RecoveryPoint| change.at.signed_duration_since(point.cut.as_of).to_std();
    Some(Change {
        seq: change.seq,
        kind: if home { "failback" } else { "failover" },
        active: state.role.active.clone(),
        standby: state.role.standby.clone(),
        approved_by: change.approved_by.clone(),
        from: from.map(|point| (point.cut.describe(), age(point).unwrap_or_default())),
        outcome: None,
    })
}

/// How long a schedule may be paused for a failback before somebody is told: longer than a failback waits for runs.
const HELD_BACK: TimeDelta = TimeDelta::hours(1);

/// Declared services that do not do as they are told: one that did not answer once may answer next time. And schedules that
/// have been paused for a failback that does not come to its end.
fn unruly_services(group: &ValidGroup, state: &GroupState, now: DateTime<Utc>) -> Vec<String> {
    let Some(active) = group.side_of(&state.role.active) else { return Vec::new() };
    let of_side = |side| open_services(&group.services, (side, active), state);
    let open = SideName::BOTH.into_iter().flat_map(of_side).filter(|(_, record)| record.attempts > 1);
    let open = open
        .map(|(_, record)| format!("{} should be {}, seen {}", record.service, record.wanted, record.seen));
    let held_back = held_back(group, active, state).filter(|(_, record)| now - record.at > HELD_BACK);
    let held_back = held_back
        .map(|(service, _)| format!("{} is paused for a failback that did not come to its end", service.id));
    open.chain(held_back).collect()
}

fn condition(report: &GroupReport, seq: Option<u64>) -> Condition {
    let Some(error) = &report.error else {
        let good = matches!(
            report.outcome,
            Outcome::Published | Outcome::Landed | Outcome::UpToDate | Outcome::NotDue
        );
        return if good { Condition::Good } else { Condition::Open };
    };
    if report.outcome == Outcome::Refused && !FOR_PEOPLE.contains(&error.r#type.as_str()) {
        return Condition::Open;
    }
    Condition::Bad(Problem { class: error.r#type.clone(), message: error.message.clone(), seq })
}

fn point(point: &RecoveryPoint) -> Point {
    let tables = &point.cut.tables;
    let files = tables.iter().map(|table| table.files_copied).sum();
    let bytes = tables.iter().map(|table| table.bytes_copied).sum();
    let described = point.cut.describe();
    Point { seq: point.seq, cut: point.cut.id.clone(), described, copied: (tables.len(), files, bytes) }
}
