//! The head of a Parquet checkpoint: a handful of rows among those of all files, found by the columns that mark them.

use std::ops::{ControlFlow, Range};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::RowSelection;

use super::checkpoint::Unread;
use super::row_group::{RowGroup, Selected};
use crate::delta::action::Action;
use crate::delta::checkpoint::read::{Part, RowError, is_marked, marking, projection, rows};
use crate::observe::table_error::LogDefect;

/// A row group of no more rows is decoded as it is: to look for the head first would be one more request.
const FEW: usize = 4_096;

/// The head actions of a row group.
pub(super) async fn head(group: RowGroup) -> Result<Vec<Action>, Unread> {
    let rows = group.footer.metadata().row_group(group.number).num_rows();
    match usize::try_from(rows).unwrap_or(usize::MAX) {
        0..=FEW => actions(group, None).await,
        rows => match marked(group.clone(), rows).await? {
            Some(selection) => actions(group, Some(selection)).await,
            None => Ok(Vec::new()),
        },
    }
}

/// The rows of the head, if there are any.
async fn marked(group: RowGroup, length: usize) -> Result<Option<RowSelection>, Unread> {
    let metadata = group.footer.metadata().row_group(group.number);
    let columns = marking(group.footer.parquet_schema(), metadata, Part::Head);
    let found = group.fold(Selected { columns, rows: None }, Found::default(), Found::step).await?;
    let some = !found.rows.is_empty();
    Ok(some.then(|| RowSelection::from_consecutive_ranges(found.rows.into_iter(), length)))
}

async fn actions(group: RowGroup, selection: Option<RowSelection>) -> Result<Vec<Action>, Unread> {
    let columns = projection(group.footer.parquet_schema(), Part::Head);
    let (log, key) = (group.log.clone(), group.key.to_string());
    let selected = Selected { columns, rows: selection };
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
