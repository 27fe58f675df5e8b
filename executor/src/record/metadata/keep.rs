use std::collections::BTreeMap;
use std::time::Duration;

use lakedr_control::group_log::{Entry, Event, GroupState, History};
use lakedr_control::layout;
use lakedr_control::validate::SideName;

use super::error::MetadataError;
use super::mark::Mark;
use super::rows::{Commit, DataFile, Declared, Row, SYNC_METADATA, app_id, rows};
use super::table::{Committed, MetadataTable, Opened};
use crate::error::chain;
use crate::pipeline::Scene;

/// Lost races for the next version before a call leaves its rows to the next one.
const RACES: usize = 16;

/// The longest wait after a lost race; it is drawn by lot, so that those who lost together do not meet again.
const APART: Duration = Duration::from_millis(400);

/// Writing rows may not hold up the next sync for longer.
const WITHIN: Duration = Duration::from_secs(60);

/// Brings the rows of a group in the sync metadata table up to its log. Best effort: what is missing afterwards, the next
/// call writes.
pub async fn keep_metadata(scene: &Scene<'_>, history: &History) {
    let kept = tokio::time::timeout(WITHIN, keep(scene, history)).await;
    let problem = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("it took longer than {} s; the next call goes on", WITHIN.as_secs()),
    };
    tracing::warn!(group = %scene.group.name, "the sync metadata table is not up to date: {problem}");
}

async fn keep(scene: &Scene<'_>, history: &History) -> Result<(), MetadataError> {
    let Some(state) = &history.state else { return Ok(()) };
    let mark = Mark::read(scene, history).await;
    if mark.seq >= state.seq() {
        return Ok(());
    }
    let _turn = scene.world.metadata_turn.lock().await;
    let table = table(scene, history)?;
    let app = app_id(&scene.group.name);
    let mut ready: Option<(u64, DataFile)> = None;
    for _ in 0..RACES {
        let opened = table.open().await?;
        let known = opened.as_ref().map_or(0, |opened| opened.progress(&app));
        if let Some((_, file)) = ready.take_if(|(behind, _)| *behind != known) {
            table.discard(&file).await;
        }
        let file = match &ready {
            Some((_, file)) => file.clone(),
            None => match put(scene, history, state, &table, known).await? {
                Some(file) => ready.insert((known, file)).1.clone(),
                None => {
                    mark.write(scene, history, state.seq()).await;
                    return Ok(());
                }
            },
        };
        let commit = append(scene, opened.as_ref(), vec![(app.clone(), state.seq())], file)?;
        if table.commit(&commit).await? == Committed::Done {
            table.checkpoint(opened.as_ref(), commit.now_ms).await;
            mark.write(scene, history, state.seq()).await;
            return Ok(());
        }
        tokio::time::sleep(APART.mul_f64(lot(scene))).await;
    }
    if let Some((_, file)) = &ready {
        table.discard(file).await;
    }
    Err(MetadataError::Busy { tries: RACES })
}

/// A file of the rows behind an entry, which no commit names; none when there are no such rows.
async fn put(
    scene: &Scene<'_>,
    history: &History,
    state: &GroupState,
    table: &MetadataTable,
    known: u64,
) -> Result<Option<DataFile>, MetadataError> {
    let rows = rows_behind(scene, history, state, known).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let name = format!("{}-{:020}-{}.parquet", scene.group.name, last.seq, scene.world.fresh_id());
    table.put(name, &rows).await.map(Some)
}

/// A number between 0 and 1.
fn lot(scene: &Scene<'_>) -> f64 {
    let [byte, ..] = scene.world.fresh_id().into_bytes();
    f64::from(byte) / f64::from(u8::MAX)
}

/// The table in the location where the log goes on.
pub(super) fn table(scene: &Scene<'_>, history: &History) -> Result<MetadataTable, MetadataError> {
    let home = scene.log.home_url(history);
    let sides = SideName::BOTH;
    let side = sides.into_iter().find(|side| scene.stores.location(*side).url() == home);
    let place = scene
        .stores
        .below_location(side.unwrap_or(scene.standby(history)), &layout::sync_metadata_table())?;
    MetadataTable::at(place, SYNC_METADATA)
}

/// The rows of a group behind an entry of its log.
async fn rows_behind(
    scene: &Scene<'_>,
    history: &History,
    state: &GroupState,
    known: u64,
) -> Result<Vec<Row>, MetadataError> {
    let stretch = scene.log.entries_behind(history, known).await?;
    let mut intents = BTreeMap::new();
    for entry in &stretch {
        let Event::Published { intent, .. } = &entry.event else { continue };
        if *intent <= known
            && let Some(entry) = scene.log.entry_at(history, *intent).await?
        {
            intents.insert(*intent, entry);
        }
    }
    Ok(made(scene, &stretch, &intents, state))
}

pub(super) fn made(
    scene: &Scene<'_>,
    stretch: &[Entry],
    intents: &BTreeMap<u64, Entry>,
    state: &GroupState,
) -> Vec<Row> {
    rows(stretch, intents, &state.role, |active| Declared::of(scene.group, active))
}

fn append(
    scene: &Scene<'_>,
    opened: Option<&Opened>,
    progress: Vec<(String, u64)>,
    file: DataFile,
) -> Result<Commit, MetadataError> {
    let now_ms = scene.world.now().timestamp_millis();
    let metadata = match opened {
        Some(opened) => opened.metadata()?,
        None => Some(Commit::new_table(SYNC_METADATA, scene.world.fresh_id(), now_ms)),
    };
    Ok(Commit {
        now_ms,
        txn_id: scene.world.fresh_id(),
        on: opened.map(|opened| opened.snapshot.head.version),
        metadata,
        progress,
        removes: Vec::new(),
        adds: vec![file],
    })
}
