//! The histories of source tables, read from the newest commit backwards.

use super::source::Head;
use crate::cut::{Before, HistoryCommit, TableHistory};
use crate::delta::history::CommitFacts;
use crate::delta::listing::LogListing;
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
    let Some(Run { oldest, latest }) = newest_run(&head.listing) else {
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

/// Commits without a gap.
struct Run {
    oldest: u64,
    latest: u64,
}

/// The commits up to the newest one. Below them a clean-up, or a copy of the log that broke off, may have left others.
fn newest_run(listing: &LogListing) -> Option<Run> {
    let mut versions = listing.commits().map(|(version, _)| version).rev();
    let latest = versions.next()?;
    let gapless = (0..latest).rev().zip(versions).take_while(|(expected, found)| expected == found);
    let oldest = gapless.last().map_or(latest, |(version, _)| version);
    Some(Run { oldest, latest })
}

async fn commits(head: &Head, from: u64, to: u64) -> Result<Vec<HistoryCommit>, Failure> {
    let read = head.table.table().commits(&head.listing, from, to).await;
    Ok(read.at(Stage::Observe, &head.table.name)?.into_iter().map(HistoryCommit::from).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lakedr_control::store::OpenedStore;
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;
    use crate::spec::TableStore;

    /// A table whose log holds these files.
    async fn head(names: &[String]) -> Head {
        let store = Arc::new(InMemory::new());
        for name in names {
            let key = Path::from(format!("t/_delta_log/{name}"));
            store.put(&key, r#"{"commitInfo":{"operation":"WRITE"}}"#.into()).await.expect("written");
        }
        let url = "s3://memory/t".parse().expect("url");
        let place = OpenedStore { store, root: Path::from("t"), url, cloud: None };
        let table = TableStore::at("c.s.t".parse().expect("name"), place);
        let listing = table.table().listing().await.expect("listing");
        Head { table, listing, known: None, newer: None }
    }

    async fn read(names: &[String], since_ms: i64) -> (Before, Vec<u64>) {
        let head = head(names).await;
        let begun = begin(&head).await.expect("begun");
        let history = extend(&head, begun, since_ms).await.expect("history");
        (history.before, history.commits.iter().map(|commit| commit.version).collect())
    }

    #[tokio::test]
    async fn commits_left_below_a_gap_are_no_part_of_the_history() {
        let commits = |versions: std::ops::RangeInclusive<u64>| versions.map(|at| format!("{at:020}.json"));
        let checkpoint = "00000000000000000100.checkpoint.parquet".to_owned();
        let left: Vec<String> = commits(0..=0).chain([checkpoint]).chain(commits(100..=105)).collect();
        for since_ms in [i64::MIN, i64::MAX] {
            assert_eq!(read(&left, since_ms).await, (Before::Trimmed, (100..=105).collect()), "{since_ms}");
        }
        let whole: Vec<String> = commits(0..=5).collect();
        assert_eq!(read(&whole, i64::MIN).await, (Before::Nothing, (0..=5).collect()));
    }
}
