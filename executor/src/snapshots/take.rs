//! Taking a snapshot: begun in the catalog, copied, committed, read back, then named by the catalog.

use std::time::Duration;

use lakedr_control::id::TableName;
use lakedr_control::snapshots::due::{Due, due};
use lakedr_control::snapshots::{
    Catalog, CatalogFailure, Kept, SnapshotDocument, SnapshotId, SnapshotOrigin, SnapshotTable, Work,
};
use serde::Serialize;

use super::beat::alive;
use super::clone_report::{report_failed, report_taken};
use super::desk::Desk;
use super::error::SnapshotError;
use super::folders::Folders;
use super::prune::prune;
use super::replicate::{Replica, Said, Wanted, carry_out, plan};
use super::source::{Sources, sources};
use crate::cut::Refusal;
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::pipeline::Stop;
use crate::report::Progress;
use crate::spec::TableStore;

/// How taking a snapshot came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new snapshot.
    Taken,
    /// The schedule says later, or another call is at work.
    NotDue,
}

/// One table of a snapshot that was taken.
#[derive(Debug, Clone, Serialize)]
pub struct TakenTable {
    /// What it holds.
    #[serde(flatten)]
    pub table: SnapshotTable,
    /// How long the table took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

/// What taking a snapshot came to.
#[derive(Debug, Clone)]
pub struct Taken {
    /// How it came out.
    pub outcome: Outcome,
    /// The snapshot, if there is a new one.
    pub snapshot: Option<SnapshotDocument>,
    /// Its tables.
    pub tables: Vec<TakenTable>,
    /// Why there is none.
    pub reason: Option<String>,
}

impl Taken {
    /// A schedule that another region has to look after.
    #[must_use]
    pub fn of_other_region(region: &str) -> Self {
        Self::not_due(format!("snapshots of this schedule are taken in {region}, where they are kept"))
    }

