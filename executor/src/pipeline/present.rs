//! Refuses a plan of which files are gone, before anything is written.

use futures::TryStreamExt as _;
use futures::future::try_join_all;
use lakedr_control::group_log::History;

use super::scene::{Scene, Stop};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::observe::presence::{Gone, gone};
use crate::observe::snapshot::Columns;
use crate::plan::group::TablePlan;

/// Makes sure that every object of every table is there.
///
/// # Errors
/// [`Refusal::VersionGone`], which says what removed the files.
pub(super) async fn all_present(
    scene: &Scene<'_>,
    history: &History,
    plans: &[TablePlan],
) -> Result<(), Stop> {
    let active = scene.active(history);
    let looks = plans.iter().map(|plan| async move {
        let open = |root: &_| scene.stores.open_url(active, root).at(Stage::Plan, plan.name());
        let gone = gone(&plan.copies, &plan.source.table.url, open).await?;
        if gone.count == 0 {
            return Ok::<_, Stop>(());
        }
        let cause = explain(plan, &gone).await?;
        let version = plan.source.head.version;
        Err(Refusal::VersionGone { table: plan.name().clone(), version, cause }.into())
    });
    try_join_all(looks).await.map(drop)
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
    named.await.map_err(|error: crate::observe::table_error::TableError| {
        crate::error::Classify::at(error, Stage::Observe, plan.name())
    })
}
