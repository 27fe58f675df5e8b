use lakedr_control::group_log::{Power, ServiceRecord};
use serde::Serialize;

/// What became of one service.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceOutcome {
    /// Region, kind and name.
    pub service: String,
    /// `on` or `off`: what it should be.
    pub wanted: Power,
    /// What was seen last: `on`, `off`, or what the service or the way to it says.
    pub seen: String,
    /// Whether it is as it should be, or stays as somebody left it.
    pub done: bool,
    /// How often something was done about it.
    pub attempts: u32,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ServiceOutcome {
    pub(super) fn of(record: &ServiceRecord, wanted: Power) -> Self {
        Self {
            service: record.service.clone(),
            wanted,
            seen: record.seen.clone(),
            done: record.wants(wanted) && !record.is_open(),
            attempts: record.attempts,
            note: record.note.clone(),
        }
    }

    /// A schedule that somebody had paused before its region was left.
    pub(super) fn left_off(service: &str) -> Self {
        let note =
            "was paused before its region was left, and stays so; unpause it yourself if it should run";
        Self {
            service: service.to_owned(),
            wanted: Power::On,
            seen: Power::Off.word().to_owned(),
            done: true,
            attempts: 0,
            note: Some(note.to_owned()),
        }
    }

    /// For people.
    #[must_use]
    pub fn line(&self) -> String {
        let note = self.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        if self.done {
            return format!("{}: {}{note}", self.service, self.seen);
        }
        format!("{}: NOT {}, seen {}{note}", self.service, self.wanted.word(), self.seen)
    }
}

/// What became of the services of a side, in a few words.
#[must_use]
pub(crate) fn summary(outcomes: &[ServiceOutcome], wanted: Power) -> String {
    let word = wanted.word();
    let so = outcomes.iter().filter(|outcome| outcome.done && outcome.seen == word).count();
    let left = outcomes.iter().filter(|outcome| outcome.done && outcome.seen != word).count();
    let left = if left > 0 { format!(", {left} left as it was") } else { String::new() };
    format!("{so} of {} service(s) {word}{left}", outcomes.len())
}
