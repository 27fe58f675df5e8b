//! Cuts from run records. Both ends of a run hold table versions, so runs are told apart and ordered without clocks:
//! a run is a boundary when no other run was between its first and its last commit at that moment.

use chrono::{DateTime, Utc};
use lakedr_control::cut::{Cut, CutRun, CutTable};
use lakedr_control::id::TableName;
use lakedr_control::run_record::{RunStatus, TableIds, TableVersions};
use lakedr_control::time;

use super::{Choice, Chosen, Known, Refusal};

/// A moment in the life of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When it was, for people and for ordering.
    pub at: DateTime<Utc>,
    /// Versions of the tables at that moment.
    pub versions: TableVersions,
    /// Their ids, as far as they are known.
    pub ids: TableIds,
}

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Id of the run.
    pub run: String,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Its start; none when only the end was marked.
    pub started: Option<Moment>,
    /// Its end; none while it is under way.
    pub finished: Option<(Moment, RunStatus)>,
}

impl Attempt {
    fn success(&self) -> Option<&Moment> {
        self.finished.as_ref().filter(|(_, status)| *status == RunStatus::Success).map(|(end, _)| end)
    }
}

/// Attempts that a later attempt of the same run has replaced are over, finished or not.
fn current(attempts: &[Attempt]) -> Vec<&Attempt> {
    let replaced = |a: &Attempt| {
        a.finished.is_none() && attempts.iter().any(|b| b.run == a.run && b.attempt > a.attempt)
    };
    attempts.iter().filter(|attempt| !replaced(attempt)).collect()
}

/// Ids of the runs that are under way.
#[must_use]
pub fn under_way(attempts: &[Attempt]) -> Vec<String> {
    let open = current(attempts).into_iter().filter(|attempt| attempt.finished.is_none());
    let mut runs: Vec<String> = open.map(|attempt| attempt.run.clone()).collect();
    runs.dedup();
    runs
}

/// Successful ends, newest first.
///
/// Newer is who holds newer versions. Only ends that versions cannot order, because a table was recreated in between,
/// are ordered by the clocks that marked them.
fn finished<'a>(attempts: &[&'a Attempt]) -> Vec<(&'a Attempt, &'a Moment)> {
    let mut ends: Vec<_> = attempts.iter().filter_map(|a| a.success().map(|end| (*a, end))).collect();
    ends.sort_by_key(|(a, end)| (std::cmp::Reverse(end.at), std::cmp::Reverse((&a.run, a.attempt))));
    let mut older = ends.split_off(ends.len().min(ORDERED));
    let mut ordered = Vec::with_capacity(ends.len() + older.len());
    while !ends.is_empty() {
        let newest = (0..ends.len())
            .find(|candidate| {
                !ends.iter().any(|(_, other)| holds_newer(&other.versions, &ends[*candidate].1.versions))
            })
            .unwrap_or(0);
        ordered.push(ends.remove(newest));
    }
    ordered.append(&mut older);
    ordered
}

/// Ends that are put in the order of their versions; older ones than these stay in the order of their clocks.
const ORDERED: usize = 256;

/// Whether `a` holds a newer version of some table than `b`, and an older one of none.
fn holds_newer(a: &TableVersions, b: &TableVersions) -> bool {
    let tables = || a.keys().chain(b.keys());
    tables().all(|table| at(a, table) >= at(b, table)) && tables().any(|table| at(a, table) > at(b, table))
}

/// Versions of a group's tables at a cut.
fn versions_of(cut: &Cut, tables: &[TableName]) -> TableVersions {
    let held = |name: &TableName| Some((name.clone(), cut.table(name)?.source_version));
    tables.iter().filter_map(held).collect()
}

/// The attempts with the versions of a group's tables alone. What is known of a table that has left the group would make
/// states that lack it look neither older nor newer, and leave their order to the clocks.
fn of_tables(attempts: &[Attempt], tables: &[TableName]) -> Vec<Attempt> {
    let mut attempts = attempts.to_vec();
    for attempt in &mut attempts {
        let end = attempt.finished.as_mut().map(|(end, _)| end);
        for moment in attempt.started.as_mut().into_iter().chain(end) {
            moment.versions.retain(|table, _| tables.contains(table));
        }
    }
    attempts
}

