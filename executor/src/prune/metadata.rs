//! Removing what is spent beside the group log.

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use lakedr_control::group_log::{RecoveryPoint, WholeLog};
use lakedr_control::layout;

use super::keep::{LogView, MetadataObject, is_spent};
use super::report::MetadataReport;
use crate::error::{At as _, Failure, Stage, chain};
use crate::pipeline::Scene;

/// Objects that are deleted at the same time.
const IN_FLIGHT: usize = 16;

/// Removes the bodies of commits that were made long ago, and the records of recovery points that are not kept.
///
/// # Errors
/// When the home of the log cannot be listed. An object that cannot be deleted is counted.
pub(super) async fn prune_metadata(
    scene: &Scene<'_>,
    log: &WholeLog,
    kept: &[RecoveryPoint],
    now: DateTime<Utc>,
    dry_run: bool,
) -> Result<MetadataReport, Failure> {
    let group = &scene.group.name;
    let landed = log.history.state.as_ref().and_then(|state| state.landed.as_ref()).map(|landed| landed.seq);
    let view = LogView {
        written: log.entries.iter().map(|entry| (entry.seq, entry.at)).collect(),
        kept_records: kept.iter().map(|point| point.intent).chain(landed).collect(),
    };
    let store = scene.log.home_store(&log.history);
    let mut keys = store.list(&layout::pending_bodies(group)).await.at(Stage::Observe, group)?;
    keys.extend(store.list(&layout::table_records(group)).await.at(Stage::Observe, group)?);
    let object = |key: &str| {
        let body = layout::pending_body_seq(group, key).map(MetadataObject::Body);
        body.or_else(|| layout::table_record_seq(group, key).map(MetadataObject::Record))
    };
    keys.retain(|key| object(key).is_some_and(|object| is_spent(object, &view, now)));
    let mut report = MetadataReport { removed: keys.len() as u64, refused: 0 };
    if dry_run {
        return Ok(report);
    }
    let deletes = keys.iter().map(|key| async move { store.delete(key).await });
    let mut deletes = stream::iter(deletes.collect::<Vec<_>>()).buffer_unordered(IN_FLIGHT);
    while let Some(deleted) = deletes.next().await {
        if let Err(error) = deleted {
            tracing::warn!(%group, "{}", chain(&error));
            report.removed -= 1;
            report.refused += 1;
        }
    }
    Ok(report)
}
