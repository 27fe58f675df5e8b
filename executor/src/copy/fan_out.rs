use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::limit::RateLimit;
use super::transfer::{Transferred, transfer};
use crate::error::{At as _, Failure, Stage};
use crate::plan::diff::FileCopy;
use crate::report::Progress;
use crate::spec::TableStore;

/// Files of a group that move at the same time.
const IN_FLIGHT: usize = 16;

/// The files of one table that have to move.
#[derive(Debug, Clone, Copy)]
pub struct CopyJob<'a> {
    /// From where.
    pub source: &'a TableStore,
    /// To where.
    pub target: &'a TableStore,
    /// Which.
    pub files: &'a [FileCopy],
}

/// Proof that every file of a group is in place. Publishing asks for it, and only copying hands it out.
#[derive(Debug)]
pub struct Receipt {
    per_table: Vec<TableReceipt>,
}

#[derive(Debug, Default, Clone, Copy)]
struct TableReceipt {
    moved_files: u64,
    moved_bytes: u64,
}

impl Receipt {
    /// Files and bytes that moved for the table at this place in the list of jobs; files that an earlier attempt
    /// had left in place count as moved by nobody.
    #[must_use]
    pub fn moved(&self, table: usize) -> (u64, u64) {
        self.per_table.get(table).map_or((0, 0), |receipt| (receipt.moved_files, receipt.moved_bytes))
    }
}

/// Copies every file of every job, many at a time.
///
/// # Errors
/// The first failure; files that have moved stay and are reused by the next attempt.
pub async fn copy_all(
    jobs: &[CopyJob<'_>],
    limit: &RateLimit,
    progress: &Progress,
) -> Result<Receipt, Failure> {
    let files = jobs
        .iter()
        .enumerate()
        .flat_map(|(table, job)| job.files.iter().map(move |file| (table, *job, file)));
    let moves = files.map(|(table, job, file)| async move {
        let moved = transfer(job.source, job.target, file, limit).await.at(Stage::Copy, &job.source.name)?;
        progress.file_done(file.size);
        Ok::<_, Failure>((table, moved))
    });
    let per_table = vec![TableReceipt::default(); jobs.len()];
    let per_table = stream::iter(moves)
        .buffer_unordered(IN_FLIGHT)
        .try_fold(per_table, |mut receipts, (table, moved)| async move {
            if let (Some(receipt), Transferred::Moved(bytes)) = (receipts.get_mut(table), moved) {
                receipt.moved_files += 1;
                receipt.moved_bytes += bytes;
            }
            Ok(receipts)
        })
        .await?;
    Ok(Receipt { per_table })
}