/// Whether the end of a run is no newer than what a cut of another run holds.
fn no_newer(end: &Moment, cut: &Cut, tables: &[TableName]) -> bool {
    let held = versions_of(cut, tables);
    let ended_before = cut.run.as_ref().is_some_and(|run| millis(end.at) < run.ended_at);
    if holds_newer(&held, &end.versions) {
        return true;
    }
    ended_before && !holds_newer(&end.versions, &held)
}

fn at(versions: &TableVersions, table: &TableName) -> i128 {
    versions.get(table).map_or(-1, |version| i128::from(*version))
}

/// Whether `other` had written, or may have written, a part of its work into the state at `end`.
fn half_way_in(other: &Attempt, end: &TableVersions, tables: &[TableName]) -> bool {
    let began_before = match &other.started {
        Some(start) => tables.iter().any(|table| at(&start.versions, table) < at(end, table)),
        // a run that does not mark its start cannot be told from one that began later
        None => false,
    };
    let ended_before = match &other.finished {
        Some((moment, _)) => tables.iter().all(|table| at(&moment.versions, table) <= at(end, table)),
        None => false,
    };
    began_before && !ended_before
}

/// The newest finished run that is a boundary.
///
/// # Errors
/// A refusal when there is none that is newer than `last`, although a newer run has finished.
pub fn choose_marked(
    attempts: &[Attempt],
    tables: &[TableName],
    last: Option<&Cut>,
) -> Result<Choice, Refusal> {
    let seen = attempts.len();
    let attempts = of_tables(attempts, tables);
    let current = current(&attempts);
    let ends = finished(&current);
    if ends.is_empty() {
        return Err(Refusal::NoFinishedRun { seen });
    }
    let held = last.and_then(|cut| cut.run.as_ref());
    let mut blocked = None;
    for (run, end) in ends {
        let same = held.is_some_and(|held| held.id == run.run && held.ended_at == millis(end.at));
        if (same && covers(last, tables)) || (!same && last.is_some_and(|last| no_newer(end, last, tables))) {
            continue;
        }
        let other = current.iter().find(|other| {
            (&other.run, other.attempt) != (&run.run, run.attempt)
                && half_way_in(other, &end.versions, tables)
                && !last.is_some_and(|last| is_over(other, last, tables))
        });
        match other {
            None => return pins(run, end, tables),
            Some(other) => blocked = blocked.or_else(|| Some(ambiguous(run, end, other))),
        }
    }
    match blocked {
        Some(refusal) => Err(refusal),
        None => Ok(Choice::UpToDate),
    }
}

/// Documents hold milliseconds, so instants are compared in milliseconds.
fn millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

/// Whether a cut holds every table of the group as it is configured.
fn covers(cut: Option<&Cut>, tables: &[TableName]) -> bool {
    cut.is_some_and(|cut| tables.iter().all(|table| cut.table(table).is_some()))
}

fn pins(run: &Attempt, end: &Moment, tables: &[TableName]) -> Result<Choice, Refusal> {
    let mut versions = Vec::with_capacity(tables.len());
    for table in tables {
        let Some(version) = end.versions.get(table) else {
            let problem = format!(
                "did not exist, or was not part of the group, when run {} finished; the next run that finishes with \
                 it will do",
                run.run
            );
            return Err(Refusal::TableMissing { table: table.clone(), problem });
        };
        versions.push((table.clone(), *version));
    }
    let run = CutRun { id: run.run.clone(), ended_at: millis(end.at) };
    Ok(Choice::Chosen(Chosen { run: Some(run), versions, known: Known::Ids(end.ids.clone()) }))
}

