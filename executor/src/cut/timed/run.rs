use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// Since when a stretch of a run may have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    /// Since then.
    At(DateTime<Utc>),
    /// The service has forgotten: it keeps the times of the newest attempt only.
    Unknown,
}

/// A stretch of time in which a run may have written: its first execution, a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// Its begin.
    pub began: Began,
    /// Its end; none while it is under way.
    pub ended: Option<DateTime<Utc>>,
}

impl Spell {
    /// Whether it was over at an instant.
    pub(super) fn is_over(&self, at: DateTime<Utc>) -> bool {
        self.ended.is_some_and(|ended| ended <= at)
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It is under way, or may go on.
    Active,
    /// It finished.
    Success,
    /// It ended in any other way, or in one that is not known.
    Failed,
    /// It finished, but it began before the region became active, or may have: what it finished with is in the tables of the
    /// other region, or in neither.
    Elsewhere,
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Id, as the service spells it.
    pub id: String,
    /// When it may have written: one stretch, and one more for each repair.
    pub spells: Vec<Spell>,
    /// What became of it.
    pub state: RunState,
}

impl Run {
    /// A run that was executed once.
    #[must_use]
    pub fn once(id: String, began: Began, ended: Option<DateTime<Utc>>, state: RunState) -> Self {
        Self { id, spells: vec![Spell { began, ended }], state }
    }

    /// When it began for the first time, if that is known.
    #[must_use]
    pub fn began(&self) -> Option<DateTime<Utc>> {
        let begins = self.spells.iter().map(|spell| match spell.began {
            Began::At(at) => Some(at),
            Began::Unknown => None,
        });
        begins.min().flatten()
    }

    /// When it ended for the last time; none while a part of it is under way.
    #[must_use]
    pub fn ended(&self) -> Option<DateTime<Utc>> {
        if self.state == RunState::Active {
            return None;
        }
        let ends: Option<Vec<_>> = self.spells.iter().map(|spell| spell.ended).collect();
        ends?.into_iter().max()
    }

    /// The same run, told by a region that became active at an instant, clocks being off by no more than `skew`: of such a
    /// run both the id and the end may be those of a run of the other region, where one service serves both.
    #[must_use]
    pub fn within_reign(self, since: DateTime<Utc>, skew: TimeDelta) -> Self {
        let is_of_it = self.began().is_some_and(|began| began >= since + skew);
        match self.state {
            RunState::Success if !is_of_it => Self { state: RunState::Elsewhere, ..self },
            _ => self,
        }
    }

    /// When it finished with success.
    #[must_use]
    pub fn finished(&self) -> Option<DateTime<Utc>> {
        self.ended().filter(|_| self.state == RunState::Success)
    }
}

/// Each run once, of answers that were given one after the other while runs went on. A run that any of them saw under way
/// counts as under way: what else happened since then is not known. Of two ends the later one counts.
#[must_use]
pub fn merged(seen: impl IntoIterator<Item = Run>) -> Vec<Run> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for run in seen {
        match runs.get(&run.id).map(Run::ended) {
            Some(known) if known.is_none() || (run.ended().is_some() && run.ended() <= known) => {}
            _ => {
                runs.insert(run.id.clone(), run);
            }
        }
    }
    runs.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn run(ended: Option<i64>, state: RunState) -> Run {
        Run::once("1".to_owned(), Began::At(at(1)), ended.map(at), state)
    }

    #[test]
    fn a_run_that_was_seen_under_way_is_under_way() {
        let (active, over) = (run(None, RunState::Active), run(Some(5), RunState::Success));
        for seen in [[active.clone(), over.clone()], [over, active.clone()]] {
            assert_eq!(merged(seen), std::slice::from_ref(&active));
        }
    }

    #[test]
    fn only_what_began_after_the_roles_changed_has_finished_here() {
        let since = |began, second| {
            let run =
                Run { spells: vec![Spell { began, ended: Some(at(9)) }], ..run(None, RunState::Success) };
            run.within_reign(at(second), TimeDelta::seconds(2)).finished()
        };
        assert_eq!(since(Began::At(at(5)), 3), Some(at(9)));
        assert_eq!(since(Began::At(at(4)), 3), None, "clocks are not that exact");
        assert_eq!(since(Began::Unknown, 3), None);
        let failed = run(Some(9), RunState::Failed).within_reign(at(7), TimeDelta::zero());
        assert_eq!(failed.state, RunState::Failed);
        let active = run(None, RunState::Active).within_reign(at(7), TimeDelta::zero());
        assert_eq!(active.state, RunState::Active, "it may write here too");
    }

    #[test]
    fn of_two_ends_the_later_one_counts() {
        let (failed, repaired) = (run(Some(5), RunState::Failed), run(Some(9), RunState::Success));
        for seen in [[failed.clone(), repaired.clone()], [repaired.clone(), failed]] {
            assert_eq!(merged(seen), std::slice::from_ref(&repaired));
        }
    }
}
