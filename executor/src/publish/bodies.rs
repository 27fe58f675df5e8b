//! The commits of a plan, written and stored one at a time: a table of millions of files is never held whole.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::group_log::{FailureClass, History, IntentSlot};

use super::intent::{Offer, next_seq, store_body};
use crate::error::{At as _, Classify, Failure, Stage};
use crate::observe::snapshot::{Columns, Snapshot};
use crate::pipeline::Scene;
use crate::plan::commit_body::{CloneContext, CommitBody};
use crate::plan::diff::{AddAction, DiffRefusal, FILES_PER_COMMIT, FileChange};
use crate::plan::group::{GroupPlan, TablePlan};

/// Tables whose commits are written at the same time.
const TABLES_IN_FLIGHT: usize = 8;

/// The source was read twice and did not say the same.
#[derive(Debug, thiserror::Error)]
#[error("version {version} of {url} had {planned} live files when it was planned, and has {found}; sync again")]
struct SourceChanged {
    url: String,
    version: u64,
    planned: u64,
    found: u64,
}

impl Classify for SourceChanged {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }

    fn retryable(&self) -> bool {
        true
    }
}

/// Writes and stores every commit of a plan, for the intent that follows on `history`.
///
/// # Errors
/// When a source cannot be read or the home of the log cannot be written.
pub async fn store_bodies(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
    at: DateTime<Utc>,
) -> Result<Vec<IntentSlot>, Failure> {
    let seq = next_seq(history);
    let tables = plan.tables.iter().map(|table| async move {
        let name = table.source.name.to_string();
        let txn_id = scene.world.fresh_id();
        let Some(context) = table.context(&scene.group.name, &name, &plan.cut.id, seq, at, txn_id) else {
            return Ok(Vec::new());
        };
        match (&table.diff.files, &table.snapshot) {
            (FileChange::Everything, Some(snapshot)) => {
                everything(scene, history, table, snapshot, context).await
            }
            _ => {
                let body = table.diff.commit_body(&context);
                let offer = offer(table, context.target_version, false, body);
                Ok(vec![store_body(scene, history, &offer).await?])
            }
        }
    });
    let tables: Vec<_> = tables.collect();
    let slots: Vec<Vec<IntentSlot>> =
        stream::iter(tables).buffered(TABLES_IN_FLIGHT).try_collect::<Vec<_>>().await?;
    Ok(slots.into_iter().flatten().collect())
}

fn offer(table: &TablePlan, version: u64, hidden: bool, body: Vec<u8>) -> Offer {
    let (name, url) = (table.source.name.clone(), table.target.url.clone());
    Offer { table: name, url, version, hidden, body: Bytes::from(body) }
}

/// The commits of a first clone: every live file of the source passes once more.
async fn everything(
    scene: &Scene<'_>,
    history: &History,
    table: &TablePlan,
    snapshot: &Snapshot,
    context: CloneContext<'_>,
) -> Result<Vec<IntentSlot>, Failure> {
    let name = &table.source.name;
    let replica = table.replica().at(Stage::Publish, name)?;
    let files = snapshot.files(Columns::All);
    let mut files = std::pin::pin!(files);
    let mut body = CommitBody::first(&table.diff, &context);
    let (mut slots, mut files_seen, mut in_body) = (Vec::new(), 0_u64, 0_u64);
    while let Some((key, add)) = files.try_next().await.at(Stage::Publish, name)? {
        if in_body == FILES_PER_COMMIT {
            let version = context.target_version + slots.len() as u64;
            let offered = offer(table, version, !slots.is_empty(), body.finish());
            slots.push(store_body(scene, history, &offered).await?);
            let context = context.later(slots.len() as u64, scene.world.fresh_id());
            (body, in_body) = (CommitBody::further(&table.diff, &context), 0);
        }
        let add = replica.file(&key, &add).map_err(DiffRefusal::File).at(Stage::Publish, name)?.add;
        body.add(&AddAction { raw: add.raw, data_change: true });
        in_body += 1;
        files_seen += 1;
    }
    let version = context.target_version + slots.len() as u64;
    let offered = offer(table, version, !slots.is_empty(), body.finish());
    slots.push(store_body(scene, history, &offered).await?);
    let planned = table.diff.totals.source_files;
    if files_seen != planned {
        let url = table.source.url.to_string();
        let version = table.diff.source_version;
        return Err(SourceChanged { url, version, planned, found: files_seen }.at(Stage::Publish, name));
    }
    Ok(slots)
}
