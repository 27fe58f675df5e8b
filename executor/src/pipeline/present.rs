//! Refuses a plan of which files are gone, before anything is written.

use futures::TryStreamExt as _;
use futures::future::try_join_all;
use lakedr_control::group_log::History;

use super::scene::{Scene, Stop};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::observe::presence::{Gone, Searched, gone};
use crate::observe::snapshot::Columns;
use crate::observe::source::can_follow;
use crate::observe::table_error::TableError;
use crate::plan::doubt::Doubt;
use crate::plan::group::TablePlan;

/// So few objects are all looked for: that is no more work than to find out which of them to look for.
const FEW: u64 = 256;

/// Makes sure that every object of every table is there, as far as that can be in doubt: of very many objects only
/// those are looked for that newer versions of the table do not need. The copy finds out about the others.
///
/// # Errors
/// [`Refusal::VersionGone`], which says what removed the files.
pub(super) async fn all_present(
    scene: &Scene<'_>,
    history: &History,
    plans: &[TablePlan],
) -> Result<(), Stop> {
    let side = scene.source_side(history);
    let looks = plans.iter().map(|plan| async move {
        let open = |root: &_| scene.stores.open_url(side, root).at(Stage::Plan, plan.name());
        let doubt = doubt(plan).await.at(Stage::Observe, plan.name())?;
        if doubt.spares_the_table() && !plan.source.table.shallow_clone {
            return Ok(());
        }
        let (table, files) = (&plan.source.table.url, plan.diff.totals.source_files);
        let gone = gone(&plan.copies, Searched { table, files, doubt: &doubt }, open).await?;
        if gone.count == 0 {
            return Ok::<_, Stop>(());
        }
        let cause = explain(plan, &gone).await?;
        let version = plan.source.head.version;
        Err(Refusal::VersionGone { table: plan.name().clone(), version, cause }.into())
    });
    try_join_all(looks).await.map(drop)
}

/// What may be gone of the objects of a table.
async fn doubt(plan: &TablePlan) -> Result<Doubt, TableError> {
    if plan.copies.len() <= FEW {
        return Ok(Doubt::All);
    }
    let (source, Ok(translation)) = (&plan.source, plan.translation()) else { return Ok(Doubt::All) };
    let (delta, version) = (source.table.table(), source.head.version);
    let listing = delta.listing_since(version).await?;
    let same = listing.commit(version).is_some_and(|entry| Some(entry.into()) == source.commit);
    let newest = listing.latest_commit().filter(|newest| same && can_follow(&listing, version, *newest));
    match newest {
        Some(newest) => Ok(Doubt::of(&delta.changes(&listing, version, newest).await?, &translation)),
        None => Ok(Doubt::All),
    }
}

/// What removed the files: whether the newest version still names them tells.
async fn explain(plan: &TablePlan, gone: &Gone) -> Result<String, Failure> {
    let mut urls: Vec<String> = gone.named.iter().map(|transfer| transfer.source.to_string()).collect();
    let more = gone.count - urls.len() as u64;
    if more > 0 {
        urls.push(format!("and {more} more"));
    }
    let files = format!("{} of its files are gone ({})", gone.count, urls.join(", "));
    Ok(if still_named(plan, gone).await? {
        format!(
            "{files}, although the newest version of the table still needs them: it is damaged for its own readers \
             too; restore the files from a version or backup of the bucket, or take them out of the table"
        )
    } else {
        format!(
            "{files}: newer versions do not need them, and a VACUUM or somebody else has removed them. The end of a newer \
             run will do; raise delta.deletedFileRetentionDuration above the time between two syncs"
        )
    })
}

async fn still_named(plan: &TablePlan, gone: &Gone) -> Result<bool, Failure> {
    let named = async {
        let delta = plan.source.table.table();
        let latest = delta.snapshot(&delta.listing().await?, None).await?;
        if latest.head.version == plan.source.head.version {
            return Ok(true);
        }
        let translation = plan.translation().ok();
        let files = latest.files(Columns::Identity);
        let mut files = std::pin::pin!(files);
        while let Some((key, add)) = files.try_next().await? {
            let file = translation.as_ref().and_then(|translation| translation.file(&key, &add).ok());
            let keys = file.iter().flat_map(|file| {
                [Some(&file.data.target), file.vector.as_ref().map(|vector| &vector.file.target)]
                    .into_iter()
                    .flatten()
            });
            for key in keys {
                if gone.named.iter().any(|transfer| transfer.target.key == *key) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    named.await.map_err(|error: TableError| crate::error::Classify::at(error, Stage::Observe, plan.name()))
}