    fn not_due(reason: String) -> Self {
        Self { outcome: Outcome::NotDue, snapshot: None, tables: Vec::new(), reason: Some(reason) }
    }
}

/// Takes the snapshot that a schedule asks for; with `force` also when it asks for none.
///
/// # Errors
/// A refusal when the schedule is paused, a failure when one of the tables cannot be copied: then there is no snapshot, and
/// the catalog says why.
pub async fn take(desk: &Desk<'_>, force: bool, progress: &Progress) -> Result<Taken, Stop> {
    if desk.schedule.paused {
        return Err(Refusal::Paused { by: "its specification (paused = true)".to_owned() }.into());
    }
    for _ in 0..super::error::RACES {
        let catalog = desk.read().await?;
        if let Some(reason) = not_now(desk, &catalog, force).await? {
            return Ok(Taken::not_due(reason));
        }
        let (now, author) = (desk.world.now(), &desk.world.author);
        let id = catalog.next_id(now);
        let begun = catalog.begun(Work::Take { id: id.clone() }, now, author);
        if desk.catalog.append(&begun).await.at(Stage::Record, &desk.schedule.name)? {
            return Ok(alive(desk, take_begun(desk, &begun, &id, progress)).await?);
        }
    }
    Err(SnapshotError::Races.at(Stage::Record, &desk.schedule.name).into())
}

/// Why no snapshot is taken now.
async fn not_now(desk: &Desk<'_>, catalog: &Catalog, force: bool) -> Result<Option<String>, Failure> {
    let now = desk.world.now();
    if let Due::Later { next } = due(&desk.schedule.schedule, catalog.last_taken(now), now)
        && !force
    {
        let next = next.map_or_else(|| "never".to_owned(), lakedr_control::time::format);
        return Ok(Some(format!("the next snapshot is due {next}")));
    }
    if let Some(work) = catalog.under_way.as_ref()
        && desk.is_busy(catalog).await?
    {
        let (since, by) = (lakedr_control::time::format(work.since), &work.by.host);
        let what = match &work.work {
            Work::Take { id } => format!("takes snapshot {id}"),
            Work::Prune => "prunes".to_owned(),
        };
        return Ok(Some(format!("another call on {by} {what} since {since}")));
    }
    Ok(None)
}

async fn take_begun(
    desk: &Desk<'_>,
    begun: &Catalog,
    id: &SnapshotId,
    progress: &Progress,
) -> Result<Taken, Failure> {
    let copied = copy(desk, begun, id, progress).await;
    match copied {
        Ok((document, tables)) => {
            publish(desk, &document).await?;
            write_checkpoints(desk, &document).await;
            report_taken(desk, &document, &tables).await;
            if desk.schedule.overwrite {
                replace(desk).await;
            }
            Ok(Taken { outcome: Outcome::Taken, snapshot: Some(document), tables, reason: None })
        }
        Err(failure) => {
            say_failed(desk, id, &failure).await;
            report_failed(desk, id, &failure).await;
            Err(failure)
        }
    }
}

/// Copies what the schedule asks for; nothing of it is a snapshot yet.
async fn copy(
    desk: &Desk<'_>,
    begun: &Catalog,
    id: &SnapshotId,
    progress: &Progress,
) -> Result<(SnapshotDocument, Vec<TakenTable>), Failure> {
    let name = &desk.schedule.name;
    let Sources { origin, as_of, tables, sides } = sources(desk).await?;
    let folders = Folders::read(desk, begun, id).await?;
    let (plans, paths) = plans(desk, &folders, tables).await?;
    let said = Said { by: format!("snapshots/{name}"), id: id.to_string(), seq: begun.seq };
    let replicas = carry_out(desk.world, plans, &sides, &said, progress).await.at(Stage::Copy, name)?;
    let mut tables: Vec<TakenTable> =
        replicas.iter().zip(paths).map(|(replica, path)| table(replica, path)).collect();
    tables.sort_by(|a, b| a.table.name.cmp(&b.table.name));
    let taken_at = begun.under_way.as_ref().map_or(begun.at, |work| work.since);
    let document = SnapshotDocument {
        format: SnapshotDocument::FORMAT,
        schedule: name.clone(),
        id: id.clone(),
        taken_at,
        as_of,
        origin,
        mode: desk.schedule.mode,
        by: desk.world.author.clone(),
        tables: tables.iter().map(|table| table.table.clone()).collect(),
    };
    Ok((document, tables))
}

/// Plans every copy, and tells its folder.
async fn plans(
    desk: &Desk<'_>,
    folders: &Folders,
    tables: Vec<(TableStore, u64)>,
) -> Result<(Vec<Replica>, Vec<String>), Failure> {
    let name = &desk.schedule.name;
    let wanted = |source: &TableStore, version: u64, path: &str| {
        let target = desk.stores.copy(&source.name, path).at(Stage::Plan, &source.name)?;
        Ok::<_, Failure>(Wanted::whole(source.clone(), version, target))
    };
    let mut paths: Vec<String> = tables.iter().map(|(source, _)| folders.of(&source.name)).collect();
    let all = tables.iter().zip(&paths).map(|((source, version), path)| wanted(source, *version, path));
    let mut plans = plan(all.collect::<Result<_, _>>()?).await.at(Stage::Plan, name)?;
    for (at, (source, version)) in tables.iter().enumerate() {
        if folders.bear(&paths[at], &plans[at].plan).await? {
            continue;
        }
        paths[at] = folders.fresh(&source.name);
        let anew = vec![wanted(source, *version, &paths[at])?];
        tracing::warn!(table = %source.name, "its copy begins anew in {}: see docs/snapshots.md", paths[at]);
        plans.splice(at..=at, plan(anew).await.at(Stage::Plan, name)?);
    }
    Ok((plans, paths))
}

fn table(replica: &Replica, path: String) -> TakenTable {
    let plan = &replica.plan;
    let table = SnapshotTable {
        name: plan.name().clone(),
        source_url: plan.source.table.url.to_string(),
        source_table_id: plan.source.head.metadata.id.clone(),
        source_version: plan.source.head.version,
        path,
        version: replica.version,
        files: plan.diff.totals.source_files,
        bytes: plan.diff.totals.source_bytes,
        files_added: plan.copies.len(),
        bytes_added: plan.copies.bytes(),
    };
    TakenTable { table, took: replica.took }
}

/// Makes the copies a snapshot: its document, then the version of the catalog that names it.
async fn publish(desk: &Desk<'_>, document: &SnapshotDocument) -> Result<(), Failure> {
    let digest = desk.catalog.put_document(document).await.at(Stage::Publish, &desk.schedule.name)?;
    let sum = |of: fn(&SnapshotTable) -> u64| document.tables.iter().map(of).sum();
    let kept = Kept {
        id: document.id.clone(),
        taken_at: document.taken_at,
        as_of: document.as_of,
        run: match &document.origin {
            SnapshotOrigin::Cut { run, .. } => run.as_ref().map(|run| run.id.clone()),
            SnapshotOrigin::Instant { .. } => None,
        },
        document: digest,
        tables: document.tables.len() as u64,
        files: sum(|table| table.files),
        bytes: sum(|table| table.bytes),
        bytes_added: sum(|table| table.bytes_added),
        pinned: None,
    };
    let (at, author) = (desk.world.now(), &desk.world.author);
    desk.carry_on(|catalog| Ok(Some(catalog.taken(kept.clone(), at, author)?))).await.map(drop)
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    format: u32,
    table: &'a TableName,
    source_url: &'a str,
    source_table_id: &'a str,
    source_version: u64,
    snapshot: &'a SnapshotId,
    version: u64,
}

/// Writes down how far the copies go, for people. Best effort: nothing rests on it.
async fn write_checkpoints(desk: &Desk<'_>, document: &SnapshotDocument) {
    for table in &document.tables {
        let checkpoint = Checkpoint {
            format: 1,
            table: &table.name,
            source_url: &table.source_url,
            source_table_id: &table.source_table_id,
            source_version: table.source_version,
            snapshot: &document.id,
            version: table.version,
        };
        if let Err(error) = desk.catalog.put_checkpoint(&table.name, &checkpoint).await {
            tracing::warn!(table = %table.name, "checkpoint/ is not up to date: {}", chain(&error));
        }
    }
}

/// Deletes the copy that was replaced. What cannot be deleted goes with the next pruning.
async fn replace(desk: &Desk<'_>) {
    match prune(desk, false).await {
        Ok(report) if report.refused == 0 => {}
        Ok(report) => tracing::warn!(
            schedule = %desk.schedule.name,
            "{} file(s) of the copy that was replaced could not be deleted; `lakedr snapshot prune` tries again",
            report.refused
        ),
        Err(Stop::Failed(failure)) => {
            tracing::warn!(schedule = %desk.schedule.name, "the copy that was replaced stays: {}", chain(&failure));
        }
        Err(Stop::Refused(refusal)) => {
            tracing::warn!(schedule = %desk.schedule.name, "the copy that was replaced stays: {refusal}");
        }
    }
}

/// Says in the catalog that nothing was taken. Best effort: the call itself says so too.
async fn say_failed(desk: &Desk<'_>, id: &SnapshotId, failure: &Failure) {
    let (at, class, message) = (desk.world.now(), failure.class, chain(failure));
    let told = CatalogFailure { at, class, message, id: Some(id.clone()) };
    let author = &desk.world.author;
    let said = desk.carry_on(|catalog| Ok(Some(catalog.failed(told.clone(), author)?))).await;
    if let Err(error) = said {
        tracing::debug!(schedule = %desk.schedule.name, "the failure is not in the catalog: {}", chain(&error));
    }
}

/// Pins a snapshot, so that no retention removes it, or takes the pin away; whether that was news.
///
/// # Errors
/// When there is no such snapshot, or the catalog cannot be written.
pub async fn pin(desk: &Desk<'_>, id: &SnapshotId, pinned: bool) -> Result<bool, Failure> {
    let (at, author) = (desk.world.now(), &desk.world.author);
    let written = desk.carry_on(|catalog| Ok(catalog.pin(id, pinned, at, author)?)).await?;
    Ok(written.is_some())
}
