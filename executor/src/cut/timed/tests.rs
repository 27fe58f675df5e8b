//! Cases, in milliseconds. Allowance: 100 ms.

mod model;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::cut::{Cut, CutRun, Pin};
use lakedr_control::id::TableName;

use super::*;
use crate::cut::{Choice, Refusal};

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

fn table(name: &str) -> TableName {
    format!("c.s.{name}").parse().unwrap()
}

fn run(id: &str, began: i64, ended: i64) -> Run {
    Run::once(id.to_owned(), Began::At(at(began)), Some(at(ended)), RunState::Success)
}

fn failed(id: &str, began: i64, ended: i64) -> Run {
    Run { state: RunState::Failed, ..run(id, began, ended) }
}

fn active(id: &str, began: i64) -> Run {
    Run::once(id.to_owned(), Began::At(at(began)), None, RunState::Active)
}

fn commit(version: u64, time_ms: i64) -> HistoryCommit {
    HistoryCommit {
        version,
        time_ms,
        attempted_ms: None,
        job_run: None,
        maintenance: false,
        operation: Some("WRITE".to_owned()),
        author: Some("spark".to_owned()),
    }
}

fn of(run: &str, commit: HistoryCommit) -> HistoryCommit {
    HistoryCommit { job_run: Some(run.to_owned()), ..commit }
}

fn maintenance(commit: HistoryCommit) -> HistoryCommit {
    HistoryCommit { maintenance: true, operation: Some("OPTIMIZE".to_owned()), ..commit }
}

/// Table `t`, which was made at 0.
fn since_creation(commits: &[HistoryCommit]) -> TableHistory {
    let commits = [&[commit(0, 0)], commits].concat();
    TableHistory { table: table("t"), before: Before::Nothing, commits }
}

fn choose(runs: &[Run], tables: &[TableHistory], last: Option<&Cut>) -> Result<Step, Refusal> {
    choose_timed(&Observed {
        runs,
        tables,
        last,
        again: false,
        skew: TimeDelta::milliseconds(100),
        listed_at: at(1_000_000),
    })
}

/// `run@versions`, or what else came out.
fn told(step: &Result<Step, Refusal>) -> String {
    match step {
        Ok(Step::Older { since_ms }) => format!("older than {since_ms}"),
        Ok(Step::Chosen(Choice::UpToDate)) => "up to date".to_owned(),
        Ok(Step::Chosen(Choice::Chosen(chosen))) => {
            let versions: Vec<String> = chosen.versions.iter().map(|(_, v)| v.to_string()).collect();
            format!("{}@{}", chosen.run.as_ref().unwrap().id, versions.join(","))
        }
        Err(refusal) => refusal.tag().to_owned(),
    }
}

fn chosen(runs: &[Run], commits: &[HistoryCommit]) -> String {
    told(&choose(runs, &[since_creation(commits)], None))
}

fn refused(runs: &[Run], commits: &[HistoryCommit]) -> String {
    choose(runs, &[since_creation(commits)], None).unwrap_err().to_string()
}

fn hold(run: &str, ended: i64, versions: &[(&str, u64)]) -> Cut {
    let pins = versions.iter().map(|(name, version)| Pin {
        table: table(name),
        source_table_id: "id".to_owned(),
        source_version: *version,
    });
    let run = CutRun { id: run.to_owned(), ended_at: at(ended) };
    Cut::of_run(&"g".parse().unwrap(), run, pins.collect())
}

#[test]
fn c1_04_a_run_under_way_is_seen_when_it_finishes_however_often_was_looked() {
    let (first, long) = (run("1", 1_000, 2_000), run("2", 3_000, 90_000));
    let commits = [commit(1, 1_500), commit(2, 3_500), commit(3, 80_000)];
    let held = hold("1", 2_000, &[("t", 1)]);
    // at each look on the way there is nothing new, and nothing that is remembered moves on
    for until in 1..=3 {
        let tables = [since_creation(&commits[..until])];
        assert_eq!(told(&choose(&[first.clone(), active("2", 3_000)], &tables, Some(&held))), "up to date");
    }
    assert_eq!(told(&choose(&[first, long], &[since_creation(&commits)], Some(&held))), "2@3");
}

