use futures::stream::{Stream, StreamExt as _};

use super::crew::carry_out_all;
use super::group::job;
use super::job::InPlace;
use super::manifest::{ManifestError, Transfer};
use super::means::Means;
use super::receipt::{FileEnd, FileError, FileReceipt};
use crate::error::{Classify as _, Failure, Stage, chain};
use crate::report::Meter;
use crate::spec::Sides;

/// Carries out transfers as they come, and gives a receipt for each as it ends, failed or not. Duplicates are found in
/// place the second time.
///
/// # Errors
/// A line that is no transfer, or an error of `give`; transfers under way are then cut short.
pub async fn copy_lines(
    transfers: impl Stream<Item = Result<Transfer, ManifestError>>,
    sides: &Sides,
    means: &Means,
    mut give: impl FnMut(FileReceipt) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let meter = Meter::default();
    let jobs = transfers.map(|transfer| {
        let transfer = transfer.map_err(|error| error.at(Stage::Copy, "standard input"))?;
        job(transfer, sides, means, &meter)
    });
    let copied = carry_out_all(jobs, |ended| {
        let end = match ended.end {
            Ok(InPlace { size, outcome, e_tag }) => FileEnd::InPlace { size, outcome, e_tag },
            Err(error) => FileEnd::Failed {
                error: FileError {
                    class: error.class(),
                    retryable: error.retryable(),
                    message: chain(&error),
                },
            },
        };
        give(FileReceipt::new(ended.transfer.table, ended.transfer.target, end))
    })
    .await;
    means.uploads().abort_orphans().await;
    copied
}
