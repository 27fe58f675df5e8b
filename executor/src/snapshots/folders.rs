//! Which folder the copy of a table goes on in, and whether it may.
//!
//! A snapshot may name an object only when nobody deletes it any more. That is so of what other snapshots name, and of what
//! this call has found or put there since it began, but for two things: what a pruning had marked that was given up meanwhile,
//! whose last request may come at any time; and what a commit names that was made by a call that had been given up, after a
//! pruning that did not see it. A copy that would rest on either begins anew in a folder of its own.

use std::collections::{BTreeMap, HashSet};

use futures::TryStreamExt as _;
use lakedr_control::id::TableName;
use lakedr_control::layout;
use lakedr_control::snapshots::{Catalog, SnapshotId};
use lakedr_control::spec::SnapshotMode;
use object_store::path::Path;

use super::desk::Desk;
use super::needed::table_of_log;
use crate::error::{At as _, Failure, Stage};
use crate::failover::check;
use crate::observe::snapshot::Columns;
use crate::plan::diff::DiffRefusal;
use crate::plan::followed::objects;
use crate::plan::group::TablePlan;

/// Where the copies of a schedule are, and what of them nobody may rely on.
#[derive(Debug)]
pub(super) struct Folders {
    id: SnapshotId,
    mode: SnapshotMode,
    /// Folder and version of each table in the newest snapshot.
    named: BTreeMap<TableName, (String, u64)>,
    /// Objects that are marked by prunings which were given up.
    marked: HashSet<String>,
    /// Folders of tables of which a log is marked.
    marked_tables: HashSet<Path>,
    /// The folder of all copies.
    root: Path,
}

impl Folders {
    /// As they are for a snapshot that a call has begun.
    pub(super) async fn read(desk: &Desk<'_>, begun: &Catalog, id: &SnapshotId) -> Result<Self, Failure> {
        let (name, mode) = (&desk.schedule.name, desk.schedule.mode);
        let mut folders = Self {
            id: id.clone(),
            mode,
            named: BTreeMap::new(),
            marked: HashSet::new(),
            marked_tables: HashSet::new(),
            root: desk.stores.data().at(Stage::Observe, name)?.root,
        };
        if mode == SnapshotMode::Batch {
            return Ok(folders);
        }
        if let Some(newest) = begun.newest() {
            let document = desk.document(begun, &newest.id).await?;
            let goes_on = document.mode == mode;
            let tables = document.tables.into_iter().filter(|_| goes_on);
            folders.named = tables.map(|table| (table.name, (table.path, table.version))).collect();
        }
        for pruning in &begun.given_up {
            let marks = desk.catalog.marks(&pruning.run).await.at(Stage::Observe, name)?;
            for key in marks.into_iter().flat_map(|marks| marks.objects) {
                folders.marked_tables.extend(Path::parse(&key).ok().as_ref().and_then(table_of_log));
                folders.marked.insert(key);
            }
        }
        Ok(folders)
    }

    /// The folder of the copy of a table, below that of the copies.
    pub(super) fn of(&self, table: &TableName) -> String {
        match (self.mode, self.named.get(table)) {
            (SnapshotMode::Batch, _) => self.fresh(table),
            (SnapshotMode::Incremental, Some((path, _))) => path.clone(),
            (SnapshotMode::Incremental, None) => layout::snapshot_table(table, None),
        }
    }

    /// A folder of the copy of a table that nothing has ever been in: ids of snapshots do not come again once something has
    /// been pruned.
    pub(super) fn fresh(&self, table: &TableName) -> String {
        layout::snapshot_table(table, Some(&self.id))
    }

    /// Whether a snapshot may rest on what a plan finds in a folder and puts there.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) async fn bear(&self, folder: &str, plan: &TablePlan) -> Result<bool, Failure> {
        let name = plan.name();
        if folder == self.fresh(name) {
            return Ok(true);
        }
        if let Some(held) = plan.target.head.as_ref().map(|head| head.version)
            && self.named.get(name).is_none_or(|(path, version)| path != folder || *version != held)
        {
            // nobody has named the newest version: its files may have gone before it was committed
            let found = check(&plan.target.table, held, 0).await.at(Stage::Plan, name)?;
            if !found.is_usable() {
                return Ok(false);
            }
        }
        let below: Path = plan.target.table.root.prefix_match(&self.root).into_iter().flatten().collect();
        Ok(!self.marked_tables.contains(&below) && !self.marks_some(&below, plan).await?)
    }

    /// Whether a file of the table is marked.
    async fn marks_some(&self, below: &Path, plan: &TablePlan) -> Result<bool, Failure> {
        let Some(snapshot) = plan.source.snapshot.as_ref().filter(|_| !self.marked.is_empty()) else {
            return Ok(false);
        };
        let name = plan.name();
        let translation = plan.translation().at(Stage::Plan, name)?;
        let mut files = std::pin::pin!(snapshot.files(Columns::Identity));
        while let Some((key, add)) = files.try_next().await.at(Stage::Plan, name)? {
            let file = translation.file(&key, &add).map_err(DiffRefusal::File).at(Stage::Plan, name)?;
            let marked = |key: &Path| self.marked.contains(&format!("{below}/{key}"));
            if objects(&file).iter().any(|object| marked(&object.target_key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
