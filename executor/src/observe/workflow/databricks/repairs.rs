//! Which runs have to be asked for their repairs. Pure.
//!
//! `jobs/runs/get` gives the repairs of a run when it is asked for them (`include_history`); of `jobs/runs/list` nothing says
//! that it does. Without them a run is one stretch from its first begin to its last end: too long, which leaves doubt where
//! there is none, and of a repair that waits in the queue it hides all that was written before.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::cut::Run;

/// Finished runs that are asked for at most: older ones are cut only if all of these are in doubt.
const FINISHED: usize = 20;

/// The ids of the runs that are under way, or that ended after `since` and are among the newest. What ended before was over
/// at every end that may be cut, whatever its repairs.
pub(super) fn to_ask(runs: &[Run], since: Option<DateTime<Utc>>) -> Vec<String> {
    let mut finished: Vec<DateTime<Utc>> = runs.iter().filter_map(Run::finished).collect();
    finished.sort_unstable_by(|a, b| b.cmp(a));
    let oldest = finished.get(FINISHED - 1).copied();
    let matters = |ended: DateTime<Utc>| {
        since.is_none_or(|since| ended > since) && oldest.is_none_or(|oldest| ended >= oldest)
    };
    runs.iter().filter(|run| run.ended().is_none_or(matters)).map(|run| run.id.clone()).collect()
}

/// The runs of a list, with what was told of those that were asked for afterwards. What was under way when the list was read
/// counts as under way: runs that began after it may be missing.
pub(super) fn with_repairs(listed: Vec<Run>, asked: Vec<Run>) -> Vec<Run> {
    let mut asked: BTreeMap<String, Run> = asked.into_iter().map(|run| (run.id.clone(), run)).collect();
    let told = |run: Run| match asked.remove(&run.id) {
        Some(told) if run.ended().is_some() || told.ended().is_none() => told,
        _ => run,
    };
    listed.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::cut::{Began, RunState, Spell};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn run(id: i64, ended: Option<i64>) -> Run {
        let state = if ended.is_some() { RunState::Success } else { RunState::Active };
        Run::once(id.to_string(), Began::At(at(id)), ended.map(at), state)
    }

    fn repaired(id: i64, ended: Option<i64>) -> Run {
        let mut run = run(id, ended);
        run.spells.insert(0, Spell { began: Began::At(at(id)), ended: Some(at(id) + TimeDelta::seconds(1)) });
        run
    }

    #[test]
    fn what_may_be_cut_and_what_is_under_way_is_asked_for() {
        let runs = [run(1, Some(10)), run(2, None), run(3, Some(30)), run(4, Some(40))];
        assert_eq!(to_ask(&runs, None), ["1", "2", "3", "4"]);
        assert_eq!(to_ask(&runs, Some(at(10))), ["2", "3", "4"]);
        assert_eq!(to_ask(&runs, Some(at(40))), ["2"]);
        let failed = Run { state: RunState::Failed, ..run(5, Some(5)) };
        let many: Vec<Run> = (10..40).map(|id| run(id, Some(id))).chain([failed, run(7, None)]).collect();
        assert_eq!(to_ask(&many, None).len(), FINISHED + 1, "the newest, and one under way");
    }

    #[test]
    fn what_was_under_way_when_it_was_listed_counts_as_under_way() {
        for (listed, told, counts) in [
            (run(1, Some(10)), repaired(1, Some(10)), repaired(1, Some(10))),
            (run(1, Some(10)), repaired(1, Some(20)), repaired(1, Some(20))),
            (run(1, Some(10)), repaired(1, None), repaired(1, None)),
            (run(1, None), repaired(1, None), repaired(1, None)),
            (run(1, None), repaired(1, Some(10)), run(1, None)),
        ] {
            assert_eq!(with_repairs(vec![listed], vec![told]), [counts]);
        }
        assert_eq!(with_repairs(vec![run(1, None)], Vec::new()), [run(1, None)]);
    }
}
