use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::limit::RateLimit;
use super::receipt::{Outcome, Receipt, Tally};
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

/// Copies every file of every job, many at a time.
///
/// # Errors
/// The first failure; files that have moved stay and are reused by the next attempt.
pub async fn copy_all(
    jobs: &[CopyJob<'_>],
    limit: &RateLimit,
    progress: &Progress,
) -> Result<Receipt, Failure> {
    let files = jobs.iter().flat_map(|job| job.files.iter().map(move |file| (*job, file)));
    let moves = files.map(|(job, file)| async move {
        let moved = transfer(job.source, job.target, file, limit).await.at(Stage::Copy, &job.source.name)?;
        progress.file_done(file.size);
        Ok::<_, Failure>((&job.source.name, moved))
    });
    let tally = stream::iter(moves)
        .buffer_unordered(IN_FLIGHT)
        .try_fold(Tally::default(), |mut tally, (table, moved)| async move {
            match moved {
                Transferred::Moved(bytes) => tally.count(table, bytes, Outcome::Moved),
                Transferred::Found(bytes) => tally.count(table, bytes, Outcome::Found),
            }
            Ok(tally)
        })
        .await?;
    Ok(tally.complete())
}
