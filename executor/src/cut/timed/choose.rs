use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::cut::{Cut, CutRun};
use lakedr_control::time;

use super::candidate::{candidates, covers, millis, settled};
use super::history::{Before, HistoryCommit, TableHistory};
use super::judge::{Doubt, End, Placed, Side};
use super::run::Run;
use crate::cut::{Choice, Chosen, Known, Refusal};

/// What a choice rests on.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The runs, in any order, each once ([`merged`](super::merged)).
    pub runs: &'a [Run],
    /// The histories, in the order of the group's tables, listed after the runs.
    pub tables: &'a [TableHistory],
    /// What the newest recovery point holds. Nothing older is chosen.
    pub last: Option<&'a Cut>,
    /// Whether that is to be chosen again, because the standby region has lost it.
    pub again: bool,
    /// How far the clocks of the service and of the stores may be apart.
    pub skew: TimeDelta,
    /// When the list of runs was begun, by the clock of the service.
    pub listed_at: DateTime<Utc>,
}

/// What a choice came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This.
    Chosen(Choice),
    /// It needs all commits since this moment, in milliseconds since the epoch, and those before it.
    Older {
        /// The moment.
        since_ms: i64,
    },
}

/// The newest finished run that is a boundary.
///
/// # Errors
/// A refusal when there is none that is newer than what the newest recovery point holds, although a newer run has finished, or
/// when there is none to bring back what the standby region has lost.
pub fn choose_timed(observed: &Observed<'_>) -> Result<Step, Refusal> {
    let tables = || observed.tables.iter().map(|history| &history.table);
    let again = observed.again || observed.last.is_some_and(|last| !covers(last, tables()));
    let candidates = candidates(observed.runs, observed.last, again);
    if candidates.is_empty() {
        return match observed.last {
            Some(_) if !observed.again => Ok(Step::Chosen(Choice::UpToDate)),
            _ => Err(Refusal::NoFinishedRun { seen: observed.runs.len() }),
        };
    }
    let mut newest = None;
    for (run, end) in candidates {
        match judged(observed, run, end) {
            Ok(step) => return Ok(step),
            Err(refusal) => newest = newest.or(Some(refusal)),
        }
    }
    newest.map_or(Ok(Step::Chosen(Choice::UpToDate)), Err)
}

/// The cut at the end of a run.
fn judged(observed: &Observed<'_>, run: &Run, ended: DateTime<Utc>) -> Result<Step, Refusal> {
    let settles = settled(ended, observed.skew);
    if settles > observed.listed_at {
        return Err(Refusal::JustFinished { run: run.id.clone(), ended_at: ended, settles_at: settles });
    }
    let end = End::new(observed.runs, ended, observed.skew);
    let mut versions = Vec::with_capacity(observed.tables.len());
    for history in observed.tables {
        let at = TableEnd { history, end: &end, run, ended };
        match at.version()? {
            Pinned::At(version) => versions.push((history.table.clone(), version)),
            Pinned::Older(since_ms) => return Ok(Step::Older { since_ms }),
        }
    }
    let run = CutRun { id: run.id.clone(), ended_at: millis(ended) };
    Ok(Step::Chosen(Choice::Chosen(Chosen { run: Some(run), versions, known: Known::ByTime })))
}

/// A table at the end of a run.
struct TableEnd<'a> {
    history: &'a TableHistory,
    end: &'a End<'a>,
    run: &'a Run,
    ended: DateTime<Utc>,
}

/// What is known of a table at the end of a run.
enum Pinned {
    /// Its version.
    At(u64),
    /// That it takes the commits since this moment, in milliseconds since the epoch, and those before it.
    Older(i64),
}

impl TableEnd<'_> {
    fn version(&self) -> Result<Pinned, Refusal> {
        // first the commits around the end: a doubt among them is final, however far the others go back
        if !self.reaches(self.end.nearby_ms()) && self.history.before == Before::Unread {
            return Ok(Pinned::Older(self.end.nearby_ms()));
        }
        let last = self.last_in()?;
        let horizon = self.end.horizon_ms();
        match self.history.before {
            Before::Unread if !self.reaches(horizon) => Ok(Pinned::Older(horizon)),
            Before::Trimmed if !self.reaches(horizon) => Err(self.trimmed()),
            Before::Held(held) => Ok(Pinned::At(last.unwrap_or(held))),
            _ => last.map(Pinned::At).ok_or_else(|| self.missing()),
        }
    }

    /// Whether the history begins before a moment.
    fn reaches(&self, moment_ms: i64) -> bool {
        self.history.commits.first().is_some_and(|first| first.time_ms < moment_ms)
    }

    /// The newest version of the history that is part of the state, if any is.
    fn last_in(&self) -> Result<Option<u64>, Refusal> {
        let (mut last, mut out, mut previous) = (None, None::<&HistoryCommit>, None);
        for commit in &self.history.commits {
            let placed = Placed::behind(commit, previous);
            previous = Some(placed);
            match (self.end.side(placed).map_err(|doubt| self.no_boundary(doubt))?, out) {
                (Side::In, None) => last = Some(commit.version),
                (Side::In, Some(after)) => {
                    let doubt =
                        Doubt::Mixed { after: Box::new(after.clone()), before: Box::new(commit.clone()) };
                    return Err(self.no_boundary(doubt));
                }
                (Side::Neutral, None) if commit.time_ms <= self.ended.timestamp_millis() => {
                    last = Some(commit.version);
                }
                (Side::Out, None) => out = Some(commit),
                (Side::Out, Some(_)) | (Side::Neutral, _) => {}
            }
        }
        Ok(last)
    }

    fn no_boundary(&self, doubt: Doubt) -> Refusal {
        Refusal::NoBoundary {
            run: self.run.id.clone(),
            ended_at: self.ended,
            table: self.history.table.clone(),
            doubt: Box::new(doubt),
        }
    }

    fn missing(&self) -> Refusal {
        let problem = format!(
            "did not exist yet when run {} finished ({}); the next run that finishes with it will do",
            self.run.id,
            time::format(self.ended)
        );
        Refusal::TableMissing { table: self.history.table.clone(), problem }
    }

    fn trimmed(&self) -> Refusal {
        let first = self.history.commits.first();
        let cause = format!(
            "its log begins with {}, and which runs wrote what came before cannot be told any more, as the end of run {} \
             ({}) asks for. A longer `delta.logRetentionDuration` would have kept it; the next run that finishes alone will do",
            first.map_or_else(|| "a checkpoint".to_owned(), ToString::to_string),
            self.run.id,
            time::format(self.ended)
        );
        let version = first.map_or(0, |first| first.version.saturating_sub(1));
        Refusal::VersionGone { table: self.history.table.clone(), version, cause }
    }
}