#[test]
fn c1_06_the_newest_run_that_ends_alone_is_the_cut() {
    let runs = [run("2", 5_000, 6_000), run("1", 1_000, 2_000), active("3", 9_000)];
    assert_eq!(chosen(&runs, &[commit(1, 1_500), commit(2, 5_500), commit(3, 9_500)]), "2@2");
    // what a failed run, and what somebody left behind, belongs to the state
    let runs = [run("2", 5_000, 6_000), failed("1", 1_000, 2_000)];
    assert_eq!(chosen(&runs, &[commit(1, 1_500), commit(2, 3_000), commit(3, 5_500)]), "2@3");
    // a run that overlaps the end, and did not write before it
    let runs = [run("1", 1_000, 2_000), active("2", 1_500)];
    assert_eq!(chosen(&runs, &[commit(1, 1_200), commit(2, 2_500)]), "1@1");
}

#[test]
fn c1_06_overlapping_runs_leave_doubt_unless_commits_name_them() {
    let runs = [run("1", 1_000, 2_000), active("2", 1_500)];
    insta::assert_snapshot!(refused(&runs, &[commit(1, 1_800)]), @"run 1 finished at 1970-01-01T00:00:02.000Z but is no boundary in c.s.t: version 1 (WRITE by spark, 1970-01-01T00:00:01.800Z) may be of run 2, begun 1970-01-01T00:00:01.500Z, which was not over then. The next run that finishes alone, and not within clock_skew of another write, will do; of writers that name their run (commitInfo.job.jobRunId) no clock is asked");
    assert_eq!(chosen(&runs, &[of("1", commit(1, 1_800)), of("2", commit(2, 1_900))]), "1@1");
    insta::assert_snapshot!(refused(&runs, &[of("2", commit(1, 1_800)), of("1", commit(2, 1_900))]), @"run 1 finished at 1970-01-01T00:00:02.000Z but is no boundary in c.s.t: version 1 (WRITE by spark, 1970-01-01T00:00:01.800Z) belongs to a later state, and version 2 (WRITE by spark, 1970-01-01T00:00:01.900Z) after it does not. The next run that finishes alone, and not within clock_skew of another write, will do; of writers that name their run (commitInfo.job.jobRunId) no clock is asked");
    // a run that is not in the list may be a part of one that is
    assert_eq!(chosen(&runs, &[of("a child", commit(1, 1_800))]), "ambiguous_boundary");
    // the one before it ends alone
    let runs = [run("0", 200, 500), run("1", 1_000, 2_000), active("2", 1_500)];
    assert_eq!(chosen(&runs, &[commit(1, 300), commit(2, 1_800)]), "0@1");
}

#[test]
fn c1_07_clocks_may_disagree_by_the_allowance() {
    let runs = [run("1", 1_000, 2_000)];
    insta::assert_snapshot!(refused(&runs, &[commit(1, 2_050)]), @"run 1 finished at 1970-01-01T00:00:02.000Z but is no boundary in c.s.t: version 1 (WRITE by spark, 1970-01-01T00:00:02.050Z) follows that end within clock_skew, so it may or may not belong to the run. The next run that finishes alone, and not within clock_skew of another write, will do; of writers that name their run (commitInfo.job.jobRunId) no clock is asked");
    assert_eq!(chosen(&runs, &[of("1", commit(1, 2_050))]), "1@1");
    assert_eq!(chosen(&runs, &[commit(1, 1_999), commit(2, 2_101)]), "1@1");
    // the next one may have written with a clock that is behind
    let runs = [run("1", 1_000, 2_000), active("2", 2_010)];
    assert_eq!(chosen(&runs, &[commit(1, 1_950)]), "ambiguous_boundary");
    assert_eq!(chosen(&runs, &[commit(1, 1_900)]), "1@1");
    // its file is late, but its writer tried before the end: a log that was copied has such files
    let late = HistoryCommit { attempted_ms: Some(1_900), ..commit(1, 60_000) };
    assert_eq!(chosen(&[run("1", 1_000, 2_000)], &[late]), "ambiguous_boundary");
}