fn ambiguous(run: &Attempt, end: &Moment, other: &Attempt) -> Refusal {
    let began = other.started.as_ref().map(|start| time::format(start.at)).unwrap_or_default();
    let remedy = if other.finished.is_some() {
        String::new()
    } else {
        format!(
            "If run {} (begun {began}) is dead, say so: lakedr mark finish --run {} --status failed",
            other.run, other.run
        )
    };
    Refusal::AmbiguousBoundary { run: run.run.clone(), ended_at: end.at, other: other.run.clone(), remedy }
}

/// Whether an attempt had ended when the run ended that a cut holds, so that it cannot be half-way in anything newer:
/// by its versions, and by the clocks too, because the versions of a table that was recreated begin again. Tables of the cut
/// that have left the group count as well: they may join it again.
fn is_over(attempt: &Attempt, cut: &Cut, tables: &[TableName]) -> bool {
    let (Some((end, _)), Some(held)) = (&attempt.finished, &cut.run) else { return false };
    let no_newer = |held: &CutTable| at(&end.versions, &held.name) <= i128::from(held.source_version);
    covers(Some(cut), tables) && millis(end.at) <= held.ended_at && cut.tables.iter().all(no_newer)
}

/// Whether no choice after `cut` depends on a run, given by all its attempts: it is over, and older than the run that
/// the cut holds. Its records may be forgotten.
#[must_use]
pub fn is_settled(run: &[Attempt], cut: &Cut, tables: &[TableName]) -> bool {
    let Some(held) = &cut.run else { return false };
    let older = |attempt: &Attempt| {
        let Some((end, _)) = &attempt.finished else { return false };
        let lacks = |(table, version): (&TableName, &u64)| at(&end.versions, table) < i128::from(*version);
        is_over(attempt, cut, tables)
            && millis(end.at) < held.ended_at
            && versions_of(cut, tables).iter().any(lacks)
    };
    let current: Vec<&Attempt> = current(run);
    !current.is_empty() && run.iter().all(|attempt| attempt.run != held.id) && current.into_iter().all(older)
}

