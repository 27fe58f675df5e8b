//! The histories of source tables, read from the newest commit backwards.

use super::source::Head;
use crate::cut::{Before, HistoryCommit, TableHistory};
use crate::delta::history::CommitFacts;
use crate::delta::timestamp::adjusted_times;
use crate::error::{At as _, Failure, Stage};

/// Commits that are read at least when older ones are asked for.
const STEP: u64 = 10;

impl From<CommitFacts> for HistoryCommit {
    fn from(facts: CommitFacts) -> Self {
        Self {
            version: facts.version,
            time_ms: facts.timestamp_ms,
            attempted_ms: facts.attempted_at_ms,
            job_run: facts.job_run_id,
            maintenance: !facts.logical_change,
            operation: facts.operation,
            author: facts.user_name.or(facts.engine_info),
        }
    }
}

/// The history of a table as far as it is short: what came since the newest recovery point, if that is known; else nothing
/// yet.
///
/// # Errors
/// When the log cannot be read.
pub(super) async fn begin(head: &Head) -> Result<TableHistory, Failure> {
    let unread = TableHistory { table: head.table.name.clone(), before: Before::Unread, commits: Vec::new() };
    let Some(known) = &head.known else { return Ok(unread) };
    let held = known.source.head.version;
    let latest = head.listing.latest_commit().unwrap_or(held);
    let commits = if latest > held { commits(head, held + 1, latest).await? } else { Vec::new() };
    Ok(TableHistory { before: Before::Held(held), commits, ..unread })
}

/// The same history with older commits: at least some more, or all that there are, and those since a moment (in
/// milliseconds since the epoch) as far as the times of the log's files tell which these are.
///
/// # Errors
/// When the log cannot be read.
pub(super) async fn extend(
    head: &Head,
    mut history: TableHistory,
    since_ms: i64,
) -> Result<TableHistory, Failure> {
    let reaches = history.commits.first().is_some_and(|first| first.time_ms < since_ms);
    if history.before != Before::Unread || reaches {
        return Ok(history);
    }
    let (Some((oldest, _)), Some(latest)) = (head.listing.commits().next(), head.listing.latest_commit())
    else {
        return Ok(TableHistory { before: Before::Trimmed, ..history });
    };
    let first = history.commits.first().map_or(latest + 1, |first| first.version);
    let times = adjusted_times(&head.listing);
    let before = times.range(..first).rev().find(|(_, time_ms)| **time_ms < since_ms);
    let from = before.map_or(oldest, |(version, _)| *version);
    let from = from.min(first.saturating_sub(STEP)).max(oldest);
    if from < first {
        let mut older = commits(head, from, first - 1).await?;
        older.append(&mut history.commits);
        history.commits = older;
    }
    if from == oldest {
        history.before = if oldest == 0 { Before::Nothing } else { Before::Trimmed };
    }
    Ok(history)
}

async fn commits(head: &Head, from: u64, to: u64) -> Result<Vec<HistoryCommit>, Failure> {
    let read = head.table.table().commits(&head.listing, from, to).await;
    Ok(read.at(Stage::Observe, &head.table.name)?.into_iter().map(HistoryCommit::from).collect())
}