#[test]
fn c1_08_subsecond_end_keeps_the_last_commit_and_nothing_behind_it() {
    let runs = [run("1", 1_000, 2_987)];
    assert_eq!(chosen(&runs, &[commit(1, 2_986), commit(2, 3_088)]), "1@1");
    // of an end between two milliseconds the later one counts, and a run that began in between may have written in both
    let end = at(2_000) + TimeDelta::microseconds(300);
    let first = Run::once("1".to_owned(), Began::At(at(1_000)), Some(end), RunState::Success);
    let second = Run::once("2".to_owned(), Began::At(end), None, RunState::Active);
    let exact = |commits: &[HistoryCommit]| {
        let (runs, tables) = ([first.clone(), second.clone()], [since_creation(commits)]);
        told(&choose_timed(&Observed {
            runs: &runs,
            tables: &tables,
            last: None,
            again: false,
            skew: TimeDelta::zero(),
            listed_at: at(9_000),
        }))
    };
    assert_eq!(exact(&[commit(1, 1_999), commit(2, 2_002)]), "1@1");
    assert_eq!(exact(&[commit(1, 2_000)]), "ambiguous_boundary");
}

#[test]
fn c1_20_maintenance_is_neutral_at_any_moment() {
    let runs = [run("1", 1_000, 2_000), active("2", 2_000)];
    let commits = [
        of("1", commit(1, 1_500)),
        maintenance(commit(2, 1_999)),
        maintenance(commit(3, 2_001)),
        of("2", commit(4, 2_050)),
        maintenance(commit(5, 2_060)),
    ];
    assert_eq!(chosen(&runs, &commits), "1@2");
}

#[test]
fn c1_05_a_repaired_run_counts_anew_and_hides_no_other() {
    let repaired = Run {
        id: "1".to_owned(),
        spells: [(1_000, 2_000), (5_000, 6_000)]
            .map(|(began, ended)| Spell { began: Began::At(at(began)), ended: Some(at(ended)) })
            .to_vec(),
        state: RunState::Success,
    };
    let runs = [repaired.clone(), run("2", 3_000, 4_000)];
    let commits = [commit(1, 1_500), commit(2, 3_500), commit(3, 5_500)];
    assert_eq!(chosen(&runs, &commits), "1@3");
    let held = hold("2", 4_000, &[("t", 2)]);
    assert_eq!(told(&choose(&runs, &[since_creation(&commits)], Some(&held))), "1@3");
    assert_eq!(finished_behind(&runs, Some(&held)), 1);
    // while it is repaired, the one in between is the newest
    let mut open = repaired;
    (open.spells[1].ended, open.state) = (None, RunState::Active);
    assert_eq!(chosen(&[open, run("2", 3_000, 4_000)], &commits), "2@2");
}

