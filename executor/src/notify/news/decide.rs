mod verdict;

use std::time::Duration;

use chrono::TimeDelta;
use lakedr_control::notification::{EventKind, Ledger, Notice, Notifications, Parcel, Part, Standing};

use super::cut::shortened;
use super::seen::{Change, Drill, Point, Problem, Seen};
use verdict::{Verdict, drill_age, drill_failed, failure, retention, services, stale};

use crate::report::{bytes_text, duration_text};

/// What goes on is told again after this time.
const REMIND_AFTER: TimeDelta = TimeDelta::days(1);

/// What cannot be delivered for so long is given up.
const KEEP_FOR: TimeDelta = TimeDelta::days(7);

/// Recovery points that are told of at once, the newest ones, when calls before this one could tell nothing.
const POINTS_TOLD: usize = 16;

/// Longest title and text, in characters. PagerDuty refuses an event of more than 512 KiB, and a character may take six
/// bytes in JSON; others refuse less. Whoever needs the rest looks at `lakedr status`.
const LONGEST_TITLE: usize = 1_000;
const LONGEST_TEXT: usize = 50_000;

/// The ledger after a call: what it found to tell is in the outbox, for each target once.
///
/// An incident is told when it begins, when it turns into something else, once a day while it goes on, and when it is
/// over. Without a ledger the group is watched from this call on: only what this call did itself is news.
#[must_use]
pub fn decide(ledger: Option<Ledger>, seen: &Seen<'_>, rules: &Notifications) -> Ledger {
    let newest = seen.points.last().map_or(0, |point| point.seq);
    let changed = seen.change.as_ref().map_or(0, |change| change.seq);
    let begin = || {
        let before = seen.points.iter().rev().nth(1).map_or(0, |point| point.seq);
        let told = if seen.published { before } else { newest };
        Ledger::new(seen.group.clone(), seen.now, if seen.changed { told } else { told.max(changed) })
    };
    let mut ledger = ledger.unwrap_or_else(begin);
    ledger.outbox.retain(|parcel| seen.now.signed_duration_since(parcel.notice.at) < KEEP_FOR);
    let mut desk = Desk { ledger, seen, rules };
    desk.points();
    desk.change();
    desk.judge(EventKind::Failure, Some(seen.part), failure(seen));
    if let Some(lag) = seen.lag {
        let stale = stale(lag, desk.ledger.since, seen);
        desk.judge(EventKind::Stale, None, stale);
    }
    if let Some(findings) = &seen.retention {
        desk.ledger.retention_seen_at = Some(seen.now);
        desk.judge(EventKind::Retention, None, retention(findings));
    }
    if let Some(findings) = &seen.services {
        desk.judge(EventKind::Services, None, services(findings));
    }
    if let Some(drill) = &seen.drill {
        desk.drilled(drill);
    }
    if let Some(age) = &seen.drill_age {
        desk.ledger.drill_seen_at = Some(seen.now);
        desk.judge(EventKind::Drill, None, drill_age(age, seen.now));
    }
    desk.ledger.told_up_to = desk.ledger.told_up_to.max(newest).max(changed);
    desk.ledger
}

/// Where notices are written.
struct Desk<'a> {
    ledger: Ledger,
    seen: &'a Seen<'a>,
    rules: &'a Notifications,
}

