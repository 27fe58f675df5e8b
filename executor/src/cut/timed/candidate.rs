//! Which runs may be cut.

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::cut::Cut;
use lakedr_control::id::TableName;

use super::run::Run;

/// Documents hold milliseconds, so ends are compared with theirs in milliseconds.
pub(super) fn millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

/// The finished runs that are newer than what a cut holds, newest first. With `again` the run that it holds is among them.
pub(super) fn candidates<'a>(
    runs: &'a [Run],
    last: Option<&Cut>,
    again: bool,
) -> Vec<(&'a Run, DateTime<Utc>)> {
    let newer = |end: DateTime<Utc>| {
        last.is_none_or(|last| millis(end) > last.as_of || (again && millis(end) == last.as_of))
    };
    let mut finished: Vec<_> = runs
        .iter()
        .filter_map(|run| run.finished().map(|end| (run, end)))
        .filter(|(_, end)| newer(*end))
        .collect();
    finished.sort_by(|(a, a_end), (b, b_end)| b_end.cmp(a_end).then_with(|| b.id.cmp(&a.id)));
    finished
}

/// How many runs have finished with success after the one that a cut holds.
#[must_use]
pub fn finished_behind(runs: &[Run], last: Option<&Cut>) -> usize {
    candidates(runs, last, false).len()
}

/// Whether a cut holds every table of the group.
pub(super) fn covers<'a>(cut: &Cut, mut tables: impl Iterator<Item = &'a TableName>) -> bool {
    tables.all(|table| cut.table(table).is_some())
}

/// From when on a list of runs tells of every run that may have written up to `end`: a run that began later than the
/// allowance after it wrote nothing that looks older.
pub(super) fn settled(end: DateTime<Utc>, skew: TimeDelta) -> DateTime<Utc> {
    // one millisecond more, because services cut off what is smaller
    end + skew + TimeDelta::milliseconds(1)
}

/// When the newest run that may be cut can be: a run that ended a moment ago may be followed by one that is not in the list
/// yet, and that wrote with a clock that is behind. None when there is nothing to wait for.
#[must_use]
pub fn settles_at(
    runs: &[Run],
    last: Option<&Cut>,
    skew: TimeDelta,
    listed_at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let (_, end) = *candidates(runs, last, false).first()?;
    Some(settled(end, skew)).filter(|at| *at > listed_at)
}
