use std::collections::{BTreeMap, BTreeSet};

use lakedr_control::id::Name;

use super::error::MetadataError;
use super::keep::{made, table};
use super::mark::forget;
use super::rows::{Commit, Row, SYNC_METADATA, app_group, app_id};
use super::table::{Committed, MetadataTable};
use crate::pipeline::Scene;

/// Lost races before a rebuild gives up.
const RACES: usize = 16;

/// A table that was written anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RebuiltTable {
    /// Where it is.
    pub url: String,
    /// The groups whose rows it holds.
    pub groups: Vec<Name>,
    /// How many rows it holds.
    pub rows: usize,
}

/// The rows of the groups of one location.
struct Content<'a> {
    table: MetadataTable,
    scene: &'a Scene<'a>,
    history: lakedr_control::group_log::History,
    rows: Vec<Row>,
    progress: BTreeMap<Name, u64>,
}

/// Writes the sync metadata tables anew from the whole logs of these groups: one in each location where a log goes on.
/// Rows of other groups go; a group that is declared elsewhere writes its own again with its next entry.
///
/// # Errors
/// When a log cannot be read or a table cannot be written; the tables that were written before stay so.
pub async fn rebuild_metadata(scenes: &[Scene<'_>]) -> Result<Vec<RebuiltTable>, MetadataError> {
    let mut contents: BTreeMap<String, Content<'_>> = BTreeMap::new();
    for scene in scenes {
        let whole = scene.log.read_all().await?;
        let Some(state) = whole.history.state.clone() else { continue };
        let table = table(scene, &whole.history)?;
        let rows = made(scene, &whole.entries, &BTreeMap::new(), &state);
        let content = contents.entry(table.url().to_owned()).or_insert_with(|| Content {
            table,
            scene,
            history: whole.history,
            rows: Vec::new(),
            progress: BTreeMap::new(),
        });
        content.rows.extend(rows);
        content.progress.insert(scene.group.name.clone(), state.seq());
    }
    let mut rebuilt = Vec::new();
    for (url, content) in contents {
        write(&content).await?;
        rebuilt.push(RebuiltTable {
            url,
            groups: content.progress.keys().cloned().collect(),
            rows: content.rows.len(),
        });
    }
    Ok(rebuilt)
}

async fn write(content: &Content<'_>) -> Result<(), MetadataError> {
    let Content { table, scene, rows, .. } = content;
    let name = format!("rebuilt-{}.parquet", scene.world.fresh_id());
    let file = if rows.is_empty() { None } else { Some(table.put(name, rows).await?) };
    for _ in 0..RACES {
        let opened = table.open().await?;
        let now_ms = scene.world.now().timestamp_millis();
        let (metadata, removes, known) = match &opened {
            Some(opened) => {
                let known: BTreeSet<Name> =
                    opened.snapshot.head.txns.keys().filter_map(|app| app_group(app)).collect();
                (opened.metadata()?, table.files(opened).await?, known)
            }
            None => (
                Some(Commit::new_table(SYNC_METADATA, scene.world.fresh_id(), now_ms)),
                Vec::new(),
                BTreeSet::new(),
            ),
        };
        let others = known.iter().filter(|group| !content.progress.contains_key(*group));
        let progress = content.progress.iter().map(|(group, seq)| (app_id(group), *seq));
        let commit = Commit {
            now_ms,
            txn_id: scene.world.fresh_id(),
            on: opened.as_ref().map(|opened| opened.snapshot.head.version),
            metadata,
            progress: progress.chain(others.clone().map(|group| (app_id(group), 0))).collect(),
            removes,
            adds: file.clone().into_iter().collect(),
        };
        if table.commit(&commit).await? == Committed::Done {
            table.checkpoint(opened.as_ref(), now_ms).await;
            let store = scene.log.home_store(&content.history);
            forget(store, content.progress.keys().chain(others).cloned()).await;
            return Ok(());
        }
    }
    Err(MetadataError::Busy { tries: RACES })
}