/// Why every page of a list is read: nothing about a run that began long ago tells that it does not matter.
#[test]
fn c1_05_without_a_run_that_began_long_ago_the_cut_of_another_would_be_torn() {
    let repaired = Run {
        spells: [(1_000, 2_000), (5_000_000, 5_003_000)]
            .map(|(began, ended)| Spell { began: Began::At(at(began)), ended: Some(at(ended)) })
            .to_vec(),
        ..run("1", 1_000, 2_000)
    };
    let runs = [run("2", 5_001_000, 5_002_000), repaired];
    let commits = [commit(1, 1_500), commit(2, 5_000_500), commit(3, 5_001_500), commit(4, 5_002_500)];
    let look = |runs: &[Run]| {
        told(&choose_timed(&Observed {
            runs,
            tables: &[since_creation(&commits)],
            last: None,
            again: false,
            skew: TimeDelta::milliseconds(100),
            listed_at: at(6_000_000),
        }))
    };
    assert_eq!(look(&runs), "1@4");
    let failed_again = [runs[0].clone(), Run { state: RunState::Failed, ..runs[1].clone() }];
    assert_eq!(look(&failed_again), "ambiguous_boundary");
    // the first page of a list by begins: half of the repair
    assert_eq!(look(&runs[..1]), "2@3");
}

#[test]
fn a_run_whose_begin_is_forgotten_may_have_written_at_any_time() {
    let cleared = Run::once("1".to_owned(), Began::Unknown, Some(at(6_000)), RunState::Failed);
    let runs = [cleared.clone(), run("2", 3_000, 4_000)];
    assert_eq!(chosen(&runs, &[commit(1, 3_500)]), "ambiguous_boundary");
    assert_eq!(chosen(&[cleared, run("3", 7_000, 8_000)], &[commit(1, 3_500), commit(2, 7_500)]), "3@2");
}

#[test]
fn a_commit_that_names_a_run_that_was_over_is_no_part_of_any_state() {
    let runs = [run("1", 1_000, 2_000)];
    insta::assert_snapshot!(refused(&runs, &[of("1", commit(1, 3_000))]), @"run 1 finished at 1970-01-01T00:00:02.000Z but is no boundary in c.s.t: version 1 (WRITE by spark, 1970-01-01T00:00:03.000Z) names run 1 and was made when that run was over. The next run that finishes alone, and not within clock_skew of another write, will do; of writers that name their run (commitInfo.job.jobRunId) no clock is asked");
}

#[test]
fn c1_02_no_finished_run_is_a_refusal_and_not_an_error() {
    let runs = [failed("1", 1_000, 2_000), active("2", 3_000)];
    insta::assert_snapshot!(refused(&runs, &[]), @"no run of the workflow has finished with success (2 run(s) seen); the group is synced after the first one that does");
    // a service that has forgotten the run that is held knows of nothing newer
    let held = hold("0", 500, &[("t", 0)]);
    assert_eq!(told(&choose(&runs, &[since_creation(&[])], Some(&held))), "up to date");
}

#[test]
fn a_run_that_finished_a_moment_ago_has_to_settle() {
    let (runs, tables) = ([run("1", 1_000, 2_000)], [since_creation(&[commit(1, 1_500)])]);
    let look = |listed_at| {
        choose_timed(&Observed {
            runs: &runs,
            tables: &tables,
            last: None,
            again: false,
            skew: TimeDelta::milliseconds(100),
            listed_at,
        })
    };
    insta::assert_snapshot!(look(at(2_050)).unwrap_err().to_string(), @"run 1 finished at 1970-01-01T00:00:02.000Z, less than clock_skew before its service was asked; it can be told from the next run at 1970-01-01T00:00:02.101Z");
    assert_eq!(told(&look(at(2_101))), "1@1");
    assert_eq!(settles_at(&runs, None, TimeDelta::milliseconds(100), at(2_050)), Some(at(2_101)));
    assert_eq!(settles_at(&runs, None, TimeDelta::milliseconds(100), at(2_101)), None);
}