/// How many runs have finished with success after the one that a cut holds: "3 runs behind".
#[must_use]
pub fn finished_after(attempts: &[Attempt], tables: &[TableName], cut: Option<&Cut>) -> usize {
    let attempts = of_tables(attempts, tables);
    let current = current(&attempts);
    let held = cut.and_then(|cut| cut.run.as_ref());
    let newer = |run: &Attempt, end: &Moment| {
        let same = held.is_some_and(|held| held.id == run.run && held.ended_at == millis(end.at));
        !same && cut.is_none_or(|cut| !no_newer(end, cut, tables))
    };
    finished(&current).into_iter().filter(|(run, end)| newer(run, end)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history in a line: `1+00 1=22 2+22` is run 1 begun at versions 0 and 0, finished at 2 and 2, run 2 begun at
    /// 2 and 2. `+` begins, `=` finishes with success, `!` fails; `-` stands for a table that does not exist.
    fn history(line: &str) -> Vec<Attempt> {
        let mut attempts: Vec<Attempt> = Vec::new();
        for (second, word) in line.split_whitespace().enumerate() {
            let (run, rest) = word.split_at(1);
            let (sign, digits) = rest.split_at(1);
            let mut versions = TableVersions::new();
            for (table, digit) in tables().into_iter().zip(digits.chars()) {
                versions.extend(digit.to_digit(10).map(|version| (table, u64::from(version))));
            }
            let at = DateTime::from_timestamp(i64::try_from(second).unwrap(), 0).unwrap();
            let moment = Moment { at, versions, ids: TableIds::new() };
            let open = attempts.iter_mut().rev().find(|a| a.run == run && a.finished.is_none());
            match (sign, open) {
                ("+", _) => {
                    let attempt = 1 + attempts.iter().filter(|a| a.run == run).count() as u32;
                    attempts.push(Attempt {
                        run: run.to_owned(),
                        attempt,
                        started: Some(moment),
                        finished: None,
                    });
                }
                (sign, open) => {
                    let status = if sign == "=" { RunStatus::Success } else { RunStatus::Failed };
                    match open {
                        Some(attempt) => attempt.finished = Some((moment, status)),
                        None => attempts.push(Attempt {
                            run: run.to_owned(),
                            attempt: 1,
                            started: None,
                            finished: Some((moment, status)),
                        }),
                    }
                }
            }
        }
        attempts
    }

    fn tables() -> Vec<TableName> {
        ["c.s.a", "c.s.b"].iter().map(|name| name.parse().unwrap()).collect()
    }

    fn choice(line: &str) -> String {
        outcome(&choose_marked(&history(line), &tables(), None))
    }

    fn outcome(result: &Result<Choice, Refusal>) -> String {
        match result {
            Ok(Choice::UpToDate) => "up to date".to_owned(),
            Ok(Choice::Chosen(chosen)) => {
                let versions: Vec<String> = chosen.versions.iter().map(|(_, v)| v.to_string()).collect();
                format!("run {} at {}", chosen.run.as_ref().unwrap().id, versions.join(","))
            }
            Err(refusal) => refusal.tag().to_owned(),
        }
    }

    #[test]
    fn the_newest_finished_run_is_the_cut() {
        assert_eq!(choice("1+-- 1=11 2+11 2=23"), "run 2 at 2,3");
        // a failed run, and what it left behind, is part of the state at the end of the next one
        assert_eq!(choice("1+-- 1=11 2+11 2!21 3+21 3=33"), "run 3 at 3,3");
        assert_eq!(choice("1+-- 1=11 2+11 2!21"), "run 1 at 1,1");
    }

    #[test]
    fn a_run_under_way_does_not_hide_the_one_before_it() {
        assert_eq!(choice("1+-- 1=11 2+11"), "run 1 at 1,1");
        assert_eq!(choice("1=11 2=22 3+22"), "run 2 at 2,2");
    }

    #[test]
    fn a_run_that_overlaps_the_end_of_another_makes_it_no_boundary() {
        assert_eq!(choice("1+-- 1=11 2+11 3+12 2=23"), "run 1 at 1,1");
        assert_eq!(choice("1+-- 2+10 1=21"), "ambiguous_boundary");
        // once the other has ended too, its end is a boundary
        assert_eq!(choice("1+-- 2+10 1=21 2=23"), "run 2 at 2,3");
        // begun earlier, but nothing written since: not half-way in
        assert_eq!(choice("1+-- 1=11 3+11 2+11"), "run 1 at 1,1");
    }

    #[test]
    fn a_dead_run_blocks_until_it_is_said_to_be_dead_or_runs_again() {
        assert_eq!(choice("1+-- 1=11 2+11 3+21 3=33"), "run 1 at 1,1");
        assert_eq!(choice("1+-- 1=11 2+11 3+21 3=33 2!33"), "run 3 at 3,3");
        assert_eq!(choice("1+-- 1=11 2+11 2+21 2=33"), "run 2 at 3,3");
    }

    #[test]
    fn a_clock_that_was_set_back_hides_no_run() {
        let mut runs = history("1+-- 1=11 2+11 2=22");
        let early = DateTime::from_timestamp(-7200, 0).unwrap();
        if let Some((end, _)) = &mut runs[1].finished {
            end.at = early;
        }
        assert_eq!(outcome(&choose_marked(&runs, &tables(), None)), "run 2 at 2,2");
        let held = hold(&runs[..1]);
        assert_eq!(outcome(&choose_marked(&runs, &tables(), Some(&held))), "run 2 at 2,2");
        assert_eq!(finished_after(&runs, &tables(), Some(&held)), 1);
        assert_eq!(finished_after(&runs, &tables(), Some(&hold(&runs))), 0);
    }

    /// The cut that these runs give.
    fn hold(runs: &[Attempt]) -> Cut {
        let Ok(Choice::Chosen(chosen)) = choose_marked(runs, &tables(), None) else { panic!("no cut") };
        let pins = chosen.versions.into_iter().map(|(table, source_version)| lakedr_control::cut::Pin {
            table,
            source_table_id: "i".to_owned(),
            source_version,
        });
        Cut::of_run(&"g".parse().unwrap(), chosen.run.unwrap(), pins.collect())
    }

    #[test]
    fn no_run_and_no_table() {
        assert_eq!(choice(""), "no_finished_run");
        assert_eq!(choice("1+-- 1!11"), "no_finished_run");
        assert_eq!(choice("1+-- 1=1-"), "table_missing");
    }

    #[test]
    fn what_is_held_already_is_not_cut_again_and_nothing_goes_back() {
        let runs = history("1+-- 1=11 2+11 2=22");
        let held = hold(&runs);
        assert_eq!(choose_marked(&runs, &tables(), Some(&held)), Ok(Choice::UpToDate));
        assert_eq!(choose_marked(&history("1+-- 1=11"), &tables(), Some(&held)), Ok(Choice::UpToDate));
        assert_eq!(finished_after(&runs, &tables(), Some(&held)), 0);
        assert_eq!(finished_after(&runs, &tables(), None), 2);
        // a table that joined the group makes the same run a new cut
        let mut more = tables();
        more.push("c.s.c".parse().unwrap());
        assert_eq!(outcome(&choose_marked(&runs, &more, Some(&held))), "table_missing");
        // a newer run that is no boundary is a refusal, not silence
        let overlapping = history("1+-- 1=11 2+11 2=22 3+22 4+22 3=33");
        assert_eq!(outcome(&choose_marked(&overlapping, &tables(), Some(&held))), "ambiguous_boundary");
    }

    #[test]
    fn a_recreated_table_does_not_bring_back_the_runs_that_are_held() {
        let runs = history("1+-- 1=11 2+11 2=52 3+02 3=13");
        let held = hold(&runs[..2]);
        assert_eq!(outcome(&choose_marked(&runs, &tables(), Some(&held))), "run 3 at 1,3");
        // one that was under way at that moment still counts
        let overlapping = history("1+-- 1=11 2+11 2=52 4+52 3+02 3=13");
        assert_eq!(outcome(&choose_marked(&overlapping, &tables(), Some(&held))), "ambiguous_boundary");
        let ended = history("1+-- 1=11 2+11 2=52 4+52 3+02 3=13 4=23");
        assert_eq!(outcome(&choose_marked(&ended, &tables(), Some(&held))), "run 4 at 2,3");
    }

    #[test]
    fn a_table_that_left_the_group_makes_no_older_run_newer() {
        // run 1 knows a third table, run 2 does not; the clock of run 1 was ahead by hours
        let mut runs = history("1+-- 1=11 2+11 2=22");
        if let Some((end, _)) = &mut runs[0].finished {
            end.at = DateTime::from_timestamp(7200, 0).unwrap();
            end.versions.insert("c.s.left".parse().unwrap(), 7);
        }
        assert_eq!(outcome(&choose_marked(&runs, &tables(), None)), "run 2 at 2,2");
        let held = hold(&runs);
        assert_eq!(choose_marked(&runs, &tables(), Some(&held)), Ok(Choice::UpToDate));
        assert_eq!(finished_after(&runs, &tables(), Some(&held)), 0);
    }

    #[test]
    fn runs_before_the_newest_recovery_point_are_settled() {
        let runs = history("1+-- 1!10 2+10 2+11 2=22 3+22 3=33 4+33 5+33 5=44");
        let held = hold(&history("1+-- 1!10 2+10 2+11 2=22 3+22 3=33"));
        let settled = |run: &str| {
            let attempts: Vec<Attempt> = runs.iter().filter(|a| a.run == run).cloned().collect();
            is_settled(&attempts, &held, &tables())
        };
        assert!(settled("1") && settled("2"), "over, an attempt that was replaced included");
        assert!(!settled("3"), "what the recovery point holds");
        assert!(!settled("4") && !settled("5"), "under way, newer");
        let mut more = tables();
        more.push("c.s.c".parse().unwrap());
        assert!(!is_settled(&runs[..1], &held, &more), "a table joined the group");
    }
}
