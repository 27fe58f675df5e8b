//! The head of a Parquet checkpoint: a handful of rows among those of all files, found by the columns that mark them.

use std::ops::{ControlFlow, Range};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::RowSelection;

use super::checkpoint::Unread;
use super::row_group::{RowGroup, Selected};
use crate::delta::action::Action;
use crate::delta::checkpoint::read::{Part, RowError, is_marked, marking, projection, rows};
use crate::observe::table_error::LogDefect;

/// The head actions of a row group.
pub(super) async fn head(group: RowGroup) -> Result<Vec<Action>, Unread> {
    let metadata = group.footer.metadata().row_group(group.number);
    let length = usize::try_from(metadata.num_rows()).unwrap_or_default();
    let columns = marking(group.footer.parquet_schema(), metadata, Part::Head);
    let marked = Selected { columns, rows: None };
    let found = group.clone().fold(marked, Found::default(), Found::step).await?;
    if found.rows.is_empty() {
        return Ok(Vec::new());
    }
    let columns = projection(group.footer.parquet_schema(), Part::Head);
    let selection = RowSelection::from_consecutive_ranges(found.rows.into_iter(), length);
    let (log, key) = (group.log.clone(), group.key.to_string());
    let selected = Selected { columns, rows: Some(selection) };
    let read: Result<Vec<Action>, RowError> = group.fold(selected, Ok(Vec::new()), step).await?;
    read.map_err(|source| Unread::Failed(log.corrupt(LogDefect::Row { key, source })))
}

/// The rows of the head among those that have passed.
#[derive(Debug, Default)]
struct Found {
    passed: usize,
    rows: Vec<Range<usize>>,
}

impl Found {
    fn step(&mut self, batch: &RecordBatch) -> ControlFlow<()> {
        for row in (0..batch.num_rows()).filter(|row| is_marked(batch, *row)) {
            let at = self.passed + row;
            match self.rows.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => self.rows.push(at..at + 1),
            }
        }
        self.passed += batch.num_rows();
        ControlFlow::Continue(())
    }
}

fn step(read: &mut Result<Vec<Action>, RowError>, batch: &RecordBatch) -> ControlFlow<()> {
    match (rows(batch), read) {
        (Ok(found), Ok(actions)) => {
            actions.extend(found);
            ControlFlow::Continue(())
        }
        (Err(error), read) => {
            *read = Err(error);
            ControlFlow::Break(())
        }
        (_, Err(_)) => ControlFlow::Break(()),
    }
}
