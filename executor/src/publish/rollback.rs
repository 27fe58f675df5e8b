//! Bringing tables back to the newest recovery point after a foreign commit slipped between the slots of an intent.
//!
//! Every table that lakedr alone has written since gets a fresh slot behind its head, also when nothing of the
//! broken intent reached it: an executor that was paused in the middle of the broken intent then finds its slot
//! taken, wherever it wakes up.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lakedr_control::cut::Cut;
use lakedr_control::id::{Name, TableName};
use uuid::Uuid;

use super::intent::Offer;
use crate::delta::history::CommitFacts;
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::{Copies, difference};
use crate::plan::commit_body::CloneContext;
use crate::plan::diff::TableDiff;
use crate::plan::own_app_id;
use crate::spec::TableStore;

/// What every commit of a rollback or restore says.
pub(crate) struct RollbackContext<'a> {
    pub(crate) group: &'a Name,
    pub(crate) cut: &'a Cut,
    pub(crate) seq: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) txn_id: Uuid,
}

/// The commit that brings one table back to the recovery point, `None` when somebody else has written to it since.
pub(super) async fn offer(
    context: &RollbackContext<'_>,
    table: &TableStore,
    recorded: u64,
) -> Result<Option<Offer>, Failure> {
    let delta = table.table();
    let name = table.name.clone();
    let listing = delta.listing().await.at(Stage::Publish, &name)?;
    let head = listing.latest_commit().unwrap_or(recorded);
    let since = delta.commits(&listing, recorded + 1, head).await.at(Stage::Publish, &name)?;
    if head < recorded || !since.iter().all(|commit| is_ours(commit, context.group, &name)) {
        return Ok(None);
    }
    back_to(context, table, (recorded, head)).await.map(Some)
}

/// The commit that makes a table of which the newest version is known what it was at an older one.
pub(crate) async fn back_to(
    context: &RollbackContext<'_>,
    table: &TableStore,
    (version, head): (u64, u64),
) -> Result<Offer, Failure> {
    let delta = table.table();
    let name = table.name.clone();
    let listing = delta.listing().await.at(Stage::Publish, &name)?;
    let wanted = delta.snapshot(&listing, Some(version)).await.at(Stage::Publish, &name)?;
    let current = delta.snapshot(&listing, Some(head)).await.at(Stage::Publish, &name)?;
    // its files are in the same table, so there is nothing to copy
    let mut copies = Copies::between(table, table);
    let translation = table.translation().at(Stage::Publish, &name)?;
    let (files, totals) =
        difference(&wanted, translation, &current, &mut copies).await.at(Stage::Publish, &name)?;
    let diff = TableDiff::new(&wanted.head, Some(&current.head), files, totals);
    let text = name.to_string();
    let body = diff.commit_body(&CloneContext {
        // an existing table keeps its own id
        target_table_id: Uuid::nil(),
        group: context.group.as_str(),
        table: &text,
        source_url: table.url.as_str(),
        cut_id: &context.cut.id,
        seq: context.seq,
        now_ms: context.at.timestamp_millis(),
        target_version: head + 1,
        previous_in_commit_timestamp: current.head.in_commit_timestamp,
        source_commit_timestamp_ms: context.cut.as_of.timestamp_millis(),
        txn_id: context.txn_id,
    });
    let url = table.url.to_string();
    Ok(Offer { table: name, url, version: head + 1, hidden: false, body: Bytes::from(body), warehouse: None })
}

/// Whether a commit was written by lakedr for this table of this group.
pub(crate) fn is_ours(commit: &CommitFacts, group: &Name, table: &TableName) -> bool {
    commit.txns.contains_key(&own_app_id(group, table))
}
