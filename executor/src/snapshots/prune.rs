//! Removing snapshots that no rule keeps, and the bytes that no kept one needs.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use lakedr_control::snapshots::retention::Reason;
use lakedr_control::snapshots::{Catalog, PruningMarks, SnapshotId};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _};
use serde::Serialize;

use super::beat::alive;
use super::desk::Desk;
use super::error::{RACES, SnapshotError};
use super::list::{ListedSnapshot, doomed, judged};
use super::needed::{Fate, Needed, needed, table_of_log};
use crate::cut::Refusal;
use crate::error::{At as _, Classify as _, DataError, Failure, Stage};
use crate::exit::Exit;
use crate::pipeline::Stop;
use crate::prune::keep::Count;
use crate::prune::{AT_ONCE, Deleted, Doomed, delete};
use crate::spec::TableStore;

/// Objects that one call deletes at most: their keys are held until everything has been seen.
const MOST_AT_ONCE: usize = 200_000;

/// A snapshot that goes.
#[derive(Debug, Clone, Serialize)]
pub struct RemovedSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Why: no rule keeps it.
    pub because: &'static str,
}

/// What pruning a schedule came to.
#[derive(Debug, Clone, Serialize)]
pub struct PruneReport {
    /// The schedule.
    pub schedule: String,
    /// Nothing was removed: it was asked what would be.
    pub dry_run: bool,
    /// The snapshots that stay, with the reasons.
    pub kept: Vec<ListedSnapshot>,
    /// The snapshots that go.
    pub removed: Vec<RemovedSnapshot>,
    /// Objects that were deleted, or would be.
    pub deleted: Count,
    /// Objects that the store did not delete: locked ones, missing rights. The next pruning tries again.
    pub refused: u64,
    /// What the store said, a few different answers.
    pub said: Vec<String>,
    /// What is left for another call.
    pub left: Count,
}

impl PruneReport {
    /// The exit code that this schedule asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.refused > 0 { Exit::Failed } else { Exit::Ok }
    }
}

/// Removes the snapshots of a schedule that no rule keeps, then every object that no other one needs.
///
/// The snapshots leave the catalog first: from then on nobody restores them. What is going to be deleted is written down
/// then. While objects are deleted no snapshot is taken, and whoever was at work before finds that his work was given up. An
/// object that the store does not delete stops
/// nothing: the next pruning finds it again.
///
/// # Errors
/// A refusal while another call is at work, a failure when what is needed cannot be told; then nothing is deleted.
pub async fn prune(desk: &Desk<'_>, dry_run: bool) -> Result<PruneReport, Stop> {
    let name = &desk.schedule.name;
    for _ in 0..RACES {
        let catalog = desk.read().await?;
        if catalog.seq == 0 {
            return Ok(report(desk, &catalog, &[], dry_run));
        }
        if desk.is_busy(&catalog).await? {
            let reason = format!("another call works on schedule {name}; prune when it has ended");
            return Err(Refusal::Fenced { reason }.into());
        }
        let removed = doomed(desk, &catalog);
        let report = report(desk, &catalog, &removed, dry_run);
        let (at, author) = (desk.world.now(), &desk.world.author);
        let next = catalog.without(&removed, at, author);
        if dry_run {
            return Ok(foresee(desk, &next, report).await?);
        }
        if desk.catalog.append(&next).await.at(Stage::Record, name)? {
            return Ok(alive(desk, sweep(desk, &next, report)).await?);
        }
    }
    Err(SnapshotError::Races.at(Stage::Record, name).into())
}

fn report(desk: &Desk<'_>, catalog: &Catalog, removed: &[SnapshotId], dry_run: bool) -> PruneReport {
    let kept = judged(desk, catalog).into_iter().filter(|(kept, _)| !removed.contains(&kept.id));
    let listed = |(kept, kept_because): (_, Vec<Reason>)| ListedSnapshot { kept, kept_because };
    PruneReport {
        schedule: desk.schedule.name.to_string(),
        dry_run,
        kept: kept.map(listed).collect(),
        removed: removed
            .iter()
            .map(|id| RemovedSnapshot { id: id.clone(), because: "no rule keeps it" })
            .collect(),
        deleted: Count::default(),
        refused: 0,
        said: Vec::new(),
        left: Count::default(),
    }
}

/// What would be deleted.
async fn foresee(desk: &Desk<'_>, next: &Catalog, report: PruneReport) -> Result<PruneReport, Failure> {
    let found = look(desk, next).await?;
    let mut deleted = Count::default();
    found.logs.iter().chain(&found.files).for_each(|object| deleted.add(object.size));
    Ok(PruneReport { deleted, left: found.left, ..report })
}

/// Deletes, and says in the catalog that it is over, however it ended: no request to delete is under way any more then.
async fn sweep(desk: &Desk<'_>, begun: &Catalog, report: PruneReport) -> Result<PruneReport, Failure> {
    let swept = delete_all(desk, begun, report).await;
    let (at, author) = (desk.world.now(), &desk.world.author);
    let ended = desk.carry_on(|catalog| Ok(Some(catalog.pruned(at, author)?))).await;
    if let Err(failure) = &ended {
        tracing::debug!(schedule = %desk.schedule.name, "{}", crate::error::chain(failure));
        desk.carry_on(|catalog| Ok(catalog.heard_of(at, author))).await?;
    }
    desk.catalog.clear_marks(&author.run).await;
    let swept = swept?;
    ended?;
    Ok(swept)
}

