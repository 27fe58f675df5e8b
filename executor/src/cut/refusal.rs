use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use lakedr_control::time;

use super::timed::Doubt;

/// Why there is no cut, and what would have worked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The workflow has not finished a run.
    #[error(
        "no run of the workflow has finished with success ({seen} run(s) seen); the group is synced after the first one that does"
    )]
    NoFinishedRun {
        /// Runs that were seen.
        seen: usize,
    },
    /// Finished runs there are, but none whose end is a state of its own.
    #[error(
        "run {run} finished at {} but is no boundary: run {other} was under way and may have written into the same \
         tables; the next run that finishes alone will do{}", time::format(*ended_at), sentence(remedy)
    )]
    AmbiguousBoundary {
        /// The newest finished run.
        run: String,
        /// When it ended.
        ended_at: DateTime<Utc>,
        /// The run that overlaps its end.
        other: String,
        /// What else can be done; may be empty.
        remedy: String,
    },
    /// A finished run whose end is no state of its own in some table.
    #[error(
        "run {run} finished at {} but is no boundary in {table}: {doubt}. The next run that finishes alone, and not within \
         clock_skew of another write, will do; of writers that name their run (commitInfo.job.jobRunId) no clock is asked",
        time::format(*ended_at)
    )]
    NoBoundary {
        /// The newest finished run.
        run: String,
        /// When it ended.
        ended_at: DateTime<Utc>,
        /// The table.
        table: TableName,
        /// What is in doubt.
        doubt: Box<Doubt>,
    },
    /// The only finished run ended a moment ago.
    #[error(
        "run {run} finished at {}, less than clock_skew before its service was asked; it can be told from the next run at {}",
        time::format(*ended_at), time::format(*settles_at)
    )]
    JustFinished {
        /// The run.
        run: String,
        /// When it ended.
        ended_at: DateTime<Utc>,
        /// From when on it may be cut.
        settles_at: DateTime<Utc>,
    },
    /// The newest finished run holds an older state than the newest recovery point.
    #[error(
        "{table} was at version {recorded} at the newest recovery point, and run {run} ended at version {version}; a \
         cut never goes back. If the table was restored on purpose, let a run finish after it"
    )]
    GoesBack {
        /// The table.
        table: TableName,
        /// The run, or the instant.
        run: String,
        /// Version of the cut.
        version: u64,
        /// Version of the recovery point.
        recorded: u64,
    },
    /// A version can no longer be rebuilt.
    #[error("{table} cannot be read at version {version}: {cause}")]
    VersionGone {
        /// The table.
        table: TableName,
        /// The version.
        version: u64,
        /// What is gone, and what would have worked.
        cause: String,
    },
    /// A table is not there, or was not there at the end of the run.
    #[error("{table} {problem}")]
    TableMissing {
        /// The table.
        table: TableName,
        /// What is missing, and what to do.
        problem: String,
    },
    /// Somebody else wrote into the standby region's table.
    #[error(
        "{table} in the standby region has version {version} that lakedr did not write (by {author}); nothing was \
         overwritten (it should be at version {expected}). Keep writers away from the standby region, and move the \
         folder of that table away: the next sync clones it anew"
    )]
    Diverged {
        /// The table.
        table: TableName,
        /// Its foreign version.
        version: u64,
        /// Who wrote it, as far as the commit says.
        author: String,
        /// The version that it should be at, or that it should not exist.
        expected: String,
    },
    /// The group is in a later epoch, or the spec contradicts the log.
    #[error("{reason}")]
    Fenced {
        /// What is in the way, and what to do.
        reason: String,
    },
    /// The group is paused.
    #[error("the group is paused by {by}")]
    Paused {
        /// The spec, or an operator.
        by: String,
    },
}

/// One more sentence, unless it is empty.
fn sentence(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(". {text}") }
}

