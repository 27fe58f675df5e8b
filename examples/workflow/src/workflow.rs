//! The three steps of a run.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use deltalake::arrow::temporal_conversions::date32_to_datetime;
use serde_json::{Map, Value, json};

use crate::batches;
use crate::lake::{Lake, Table};
use crate::orders;

/// A step of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// What came in is appended to cat.raw.bronze
    Bronze,
    /// The days that it is about are replaced in cat.stage.silver
    Silver,
    /// All of cat.mart.gold is replaced
    Gold,
}

/// Run `number`, up to and including a step.
pub(crate) async fn run(lake: &Lake, number: u32, last: Step) -> Result<()> {
    lake.append(&bronze(), batches::bronze(&orders::brought_by(number))?, number).await?;
    if last >= Step::Silver {
        replace_days(lake, number).await?;
    }
    if last >= Step::Gold {
        lake.replace(&gold(), batches::gold(&orders::totals(number))?, None).await?;
    }
    Ok(())
}

/// The day of the run, and the day before it, which the run corrects.
async fn replace_days(lake: &Lake, number: u32) -> Result<()> {
    let touched: Vec<u32> = (number.saturating_sub(1).max(1)..=number).collect();
    let rows: Vec<_> = touched.iter().flat_map(|&day_run| orders::standing(day_run, number)).collect();
    let days: Option<Vec<String>> = touched.iter().map(|&day_run| partition_value(day_run)).collect();
    let days = days.context("a day outside the calendar")?;
    lake.replace(&silver(), batches::silver(&rows)?, Some(("day", &days))).await
}

/// The day of a run as Delta writes partition values of type date.
fn partition_value(day_run: u32) -> Option<String> {
    Some(date32_to_datetime(orders::day_of(day_run))?.date().to_string())
}

/// Version and rows of each table that exists.
pub(crate) async fn count(lake: &Lake) -> Result<Value> {
    let mut counts = Map::new();
    for table in [bronze(), silver(), gold()] {
        if let Some(held) = lake.held(table.name).await? {
            counts.insert(table.name.to_owned(), json!({"version": held.version, "rows": held.rows}));
        }
    }
    Ok(Value::Object(counts))
}

fn bronze() -> Table {
    Table { name: "cat.raw.bronze", columns: batches::bronze_columns(), partitioned_by: &["day", "place"] }
}

fn silver() -> Table {
    Table { name: "cat.stage.silver", columns: batches::silver_columns(), partitioned_by: &["day"] }
}

fn gold() -> Table {
    Table { name: "cat.mart.gold", columns: batches::gold_columns(), partitioned_by: &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn counts(lake: &Lake) -> Vec<(u64, u64)> {
        let found = count(lake).await.unwrap();
        let pair = |table: Table| (found[table.name]["version"].as_u64(), found[table.name]["rows"].as_u64());
        [bronze(), silver(), gold()].map(pair).into_iter().filter_map(|(v, r)| v.zip(r)).collect()
    }

    #[tokio::test]
    async fn runs_append_replace_and_aggregate() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open(dir.path().to_str().unwrap()).unwrap();
        assert!(counts(&lake).await.is_empty());
        run(&lake, 1, Step::Gold).await.unwrap();
        assert_eq!(counts(&lake).await, [(1, 3000), (1, 2850), (1, 3)]);
        run(&lake, 2, Step::Gold).await.unwrap();
        assert_eq!(counts(&lake).await, [(2, 6600), (2, 5700), (2, 6)]);
    }

    #[tokio::test]
    async fn a_run_cut_short_is_completed_by_calling_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open(dir.path().to_str().unwrap()).unwrap();
        run(&lake, 1, Step::Bronze).await.unwrap();
        assert_eq!(counts(&lake).await, [(1, 3000)]);
        run(&lake, 1, Step::Gold).await.unwrap();
        assert_eq!(counts(&lake).await, [(1, 3000), (1, 2850), (1, 3)], "bronze is not appended to twice");
    }
}
