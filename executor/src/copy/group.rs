use futures::stream::{self, Stream};

use super::crew::{Ended, carry_out_all};
use super::job::{Job, Presence};
use super::manifest::{Manifest, Transfer};
use super::means::Means;
use super::object::Object;
use super::present::Present;
use super::receipt::{Receipt, Tally};
use super::retry::Patience;
use crate::error::{At as _, Failure, Stage};
use crate::report::{Meter, Progress};
use crate::spec::Sides;

/// Puts every file of a manifest in place, many at a time.
///
/// # Errors
/// The first failure; nothing goes on after it. Files that have moved stay, and the next attempt finds them.
pub async fn copy_all(
    manifest: &Manifest,
    sides: &Sides,
    means: &Means,
    progress: &Progress,
) -> Result<Receipt, Failure> {
    let sorted;
    let manifest = if manifest.is_by_target() {
        manifest
    } else {
        sorted = manifest.by_target().at(Stage::Copy, "manifest")?;
        &sorted
    };
    let mut tally = Tally::default();
    let told = |ended: Ended| {
        let (transfer, placed) = ended.placed()?;
        tally.count(&transfer.table, placed.size, placed.outcome);
        Ok(())
    };
    let meter = progress.meter();
    let copied = carry_out_all(jobs(manifest, sides, means, &meter), told).await;
    means.uploads().abort_orphans().await;
    copied.map(|()| tally.complete())
}

/// The jobs of a sorted manifest, each with what a listing tells of its target.
fn jobs<'a>(
    manifest: &'a Manifest,
    sides: &'a Sides,
    means: &'a Means,
    meter: &'a Meter,
) -> impl Stream<Item = Result<Job, Failure>> + 'a {
    let state = (manifest.iter(), None::<Present>);
    stream::try_unfold(state, move |(mut transfers, mut present)| async move {
        let Some(transfer) = transfers.next().transpose().at(Stage::Copy, "manifest")? else {
            return Ok(None);
        };
        let mut job = job(transfer, sides, means, meter)?;
        let root = &job.transfer.target.root;
        if present.as_ref().is_none_or(|present| present.root() != root) {
            let files = manifest.targets().get(root).copied().unwrap_or_default();
            present = Some(Present::below(&job.target.opened, root, files));
        }
        if let Some(present) = &mut present {
            job.presence = present.of(&job.transfer, &job.target.path).await;
        }
        Ok(Some((job, (transfers, present))))
    })
}

/// Opens both ends of a transfer. Nothing is sent.
pub(super) fn job(transfer: Transfer, sides: &Sides, means: &Means, meter: &Meter) -> Result<Job, Failure> {
    let source = sides.source(&transfer.source.root).at(Stage::Copy, &transfer.table)?;
    let target = sides.target(&transfer.target.root).at(Stage::Copy, &transfer.table)?;
    Ok(Job {
        source: Object::new(&source, &transfer.source),
        target: Object::new(&target, &transfer.target),
        transfer,
        presence: Presence::Unknown,
        means: means.clone(),
        meter: meter.clone(),
        patience: Patience::default(),
    })
}
