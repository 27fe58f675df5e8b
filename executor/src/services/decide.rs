//! What is to be done about a service, from what the ledger says of it: pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lakedr_control::group_log::{GroupState, Power, ServiceRecord};
use lakedr_control::validate::{ServiceKind, Services, SideName, SideService};

/// Wait after the second attempt; it doubles from then on. After the first one there is none: whoever comes next is later
/// anyway.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// What is to be done about a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// It was seen as it should be since it should be so.
    Nothing,
    /// Somebody had paused it before the region was left, and it stays so.
    LeftOff,
    /// See to it.
    See,
}

/// What an operator who carries out a plan wants done about a service. `since` is the entry from which on it should be
/// so: older ones are about another time.
#[must_use]
pub fn todo(kind: &ServiceKind, record: Option<&ServiceRecord>, wanted: Power, since: u64) -> Todo {
    let Some(record) = record else { return Todo::See };
    // pausing is a decision; compute comes and goes by itself
    let paused_before = kind.is_schedule() && record.wants(Power::Off) && record.before == Some(Power::Off);
    if wanted == Power::On && paused_before {
        return Todo::LeftOff;
    }
    let done = record.wants(wanted) && record.seq > since && !record.is_open();
    if done { Todo::Nothing } else { Todo::See }
}

/// Whether a service that has not been seen as it should be is tried again: each time after a longer wait. The clock only
/// paces; one that went back does not keep a service from being tried.
#[must_use]
pub fn is_due(record: &ServiceRecord, now: DateTime<Utc>) -> bool {
    let doublings = record.attempts.saturating_sub(2).min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let Ok(waited) = now.signed_duration_since(record.at).to_std() else { return true };
    record.attempts <= 1 || waited >= wait
}

/// How the services of a side should be by the roles in force: what is declared runs in the active region alone.
#[must_use]
pub fn by_role(side: SideName, active: SideName) -> Power {
    if side == active { Power::On } else { Power::Off }
}

/// Declared services of a side that the ledger has open, if the roles in force still want them so. What was to be done before
/// the roles changed, or for a failback that was given up, is nobody's wish any more: it would pause what runs, or start what
/// must not.
pub fn open_services<'a, 'l>(
    services: &'a Services,
    (side, active): (SideName, SideName),
    state: &'l GroupState,
) -> impl Iterator<Item = (&'a SideService, &'l ServiceRecord)> {
    let open = move |record: &&ServiceRecord| record.is_open() && record.wants(by_role(side, active));
    services
        .of(side)
        .iter()
        .filter_map(move |service| Some((service, state.service(&service.id).filter(open)?)))
}

#[cfg(test)]
mod tests {
    use lakedr_control::group_log::{Author, Entry, Event, Role, fold};
    use lakedr_control::spec::DatabricksJobSpec;

    use super::*;

    fn job() -> ServiceKind {
        ServiceKind::DatabricksJob(DatabricksJobSpec { name: Some("etl".to_owned()), id: None })
    }

    fn record(wanted: Power, seen: &str, before: Option<Power>) -> ServiceRecord {
        ServiceRecord {
            service: "east: job \"etl\"".to_owned(),
            seq: 10,
            at: DateTime::from_timestamp(10_000, 0).unwrap(),
            wanted: wanted.word().to_owned(),
            seen: seen.to_owned(),
            attempts: 1,
            before,
            note: None,
        }
    }

    #[test]
    fn what_was_done_since_the_roles_changed_is_not_done_again() {
        let stopped = record(Power::Off, "off", Some(Power::On));
        assert_eq!(todo(&job(), None, Power::Off, 5), Todo::See, "nothing is known");
        assert_eq!(todo(&job(), Some(&stopped), Power::Off, 5), Todo::Nothing);
        assert_eq!(todo(&job(), Some(&stopped), Power::Off, 20), Todo::See, "that was another failover");
        assert_eq!(todo(&job(), Some(&stopped), Power::On, 5), Todo::See, "it should be on by now");
        let open = record(Power::Off, "unreachable", None);
        assert_eq!(todo(&job(), Some(&open), Power::Off, 5), Todo::See);
    }

    #[test]
    fn what_the_roles_do_not_want_any_more_is_nobodys_wish() {
        let service = SideService { id: "east: job \"etl\"".to_owned(), kind: job() };
        let services = Services { primary: vec![service], secondary: Vec::new() };
        let open = |wanted, active| {
            let role = Role { active: "east".to_owned(), standby: "west".to_owned() };
            let event = Event::Created { spec_digest: "sha256:0".to_owned(), role };
            let by = Author { executor: "0".to_owned(), host: "h".to_owned(), run: "r".to_owned() };
            let (group, at) = ("etl".parse().unwrap(), DateTime::from_timestamp(0, 0).unwrap());
            let created = Entry { format: 1, group, seq: 1, epoch: 1, at, by, event };
            let mut state = fold([&created]).unwrap().unwrap();
            state.services = vec![record(wanted, "unreachable", None)];
            open_services(&services, (SideName::Primary, active), &state).count()
        };
        assert_eq!(open(Power::Off, SideName::Secondary), 1, "a failover left it");
        assert_eq!(open(Power::Off, SideName::Primary), 0, "a failback was given up");
        assert_eq!(open(Power::On, SideName::Primary), 1);
        assert_eq!(open(Power::On, SideName::Secondary), 0, "the group has left since");
    }

    #[test]
    fn what_somebody_had_paused_stays_paused_and_compute_does_not() {
        let paused = record(Power::Off, "off", Some(Power::Off));
        assert_eq!(todo(&job(), Some(&paused), Power::On, 20), Todo::LeftOff);
        assert_eq!(todo(&job(), Some(&paused), Power::Off, 20), Todo::See, "it may have been unpaused since");
        let warehouse = ServiceKind::SqlWarehouse("w".to_owned());
        assert_eq!(todo(&warehouse, Some(&paused), Power::On, 20), Todo::See);
        let running = record(Power::Off, "off", Some(Power::On));
        assert_eq!(todo(&job(), Some(&running), Power::On, 20), Todo::See);
    }

    #[test]
    fn waits_grow_to_an_hour() {
        let mut record = record(Power::Off, "unreachable", None);
        let mut waits = Vec::new();
        for attempts in [0, 1, 2, 3, 4, 8, 40] {
            record.attempts = attempts;
            let due = |seconds: &i64| is_due(&record, record.at + chrono::TimeDelta::seconds(*seconds));
            waits.push((0..=4_000).find(due).unwrap());
        }
        assert_eq!(waits, [0, 0, 60, 120, 240, 3_600, 3_600]);
        assert!(is_due(&record, record.at - chrono::TimeDelta::days(1)), "a clock that went back");
    }
}