async fn delete_all(desk: &Desk<'_>, begun: &Catalog, report: PruneReport) -> Result<PruneReport, Failure> {
    let name = &desk.schedule.name;
    let mut found = look(desk, begun).await?;
    let left_over = desk.catalog.left_over(begun).await.at(Stage::Observe, name)?;
    if !found.is_empty() {
        desk.catalog.put_marks(&marks(desk, &found)).await.at(Stage::Record, name)?;
    }
    let data = data(desk)?;
    let mut deleted = Deleted::default();
    delete_in_turns(desk, &data, &found.logs, &mut deleted).await?;
    if deleted.refused > 0 {
        // a table whose log stays keeps its files: whoever finds the log may rely on it
        let logs = still_there(&data, &found.logs).await?;
        found.files.retain(|object| !logs.iter().any(|table| object.key.prefix_match(table).is_some()));
    }
    delete_in_turns(desk, &data, &found.files, &mut deleted).await?;
    still_at_it(desk).await?;
    // no catalog names them any more: a store that keeps them is no reason to stop, and the next pruning tries again
    if let Err(error) = desk.catalog.forget(&left_over).await {
        deleted.refused += 1;
        deleted.said.push(crate::error::chain(&error));
    }
    let Deleted { done, refused, said } = deleted;
    Ok(PruneReport { deleted: done, refused, said, left: found.left, ..report })
}

/// What others have to know of before the first object is deleted: should this call be taken for dead, they name none of it.
fn marks(desk: &Desk<'_>, found: &Found) -> PruningMarks {
    let objects = found.logs.iter().chain(&found.files).map(|object| object.key.to_string());
    PruningMarks::new(desk.schedule.name.clone(), desk.world.author.clone(), objects.collect())
}

/// Makes sure that nobody has gone on without this call. What it asks for behind that may still come too late: see `marks`.
async fn still_at_it(desk: &Desk<'_>) -> Result<(), Failure> {
    let held = desk.read().await?.holds(&desk.world.author).map_err(SnapshotError::from);
    held.at(Stage::Record, &desk.schedule.name)
}

async fn delete_in_turns(
    desk: &Desk<'_>,
    data: &TableStore,
    doomed: &[Doomed],
    deleted: &mut Deleted,
) -> Result<(), Failure> {
    for batch in doomed.chunks(AT_ONCE) {
        still_at_it(desk).await?;
        delete(data, batch, deleted).await;
    }
    Ok(())
}

/// What nothing needs.
#[derive(Debug, Default)]
struct Found {
    /// Logs of tables that no snapshot needs.
    logs: Vec<Doomed>,
    files: Vec<Doomed>,
    left: Count,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.files.is_empty()
    }
}

/// The folder of all copies, as if it were one table.
fn data(desk: &Desk<'_>) -> Result<TableStore, Failure> {
    let name = &desk.schedule.name;
    let table = "lakedr.snapshots.data".parse().map_err(SnapshotError::Name).at(Stage::Spec, name)?;
    Ok(TableStore::at(table, desk.stores.data().at(Stage::Spec, name)?))
}

async fn look(desk: &Desk<'_>, catalog: &Catalog) -> Result<Found, Failure> {
    let needed: Needed = needed(desk, catalog).await?;
    let data = data(desk)?;
    let mut found = Found::default();
    let mut objects = data.store.list(Some(&data.root));
    loop {
        let object = match objects.try_next().await {
            Ok(Some(object)) => object,
            Ok(None) | Err(Error::NotFound { .. }) => return Ok(found),
            Err(cause) => return Err(listing_failed(&data, cause)),
        };
        let Some(key) = object.location.prefix_match(&data.root).map(Iterator::collect::<Path>) else {
            continue;
        };
        let doomed = Doomed { size: object.size, key };
        match needed.fate(&doomed.key) {
            Fate::Needed | Fate::Foreign => {}
            _ if found.logs.len() + found.files.len() >= MOST_AT_ONCE => found.left.add(doomed.size),
            Fate::DoomedLog => found.logs.push(doomed),
            Fate::Doomed => found.files.push(doomed),
        }
    }
}

/// The folders of the tables of whose doomed logs something is still there.
async fn still_there(data: &TableStore, doomed: &[Doomed]) -> Result<BTreeSet<Path>, Failure> {
    let doomed: BTreeSet<&Path> = doomed.iter().map(|object| &object.key).collect();
    let mut tables = BTreeSet::new();
    let mut objects = data.store.list(Some(&data.root));
    loop {
        let object = match objects.try_next().await {
            Ok(Some(object)) => object,
            Ok(None) | Err(Error::NotFound { .. }) => return Ok(tables),
            Err(cause) => return Err(listing_failed(data, cause)),
        };
        let key = object.location.prefix_match(&data.root).map(Iterator::collect::<Path>);
        tables.extend(key.filter(|key| doomed.contains(key)).as_ref().and_then(table_of_log));
    }
}

fn listing_failed(data: &TableStore, cause: Error) -> Failure {
    DataError { verb: "list", url: data.url.to_string(), cause }.at(Stage::Observe, "copies")
}
