//! The plan of one table: both sides pass through the differ, or only what came since the newest recovery point.

use futures::TryStreamExt as _;
use lakedr_control::validate::SideName;

use super::scene::{Scene, Stop};
use crate::copy::{Manifest, ManifestError, Place, Transfer};
use crate::delta::feature::is_coordinated;
use crate::delta::path::SourceObject;
use crate::delta::root::TableRoot;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::snapshot::{Columns, Snapshot};
use crate::observe::source::{Pinned, PinnedHead};
use crate::observe::table_error::TableError;
use crate::observe::target::Target;
use crate::plan::diff::{DiffRefusal, FileChange, FileCopy, TableDiff};
use crate::plan::differ::Differ;
use crate::plan::group::{PlannedSource, PlannedTarget, Skipped, TablePlan};
use crate::plan::inventory::Inventory;
use crate::plan::translate::Translation;
use crate::spec::TableStore;

/// Plans one table.
///
/// # Errors
/// When a side cannot be read, or the source cannot be cloned.
pub(super) async fn plan_table(
    scene: &Scene<'_>,
    active: SideName,
    source: Pinned,
    target: Target,
) -> Result<TablePlan, Stop> {
    if let Some(plan) = super::follow::follow(scene, active, &source, &target).await? {
        return Ok(plan);
    }
    let (source, snapshot) = source.into_snapshot().await?;
    Ok(plan_whole(source, snapshot, target).await?)
}

async fn plan_whole(source: PinnedHead, snapshot: Snapshot, target: Target) -> Result<TablePlan, Failure> {
    let held = target.snapshot().await.at(Stage::Plan, &source.table.name)?;
    let (commit_size, proven) = (target.commit_size(), target.proven());
    plan_between(source, snapshot, HeldTable { table: target.table, snapshot: held, commit_size, proven })
        .await
}

/// A table that is to become equal to another one.
#[derive(Debug)]
pub(crate) struct HeldTable {
    /// Where it is.
    pub(crate) table: TableStore,
    /// It as it is; none when there is no table yet.
    pub(crate) snapshot: Option<Snapshot>,
    /// Bytes of its newest commit, as it was listed.
    pub(crate) commit_size: Option<u64>,
    /// Whether what is there has been proven equal to its source.
    pub(crate) proven: bool,
}

/// Plans what makes one table equal to another one at a version: both pass through the differ.
///
/// # Errors
/// When a side cannot be read, or the source cannot be cloned.
pub(crate) async fn plan_between(
    source: PinnedHead,
    snapshot: Snapshot,
    held: HeldTable,
) -> Result<TablePlan, Failure> {
    let PinnedHead { table, head, commit, time_ms } = source;
    let name = table.name.clone();
    if held.snapshot.as_ref().is_some_and(|held| is_coordinated(&held.head)) {
        return Err(DiffRefusal::TargetCoordinated.at(Stage::Plan, &name));
    }
    let mut copies = Copies::between(&table, &held.table);
    let translation = table.translation().at(Stage::Plan, &name)?;
    let (files, totals) = match &held.snapshot {
        None => everything(&snapshot, translation, &mut copies).await.at(Stage::Plan, &name)?,
        Some(held) => difference(&snapshot, translation, held, &mut copies).await.at(Stage::Plan, &name)?,
    };
    let held_head = held.snapshot.map(|held| held.head);
    let diff = TableDiff::new(&head, held_head.as_ref(), files, totals);
    let target = PlannedTarget {
        commit_size: held.commit_size,
        proven: held.proven,
        after: (diff.totals.source_files, Some(diff.totals.source_bytes)),
        table: held.table,
        head: held_head,
    };
    let source = PlannedSource { table, head, commit, time_ms, snapshot: Some(snapshot) };
    Ok(TablePlan {
        source,
        target,
        diff,
        copies: copies.manifest,
        classes: None,
        skipped: Skipped::default(),
    })
}

/// Why a table cannot be planned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// A side cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The source cannot be cloned.
    #[error(transparent)]
    Diff(#[from] DiffRefusal),
    /// The list of files cannot be kept.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl crate::error::Classify for PlanError {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        match self {
            Self::Table(cause) => cause.class(),
            Self::Diff(cause) => cause.class(),
            Self::Manifest(cause) => cause.class(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Table(cause) => crate::error::Classify::retryable(cause),
            Self::Diff(cause) => cause.retryable(),
            Self::Manifest(cause) => cause.retryable(),
        }
    }
}

pub(crate) type Files = (FileChange, crate::plan::diff::Totals);

/// A first clone: only names and sizes are read, the rest when the commits are written.
async fn everything(
    source: &Snapshot,
    translation: Translation,
    copies: &mut Copies,
) -> Result<Files, PlanError> {
    let mut differ = Differ::new(translation, Inventory::default());
    let files = source.files(Columns::Identity);
    let mut files = std::pin::pin!(files);
    while let Some((key, add)) = files.try_next().await? {
        let wanted = differ.source_file(&key, &add)?;
        copies.extend(wanted.copy)?;
    }
    copies.extend(differ.vector_copies())?;
    Ok((FileChange::Everything, differ.totals()))
}

/// The full difference of two tables, in memory of about a hundred bytes a file.
///
/// # Errors
/// See [`PlanError`].
pub(crate) async fn difference(
    source: &Snapshot,
    translation: Translation,
    target: &Snapshot,
    copies: &mut Copies,
) -> Result<Files, PlanError> {
    let root = TableRoot::parse(&target.head.url).map_err(DiffRefusal::Root)?;
    let mut held = Inventory::default();
    {
        let files = target.files(Columns::All);
        let mut files = std::pin::pin!(files);
        while let Some((key, add)) = files.try_next().await? {
            held.record(&key, &add, &target.head.url, &root);
        }
    }
    let mut differ = Differ::new(translation, held);
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    {
        let files = source.files(Columns::All);
        let mut files = std::pin::pin!(files);
        while let Some((key, add)) = files.try_next().await? {
            let wanted = differ.source_file(&key, &add)?;
            adds.extend(wanted.add);
            copies.extend(wanted.copy)?;
        }
    }
    copies.extend(differ.vector_copies())?;
    if differ.has_gone() {
        let files = target.files(Columns::All);
        let mut files = std::pin::pin!(files);
        while let Some((key, add)) = files.try_next().await? {
            removes.extend(differ.target_file(&key, &add));
        }
    }
    Ok((FileChange::Listed { adds, removes }, differ.totals()))
}

/// The objects to copy from one table to another.
#[derive(Debug)]
pub(crate) struct Copies {
    source: TableStore,
    target: TableStore,
    pub(super) manifest: Manifest,
}

impl Copies {
    pub(crate) fn between(source: &TableStore, target: &TableStore) -> Self {
        Self { source: source.clone(), target: target.clone(), manifest: Manifest::new() }
    }

    pub(super) fn extend(&mut self, copies: impl IntoIterator<Item = FileCopy>) -> Result<(), ManifestError> {
        for copy in copies {
            let source = match copy.source {
                SourceObject::InTable(key) => Place { root: self.source.url.clone(), key },
                SourceObject::Elsewhere { root, key } => Place { root, key },
            };
            self.manifest.push(&Transfer {
                table: self.source.name.clone(),
                source,
                undecoded: copy.undecoded_source_key,
                target: Place { root: self.target.url.clone(), key: copy.target_key },
                size: copy.size,
                kind: copy.kind,
            })?;
        }
        Ok(())
    }
}