impl Desk<'_> {
    fn points(&mut self) {
        let seen = self.seen;
        let untold: Vec<&Point> =
            seen.points.iter().filter(|point| point.seq > self.ledger.told_up_to).collect();
        for point in untold.iter().skip(untold.len().saturating_sub(POINTS_TOLD)) {
            let (tables, files, bytes) = point.copied;
            let id = format!("{}/{}/success/{}/{}", seen.group, seen.epoch, point.seq, point.cut);
            let mut notice = self.notice(EventKind::Success, id.clone(), id, "published");
            notice.text = format!(
                "the standby region holds {}: {tables} table(s), {files} new file(s), {}",
                point.described,
                bytes_text(bytes)
            );
            (notice.seq, notice.cut) = (Some(point.seq), Some(point.cut.clone()));
            self.post(&notice);
        }
    }

    fn change(&mut self) {
        let seen = self.seen;
        let Some(change) = seen.change.as_ref().filter(|change| change.seq > self.ledger.told_up_to) else {
            return;
        };
        let Change { seq, kind, active, standby, approved_by, from, outcome } = change;
        let id = format!("{}/{}/failover/{seq}", seen.group, seen.epoch);
        let title = format!("{kind}: {active} is active, {standby} is standby");
        let mut notice = self.notice(EventKind::Failover, id.clone(), id, &title);
        let from = match from {
            Some((point, age)) if *kind == "failover" => format!(
                "it goes on from {point}, which was {} old: what {standby} got since is not part of it",
                duration_text(*age)
            ),
            Some((point, _)) => format!("it goes on from {point}, and nothing is lost"),
            None => "it goes on from nothing".to_owned(),
        };
        let outcome = outcome.as_ref().map(|outcome| format!("\n{outcome}")).unwrap_or_default();
        notice.text = format!("approved by {approved_by}; {from}{outcome}");
        self.post(&notice);
    }

    fn drilled(&mut self, drill: &Drill) {
        let (region, number) = &drill.of;
        self.ledger.drill_seen_at = Some(self.seen.now);
        self.judge(EventKind::Drill, None, drill_failed(drill));
        if drill.passed {
            let id = format!("{}/{}/drill/{region}/{number}", self.seen.group, self.seen.epoch);
            let title = format!("drill {number} passed: {region} could take over");
            let mut notice = self.notice(EventKind::Drill, id.clone(), id, &title);
            notice.text = drill.text.clone();
            self.post(&notice);
        }
    }

    fn judge(&mut self, kind: EventKind, part: Option<Part>, verdict: Verdict) {
        let is_this = |standing: &Standing| standing.event == kind && standing.part == part;
        let standing = self.ledger.standing.iter().position(is_this);
        match (verdict, standing) {
            (Verdict::Unknown, _) | (Verdict::Fine, None) => {}
            (Verdict::Fine, Some(index)) => {
                let over = self.ledger.standing.remove(index);
                self.recovered(&over);
            }
            (Verdict::Wrong(problem, title), None) => self.begin(kind, part, problem, &title),
            (Verdict::Wrong(problem, title), Some(index)) => self.go_on(index, problem, &title),
        }
    }

    fn begin(&mut self, kind: EventKind, part: Option<Part>, problem: Problem, title: &str) {
        let seen = self.seen;
        // what tells one incident from the next of its kind; to whoever cannot remember it is the day
        let begun = match problem.seq {
            Some(seq) => seq.to_string(),
            None if seen.remembered => seen.now.timestamp_millis().to_string(),
            None => format!("{}-{}", problem.class, seen.now.date_naive()),
        };
        let of = part.filter(|part| *part != Part::Sync).map(|part| format!("-{}", part.as_str()));
        let of = of.unwrap_or_default();
        let incident = format!("{}/{}/{kind}{of}/{begun}", seen.group, seen.epoch);
        self.ledger.standing.push(Standing {
            event: kind,
            part,
            incident: incident.clone(),
            since: seen.now,
            told_at: seen.now,
            told: 1,
            classes: vec![problem.class.clone()],
        });
        self.tell(kind, incident.clone(), incident, title, problem);
    }

    fn go_on(&mut self, index: usize, problem: Problem, title: &str) {
        let now = self.seen.now;
        let Some(standing) = self.ledger.standing.get_mut(index) else { return };
        let other = !standing.classes.contains(&problem.class);
        if !other && now.signed_duration_since(standing.told_at) < REMIND_AFTER {
            return;
        }
        if other {
            standing.classes.push(problem.class.clone());
        }
        (standing.told_at, standing.told) = (now, standing.told + 1);
        let since = lakedr_control::time::format(standing.since);
        let title = if other { title.to_owned() } else { format!("{title}, still, since {since}") };
        let (kind, incident) = (standing.event, standing.incident.clone());
        let id = format!("{incident}/{}", standing.told);
        self.tell(kind, id, incident, &title, problem);
    }

    fn tell(&mut self, kind: EventKind, id: String, incident: String, title: &str, problem: Problem) {
        let of = if kind == EventKind::Failure { format!(" ({})", problem.class) } else { String::new() };
        let title = title.to_owned() + &of;
        let mut notice = self.notice(kind, id, incident, &title);
        (notice.text, notice.class) = (problem.message, Some(problem.class));
        self.post(&notice);
    }

    fn recovered(&mut self, over: &Standing) {
        let title = match over.event {
            EventKind::Stale => "RPO target met again".to_owned(),
            EventKind::Services => "services are as they should be".to_owned(),
            EventKind::Retention => "source retention is long enough again".to_owned(),
            EventKind::Drill => "a drill has passed".to_owned(),
            _ => format!("{} works again", over.part.unwrap_or(Part::Sync).as_str()),
        };
        let id = format!("{}/recovered", over.incident);
        let mut notice = self.notice(EventKind::Recovered, id, over.incident.clone(), &title);
        notice.recovered_from = Some(over.event);
        let lasted = self.seen.now.signed_duration_since(over.since).to_std().unwrap_or(Duration::ZERO);
        let holds =
            self.seen.points.last().map(|point| format!("; the standby region holds {}", point.described));
        notice.text = format!("it lasted {}{}", duration_text(lasted), holds.unwrap_or_default());
        self.post(&notice);
    }

    fn notice(&self, event: EventKind, id: String, incident: String, title: &str) -> Notice {
        let newest = self.seen.points.last();
        Notice {
            id,
            event,
            recovered_from: None,
            incident,
            group: self.seen.group.clone(),
            owner: self.seen.owner.map(str::to_owned),
            epoch: self.seen.epoch,
            at: self.seen.now,
            title: format!("{}: {title}", self.seen.group),
            text: String::new(),
            class: None,
            seq: newest.map(|point| point.seq),
            cut: newest.map(|point| point.cut.clone()),
        }
    }

    fn post(&mut self, notice: &Notice) {
        let title = shortened(&notice.title, LONGEST_TITLE);
        let text = shortened(&notice.text, LONGEST_TEXT);
        let notice = Notice { title, text, ..notice.clone() };
        for target in self.rules.told_of(notice.event) {
            let parcel = Parcel { notice: notice.clone(), target: target.clone(), taken: None };
            self.ledger.outbox.push(parcel);
        }
    }
}

#[cfg(test)]
mod tests;
