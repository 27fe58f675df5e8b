//! What a plan rests on, and its id: pure.
//!
//! The id is a digest over what the plan rests on in each of its groups. What carrying out a plan itself brings about is
//! foreseen in it, so a call that was cut short is continued with the same id: an open intent counts as the recovery
//! point that settling makes of it, and of a group whose roles were changed by this plan the log keeps its part.

use lakedr_control::digest::{self, NotCanonical};
use lakedr_control::group_log::GroupState;
use serde::Serialize;

/// How the roles change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The active region is given up: what it holds behind the recovery point is lost.
    Failover,
    /// The way home, with both regions there and nothing lost.
    Failback,
}

impl Kind {
    /// The command.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Failback => "failback",
        }
    }
}

/// The recovery point that a plan goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Recovers<'a> {
    /// Its intent.
    intent: u64,
    /// Id of its cut.
    cut: &'a str,
}

/// What a plan rests on in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis<'a> {
    kind: Kind,
    group: &'a str,
    epoch: u64,
    active: &'a str,
    standby: &'a str,
    spec_digest: &'a str,
    paused_by: Option<&'a str>,
    /// None for a failback: it loses nothing, whichever recovery point is the newest.
    recovers: Option<Recovers<'a>>,
}

impl<'a> Basis<'a> {
    /// What a plan rests on when a group is in this state.
    #[must_use]
    pub fn of(kind: Kind, group: &'a str, state: &'a GroupState, spec_digest: &'a str) -> Self {
        let settled = state.open_intent.as_ref().map(|open| Recovers { intent: open.seq, cut: &open.cut.id });
        let newest = || {
            let point = state.recovery_point()?;
            Some(Recovers { intent: point.intent, cut: &point.cut.id })
        };
        Self {
            kind,
            group,
            epoch: state.epoch,
            active: &state.role.active,
            standby: &state.role.standby,
            spec_digest,
            paused_by: state.paused_by.as_deref(),
            recovers: if kind == Kind::Failback { None } else { settled.or_else(newest) },
        }
    }

    /// Its digest.
    ///
    /// # Errors
    /// When it has no canonical form (a bug).
    pub fn part(&self) -> Result<String, NotCanonical> {
        digest::of_json(self)
    }
}

/// The id of a plan: follows from its groups and what it rests on in each of them.
#[must_use]
pub fn plan_id<'a>(parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut lines: Vec<String> = parts.into_iter().map(|(group, part)| format!("{group} {part}")).collect();
    lines.sort();
    let digest = digest::of_bytes(lines.join("\n").as_bytes());
    digest.trim_start_matches("sha256:").chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use lakedr_control::cut::Cut;
    use lakedr_control::group_log::{Author, Entry, Event, FailureClass, IntentKind, Role, fold};

    use super::*;

    fn cut(run: i64) -> Cut {
        let at = DateTime::from_timestamp(run, 0).unwrap();
        Cut { id: run.to_string(), ..Cut::at_instant(&"etl".parse().unwrap(), at, Vec::new()) }
    }

    fn intent(run: i64) -> Event {
        let (kind, replaces, slots) = (IntentKind::Publish, None, Vec::new());
        Event::Intent { kind, replaces, spec_digest: "sha256:a".to_owned(), cut: cut(run), slots }
    }

    fn published(intent: u64, run: i64) -> Event {
        Event::Published { intent, cut: cut(run), publish_window_ms: 1 }
    }

    fn failed() -> Event {
        let (stage, message) = ("observe".to_owned(), "gone".to_owned());
        Event::Failed { attempt: 1, stage, class: FailureClass::Unreachable, message }
    }

    fn state(events: Vec<Event>) -> GroupState {
        let role = Role { active: "east".to_owned(), standby: "west".to_owned() };
        let created = Event::Created { spec_digest: "sha256:a".to_owned(), role };
        let by = Author { executor: "0".to_owned(), host: "h".to_owned(), run: "r".to_owned() };
        let entries = [created].into_iter().chain(events).zip(1..).map(|(event, seq)| Entry {
            format: 1,
            group: "etl".parse().unwrap(),
            seq,
            epoch: 1,
            at: DateTime::from_timestamp(0, 0).unwrap(),
            by: by.clone(),
            event,
        });
        fold(&entries.collect::<Vec<_>>()).unwrap().unwrap()
    }

    fn part(kind: Kind, events: Vec<Event>) -> String {
        Basis::of(kind, "etl", &state(events), "sha256:a").part().unwrap()
    }

    #[test]
    fn a_plan_outlives_what_carrying_it_out_does() {
        let open = part(Kind::Failover, vec![intent(1)]);
        assert_eq!(open, part(Kind::Failover, vec![intent(1), published(2, 1)]), "settled");
        assert_eq!(open, part(Kind::Failover, vec![intent(1), failed(), published(2, 1), failed()]));
    }

    #[test]
    fn a_plan_ends_with_what_it_rests_on() {
        let made = part(Kind::Failover, vec![intent(1), published(2, 1)]);
        let newer = vec![intent(1), published(2, 1), intent(2)];
        assert_ne!(made, part(Kind::Failover, newer.clone()), "another recovery point");
        let paused = vec![intent(1), published(2, 1), Event::Paused { operator: "o".to_owned() }];
        assert_ne!(made, part(Kind::Failover, paused), "paused");
        let state = state(vec![intent(1), published(2, 1)]);
        assert_ne!(made, Basis::of(Kind::Failover, "etl", &state, "sha256:b").part().unwrap(), "spec");
        assert_ne!(made, part(Kind::Failback, vec![intent(1), published(2, 1)]), "the other way");
        let home = part(Kind::Failback, vec![intent(1), published(2, 1)]);
        assert_eq!(home, part(Kind::Failback, newer), "a failback goes on from the newest one");
    }

    #[test]
    fn the_id_is_the_same_in_any_order_of_the_groups() {
        assert_eq!(plan_id([("a", "1"), ("b", "2")]), plan_id([("b", "2"), ("a", "1")]));
        assert_ne!(plan_id([("a", "1"), ("b", "2")]), plan_id([("a", "2"), ("b", "1")]));
    }
}
