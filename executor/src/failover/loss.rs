//! What the active region holds that the recovery point lacks, as far as that region can be seen.

use std::collections::BTreeSet;

use futures::future::join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::History;
use lakedr_control::id::TableName;
use serde::Serialize;

use crate::error::{At as _, Failure, Stage};
use crate::observe::choice::{Runs, runs};
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
}

/// Looks at the active region, with patience for each look.
pub(super) async fn look(scene: &Scene<'_>, history: &History, held: Option<&Cut>) -> Seen {
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
    let looks = sources.iter().map(|table| in_time(behind(table, held)));
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

async fn behind(table: &TableStore, held: Option<&Cut>) -> Result<Option<TableBehind>, Failure> {
    let recovery_version = held.and_then(|cut| cut.table(&table.name)).map(|held| held.source_version);
    let delta = table.table();
    let listing = match recovery_version {
        Some(version) => delta.listing_since(version).await,
        None => delta.listing().await,
    };
    let listing = listing.at(Stage::Observe, &table.name)?;
    let newest = listing.latest_commit();
    let Some(newest_version) = newest.filter(|newest| Some(*newest) > recovery_version) else {
        return Ok(None);
    };
    let from = recovery_version.map_or(0, |version| version + 1);
    let commits = delta.commits(&listing, from, newest_version).await.at(Stage::Observe, &table.name)?;
    let logical_commits = commits.iter().filter(|commit| commit.logical_change).count() as u64;
    let name = table.name.to_string();
    Ok(Some(TableBehind { name, recovery_version, newest_version, logical_commits }))
}