#[test]
fn c1_13_one_table_without_a_version_refuses_them_all() {
    let runs = [run("1", 1_000, 2_000)];
    let young =
        TableHistory { table: table("young"), before: Before::Nothing, commits: vec![commit(0, 3_000)] };
    let refusal = choose(&runs, &[since_creation(&[commit(1, 1_500)]), young], None).unwrap_err();
    insta::assert_snapshot!(refusal.to_string(), @"c.s.young did not exist yet when run 1 finished (1970-01-01T00:00:02.000Z); the next run that finishes with it will do");
    let trimmed =
        TableHistory { table: table("t"), before: Before::Trimmed, commits: vec![commit(7, 3_000)] };
    let refusal = choose(&runs, &[trimmed], None).unwrap_err();
    insta::assert_snapshot!(refusal.to_string(), @"c.s.t cannot be read at version 6: its log begins with version 7 (WRITE by spark, 1970-01-01T00:00:03.000Z), and which runs wrote what came before cannot be told any more, as the end of run 1 (1970-01-01T00:00:02.000Z) asks for. A longer `delta.logRetentionDuration` would have kept it; the next run that finishes alone will do");
    // what is kept reaches back far enough
    let kept = TableHistory { table: table("t"), before: Before::Trimmed, commits: vec![commit(7, 1_500)] };
    assert_eq!(told(&choose(&runs, &[kept], None)), "1@7");
}

#[test]
fn histories_are_read_no_further_back_than_it_takes() {
    let runs = [run("1", 1_000, 2_000), active("2", 1_500)];
    let unread = |commits: &[HistoryCommit]| {
        let commits = commits.to_vec();
        [TableHistory { table: table("t"), before: Before::Unread, commits }]
    };
    assert_eq!(told(&choose(&runs, &unread(&[]), None)), "older than 1800");
    let late = unread(&[commit(6, 1_700)]);
    assert_eq!(told(&choose(&runs, &late, None)), "ambiguous_boundary", "a doubt needs no more");
    let named = [of("1", commit(6, 1_700))];
    assert_eq!(told(&choose(&runs, &unread(&named), None)), "older than 1300");
    assert_eq!(told(&choose(&runs, &unread(&[&[commit(5, 1_250)], &named[..]].concat()), None)), "1@6");
    // nothing before what is held is asked for
    let held = hold("0", 900, &[("t", 5)]);
    let known = [TableHistory { table: table("t"), before: Before::Held(5), commits: named.to_vec() }];
    assert_eq!(told(&choose(&runs, &known, Some(&held))), "1@6");
    let nothing_new = [TableHistory { table: table("t"), before: Before::Held(5), commits: Vec::new() }];
    assert_eq!(told(&choose(&runs, &nothing_new, Some(&held))), "1@5");
}

#[test]
fn c3_06_the_order_of_lists_means_nothing_and_a_table_that_joins_makes_a_cut() {
    let (one, two) = (run("1", 1_000, 2_000), run("2", 5_000, 6_000));
    let history = since_creation(&[commit(1, 1_500), commit(2, 5_500)]);
    let other = TableHistory { table: table("u"), ..history.clone() };
    for runs in [[one.clone(), two.clone()], [two, one]] {
        assert_eq!(told(&choose(&runs, &[history.clone(), other.clone()], None)), "2@2,2");
        assert_eq!(told(&choose(&runs, &[other.clone(), history.clone()], None)), "2@2,2");
        let held = hold("2", 6_000, &[("t", 2)]);
        assert_eq!(told(&choose(&runs, std::slice::from_ref(&history), Some(&held))), "up to date");
        assert_eq!(told(&choose(&runs, &[history.clone(), other.clone()], Some(&held))), "2@2,2");
        let both = hold("2", 6_000, &[("t", 2), ("u", 2)]);
        assert_eq!(told(&choose(&runs, std::slice::from_ref(&history), Some(&both))), "up to date");
    }
}

#[test]
fn nothing_older_than_what_is_held_is_chosen() {
    let runs = [run("1", 1_000, 2_000)];
    let held = hold("2", 6_000, &[("t", 2)]);
    let tables = [since_creation(&[commit(1, 1_500), commit(2, 5_500)])];
    assert_eq!(told(&choose(&runs, &tables, Some(&held))), "up to date");
    assert_eq!(finished_behind(&runs, Some(&held)), 0);
}