impl Refusal {
    /// The type that JSON output and exit code 3 refer to (DESIGN section 6).
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::NoFinishedRun { .. } => "no_finished_run",
            Self::AmbiguousBoundary { .. }
            | Self::NoBoundary { .. }
            | Self::JustFinished { .. }
            | Self::GoesBack { .. } => "ambiguous_boundary",
            Self::VersionGone { .. } => "version_gone",
            Self::TableMissing { .. } => "table_missing",
            Self::Diverged { .. } => "diverged",
            Self::Fenced { .. } => "fenced",
            Self::Paused { .. } => "paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::timed::HistoryCommit;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(refusal: &Refusal) -> &'static str {
        match refusal {
            Refusal::NoFinishedRun { .. } => "NoFinishedRun",
            Refusal::AmbiguousBoundary { .. } => "AmbiguousBoundary",
            Refusal::NoBoundary { doubt, .. } => match **doubt {
                Doubt::Other { .. } => "NoBoundary, Other",
                Doubt::Late { .. } => "NoBoundary, Late",
                Doubt::Straggler { .. } => "NoBoundary, Straggler",
                Doubt::Mixed { .. } => "NoBoundary, Mixed",
            },
            Refusal::JustFinished { .. } => "JustFinished",
            Refusal::GoesBack { .. } => "GoesBack",
            Refusal::VersionGone { .. } => "VersionGone",
            Refusal::TableMissing { .. } => "TableMissing",
            Refusal::Diverged { .. } => "Diverged",
            Refusal::Fenced { .. } => "Fenced",
            Refusal::Paused { .. } => "Paused",
        }
    }
    const NAMES: usize = 13;

    fn doubts() -> [Doubt; 4] {
        let commit = |version, author: Option<&str>| {
            Box::new(HistoryCommit {
                version,
                time_ms: 1_500,
                attempted_ms: None,
                job_run: None,
                maintenance: false,
                operation: Some("WRITE".to_owned()),
                author: author.map(str::to_owned),
            })
        };
        [
            Doubt::Other { commit: commit(1, None), other: "8".to_owned(), since: None },
            Doubt::Late { commit: commit(1, Some("spark")) },
            Doubt::Straggler { commit: commit(1, None), run: "7".to_owned() },
            Doubt::Mixed { after: commit(1, None), before: commit(2, None) },
        ]
    }

    fn all() -> Vec<Refusal> {
        let table: TableName = "c.s.t".parse().unwrap();
        let (run, text) = ("7".to_owned(), |text: &str| text.to_owned());
        let ambiguous = |remedy: &str| Refusal::AmbiguousBoundary {
            run: run.clone(),
            ended_at: at(1),
            other: text("8"),
            remedy: remedy.to_owned(),
        };
        let no_boundary = |doubt| Refusal::NoBoundary {
            run: run.clone(),
            ended_at: at(1),
            table: table.clone(),
            doubt: Box::new(doubt),
        };
        let mut all = vec![
            Refusal::NoFinishedRun { seen: 2 },
            ambiguous(""),
            ambiguous("If run 8 is dead, say so"),
            Refusal::JustFinished { run: run.clone(), ended_at: at(1), settles_at: at(3) },
            Refusal::GoesBack { table: table.clone(), run: run.clone(), version: 4, recorded: 5 },
            Refusal::VersionGone { table: table.clone(), version: 4, cause: text("its log begins later") },
            Refusal::TableMissing { table: table.clone(), problem: text("did not exist yet") },
            Refusal::Diverged {
                table: table.clone(),
                version: 6,
                author: text("somebody-else/1.0"),
                expected: text("5"),
            },
            Refusal::Fenced { reason: text("intent 4 is not finished") },
            Refusal::Paused { by: text("its specification (paused = true)") },
        ];
        all.extend(doubts().map(no_boundary));
        all
    }

    #[test]
    fn every_refusal_says_what_would_have_worked() {
        let all = all();
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let texts: Vec<String> =
            all.iter().map(|refusal| format!("{} [{}]: {refusal}", name(refusal), refusal.tag())).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
