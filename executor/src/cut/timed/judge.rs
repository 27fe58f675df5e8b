//! On which side of a run's end a commit lies.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::time;

use super::history::HistoryCommit;
use super::run::{Began, Run, Spell};

/// Why the end of a run is no boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// A commit may be of a run that was under way at the end, or began right after it.
    Other {
        /// The commit.
        commit: Box<HistoryCommit>,
        /// The other run.
        other: String,
        /// Since when that one is under way; none when it is not known.
        since: Option<DateTime<Utc>>,
    },
    /// A commit follows the end so closely that it may belong to the run.
    Late {
        /// The commit.
        commit: Box<HistoryCommit>,
    },
    /// A commit names the run, or one that was over before, but was made later.
    Straggler {
        /// The commit.
        commit: Box<HistoryCommit>,
        /// The run that it names.
        run: String,
    },
    /// A commit of before the end follows one of after it.
    Mixed {
        /// The one of after the end.
        after: Box<HistoryCommit>,
        /// The one of before the end.
        before: Box<HistoryCommit>,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { commit, other, since } => {
                let since = since.map(|at| format!(", begun {},", time::format(at))).unwrap_or_default();
                write!(f, "{commit} may be of run {other}{since} which was not over then")
            }
            Self::Late { commit } => {
                write!(
                    f,
                    "{commit} follows that end within clock_skew, so it may or may not belong to the run"
                )
            }
            Self::Straggler { commit, run } => {
                write!(f, "{commit} names run {run} and was made when that run was over")
            }
            Self::Mixed { after, before } => {
                write!(f, "{after} belongs to a later state, and {before} after it does not")
            }
        }
    }
}

/// The side of a run's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Side {
    /// Part of the state at the end.
    In,
    /// Not part of it.
    Out,
    /// Changes no logical data.
    Neutral,
}

/// A commit, and when it may have been made at the earliest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) commit: &'a HistoryCommit,
    /// Its time; of the last of several that follow each other by a millisecond, the time of the first: so close together
    /// they stand because times of one log have to ascend.
    from_ms: i64,
}

impl<'a> Placed<'a> {
    /// A commit behind another one.
    pub(super) fn behind(commit: &'a HistoryCommit, previous: Option<Placed<'_>>) -> Self {
        let close = previous.filter(|previous| commit.time_ms.saturating_sub(previous.commit.time_ms) <= 1);
        Self { commit, from_ms: close.map_or(commit.time_ms, |previous| previous.from_ms) }
    }
}

/// The end of a run, and all that was going on around it.
#[derive(Debug)]
pub(super) struct End<'a> {
    runs: &'a [Run],
    at: DateTime<Utc>,
    skew_ms: i64,
}

/// The last millisecond that has a part in an instant's past.
fn ceil_ms(at: DateTime<Utc>) -> i64 {
    let cut_off = !at.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    at.timestamp_millis() + i64::from(cut_off)
}

fn began_ms(spell: &Spell) -> i64 {
    match spell.began {
        Began::At(at) => at.timestamp_millis(),
        Began::Unknown => i64::MIN,
    }
}

impl<'a> End<'a> {
    pub(super) fn new(runs: &'a [Run], at: DateTime<Utc>, skew: TimeDelta) -> Self {
        let parts = i64::from(skew.subsec_nanos() % 1_000_000 > 0);
        Self { runs, at, skew_ms: (skew.num_milliseconds() + parts).max(0) }
    }

    /// Commits of before this moment, in milliseconds since the epoch, are part of the state, whoever made them.
    pub(super) fn horizon_ms(&self) -> i64 {
        let open = self.spells().filter(|(_, spell)| !spell.is_over(self.at));
        let first = open.map(|(_, spell)| began_ms(spell)).min().unwrap_or(i64::MAX);
        first.saturating_sub(2 * self.skew_ms).min(self.nearby_ms())
    }

    /// Commits of before this moment, in milliseconds since the epoch, were made before the end.
    pub(super) fn nearby_ms(&self) -> i64 {
        // twice the allowance: times of one log may run back by that much where in-commit timestamps begin
        self.at.timestamp_millis().saturating_sub(2 * self.skew_ms)
    }

    fn spells(&self) -> impl Iterator<Item = (&'a Run, &'a Spell)> {
        self.runs.iter().flat_map(|run| run.spells.iter().map(move |spell| (run, spell)))
    }

    /// Whether the clocks allow that a commit was made in a spell.
    fn fits(&self, placed: Placed<'_>, spell: &Spell) -> bool {
        let ended = spell.ended.map_or(i64::MAX, ceil_ms);
        began_ms(spell).saturating_sub(self.skew_ms) <= placed.commit.time_ms
            && placed.from_ms <= ended.saturating_add(self.skew_ms)
    }

    /// The side of a commit.
    ///
    /// # Errors
    /// When it may be on either.
    pub(super) fn side(&self, placed: Placed<'_>) -> Result<Side, Doubt> {
        let commit = placed.commit;
        if commit.maintenance {
            return Ok(Side::Neutral);
        }
        let named = commit.job_run.as_ref().and_then(|id| self.runs.iter().find(|run| run.id == *id));
        match named {
            Some(run) => self.of_run(placed, run),
            // an unknown run may be the child of a known one
            None => self.by_time(placed),
        }
    }

    fn of_run(&self, placed: Placed<'_>, run: &Run) -> Result<Side, Doubt> {
        let commit = placed.commit;
        let (over, open): (Vec<&Spell>, Vec<&Spell>) =
            run.spells.iter().partition(|spell| spell.is_over(self.at));
        if over.is_empty() {
            return Ok(Side::Out);
        }
        let straggler = || Doubt::Straggler { commit: Box::new(commit.clone()), run: run.id.clone() };
        let before = over.iter().any(|spell| self.fits(placed, spell));
        let after = open.iter().any(|spell| self.fits(placed, spell));
        match (before, after) {
            (true, false) => Ok(Side::In),
            (false, true) => Ok(Side::Out),
            (true, true) => Err(straggler()),
            (false, false) if commit.time_ms <= self.at.timestamp_millis() => Ok(Side::In),
            (false, false) => Err(straggler()),
        }
    }

    fn by_time(&self, placed: Placed<'_>) -> Result<Side, Doubt> {
        let (end_ms, commit) = (ceil_ms(self.at), placed.commit);
        let tried_before = || commit.attempted_ms.is_some_and(|at| at <= end_ms);
        if placed.from_ms > end_ms.saturating_add(self.skew_ms) && !tried_before() {
            return Ok(Side::Out);
        }
        if commit.time_ms > end_ms {
            return Err(Doubt::Late { commit: Box::new(commit.clone()) });
        }
        let open = self.spells().find(|(_, spell)| !spell.is_over(self.at) && self.fits(placed, spell));
        match open {
            None => Ok(Side::In),
            Some((other, spell)) => Err(Doubt::Other {
                commit: Box::new(commit.clone()),
                other: other.id.clone(),
                since: match spell.began {
                    Began::At(at) => Some(at),
                    Began::Unknown => None,
                },
            }),
        }
    }
}
