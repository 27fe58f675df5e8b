use std::fmt;

use chrono::DateTime;
use lakedr_control::id::TableName;
use lakedr_control::time;

/// A commit of a source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCommit {
    /// The version that it made.
    pub version: u64,
    /// Its time in milliseconds since the epoch: the in-commit timestamp where there is one, else the time of the log
    /// file, made ascending.
    pub time_ms: i64,
    /// `commitInfo.timestamp`: when its writer tried, by the writer's own clock.
    pub attempted_ms: Option<i64>,
    /// `commitInfo.job.jobRunId`.
    pub job_run: Option<String>,
    /// Whether it changed no logical data.
    pub maintenance: bool,
    /// `commitInfo.operation`.
    pub operation: Option<String>,
    /// Who wrote it, as far as it says.
    pub author: Option<String>,
}

impl fmt::Display for HistoryCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.version)?;
        let operation = self.operation.as_deref().unwrap_or("a commit");
        let at = DateTime::from_timestamp_millis(self.time_ms).map(time::format).unwrap_or_default();
        write!(f, " ({operation}")?;
        if let Some(author) = &self.author {
            write!(f, " by {author}")?;
        }
        write!(f, ", {at})")
    }
}

/// What lies before the first commit of a [`TableHistory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: it made the table.
    Nothing,
    /// This version, which the newest recovery point holds.
    Held(u64),
    /// Commits that have not been read.
    Unread,
    /// Commits that the log no longer has.
    Trimmed,
}

/// The newest commits of a source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHistory {
    /// The table.
    pub table: TableName,
    /// What lies before.
    pub before: Before,
    /// The commits, oldest first, without gaps.
    pub commits: Vec<HistoryCommit>,
}
