//! What the active region holds that the recovery point lacks, as far as that region can be seen.

use std::collections::BTreeSet;

use futures::future::join_all;
use lakedr_control::group_log::History;
use lakedr_control::id::TableName;
use serde::Serialize;

use crate::error::{At as _, Failure, Stage};
use crate::observe::choice::{Runs, runs};
use crate::observe::incarnation::Named;
use crate::patience::in_time;
use crate::pipeline::Scene;
use crate::spec::TableStore;

/// What was seen of the active region.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The runs of the workflow; none for a group without one, or when they cannot be seen.
    pub(super) runs: Option<Runs>,
    /// The tables that have commits behind the recovery point.
    pub(super) behind: Vec<TableBehind>,
    /// The tables that have none.
    pub(super) current: BTreeSet<TableName>,
    /// What could not be seen, and why.
    pub(super) unseen: Vec<String>,
}

/// A table of the active region with commits behind the recovery point.
#[derive(Debug, Clone, Serialize)]
pub struct TableBehind {
    /// The table.
    pub name: String,
    /// Version at the recovery point; none when the table is not part of it.
    pub recovery_version: Option<u64>,
    /// Newest version.
    pub newest_version: u64,
    /// Commits behind the recovery point that change rows, schema or protocol; the rest is maintenance.
    pub logical_commits: u64,
    /// Whether the table was dropped and created anew since, so that no commit of it is part of the recovery point.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recreated: bool,
}

/// Looks at the active region, with patience for each look.
pub(super) async fn look(scene: &Scene<'_>, history: &History) -> Seen {
    let mut seen = Seen::default();
    match in_time(runs(scene, history)).await {
        Ok(runs) => seen.runs = runs,
        Err(why) => seen.unseen.push(format!("the runs of the workflow: {why}")),
    }
    let sources = scene.stores.sources(scene.active(history), scene.group);
    let sources = in_time(async { sources.await.at(Stage::Observe, &scene.group.name) }).await;
    let sources = match sources {
        Ok(sources) => sources,
        Err(why) => {
            seen.unseen.push(format!("the tables of the active region: {why}"));
            return seen;
        }
    };
    let state = history.state.as_ref();
    let named = state.and_then(|state| Named::by_newest(scene, state, scene.active(history)));
    let looks = sources.iter().map(|table| in_time(behind(table, named)));
    for (table, look) in sources.iter().zip(join_all(looks).await) {
        match look {
            Ok(Some(behind)) => seen.behind.push(behind),
            Ok(None) => {
                seen.current.insert(table.name.clone());
            }
            Err(why) => seen.unseen.push(format!("{}: {why}", table.name)),
        }
    }
    seen
}

async fn behind(table: &TableStore, named: Option<Named<'_>>) -> Result<Option<TableBehind>, Failure> {
    let name = &table.name;
    let listing = table.table().listing().await.at(Stage::Observe, name)?;
    let Some(newest_version) = listing.latest_commit() else { return Ok(None) };
    let recovery_version = named.and_then(|named| named.version(name));
    let recreated = match named {
        Some(named) => !named.is_in(table, &listing).await.at(Stage::Observe, name)?,
        None => false,
    };
    let from = match recovery_version.filter(|_| !recreated) {
        Some(version) => version + 1,
        None => listing.commits().next().map_or(0, |(oldest, _)| oldest),
    };
    if from > newest_version {
        return Ok(None);
    }
    let commits = table.table().commits(&listing, from, newest_version).await.at(Stage::Observe, name)?;
    let logical_commits = commits.iter().filter(|commit| commit.logical_change).count() as u64;
    let name = name.to_string();
    Ok(Some(TableBehind { name, recovery_version, newest_version, logical_commits, recreated }))
}
