//! Where tables are brought back to.

use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;

use super::origin::Origin;
use crate::delta::replica::OWN_TXN_PREFIX;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::table_error::TableError;
use crate::snapshots::desk::Desk;
use crate::snapshots::error::SnapshotError;
use crate::snapshots::replicate::Said;
use crate::snapshots::source::home;
use crate::snapshots::undone::{BackTo, Looked, Undone, look};
use crate::spec::{Sides, TableStore};

/// Where the tables of an origin go, in its order.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) tables: Vec<TableStore>,
    /// How they are written.
    pub(super) sides: Sides,
    /// The tables that are there already, as they were looked at.
    pub(super) looked: Vec<Looked>,
}

impl Target {
    /// Makes sure that a table is what it was looked at as, now that it was read for the plan: what is undone is what was
    /// agreed to.
    pub(super) fn is_unmoved(&self, table: &TableName, found: Option<u64>) -> Result<(), SnapshotError> {
        unmoved(&self.looked, table, found)
    }

    /// What is undone of a table.
    pub(super) fn undone(&self, table: &TableName) -> Option<Undone> {
        self.looked.iter().find(|looked| looked.table == *table)?.undone.clone()
    }
}

fn unmoved(looked: &[Looked], table: &TableName, found: Option<u64>) -> Result<(), SnapshotError> {
    let looked = looked.iter().find(|looked| looked.table == *table);
    match looked.filter(|looked| looked.head != found) {
        None => Ok(()),
        Some(looked) => {
            let (table, looked, found) = (table.clone(), told(looked.head), told(found));
            Err(SnapshotError::Moved { table, looked, found })
        }
    }
}

fn told(version: Option<u64>) -> String {
    version.map_or_else(|| "not there".to_owned(), |version| format!("at version {version}"))
}

/// Tables of their own. One that is there already is only gone on with if this very restore has begun it.
pub(super) async fn elsewhere(
    desk: &Desk<'_>,
    origin: &Origin,
    url: &StoreUrl,
    said: &Said,
) -> Result<Target, Failure> {
    let mut tables = Vec::new();
    for (source, _) in &origin.tables {
        let (name, url) = (&source.name, url.table(&source.name));
        let target = desk.stores.elsewhere(name, &url).at(Stage::Observe, name)?;
        if !is_free(&target, said).await.at(Stage::Observe, name)? {
            return Err(SnapshotError::TargetTaken { url: url.to_string() }.at(Stage::Observe, name));
        }
        tables.push(target);
    }
    Ok(Target { tables, sides: desk.stores.away(url), looked: Vec::new() })
}

/// Whether there is nothing at the place of a table but what a call that was cut short has left there.
pub(crate) async fn is_free(target: &TableStore, said: &Said) -> Result<bool, TableError> {
    let delta = target.table();
    let listing = match delta.listing().await {
        Err(TableError::NotATable { .. }) => return Ok(true),
        listing => listing?,
    };
    let newest = listing.latest_commit().unwrap_or_default();
    let commits = delta.commits(&listing, 0, newest).await?;
    let mark = mark(said, target);
    Ok(commits.iter().all(|commit| commit.txns.contains_key(&mark)))
}

/// The tables that the workflow writes.
pub(super) async fn in_place(
    desk: &Desk<'_>,
    origin: &Origin,
    said: &Said,
    yes: bool,
) -> Result<Target, Failure> {
    let home = home(desk).await?;
    let (mut tables, mut looked) = (Vec::new(), Vec::new());
    for (source, version) in &origin.tables {
        let name = &source.name;
        let target = home.tables.iter().find(|target| target.name == *name).cloned();
        let absent = || SnapshotError::Undeclared { table: name.clone() }.at(Stage::Spec, name);
        let target = target.ok_or_else(absent)?;
        let back_to = back_to(origin, (source, *version), &target);
        looked.push(look(&target, back_to, &mark(said, &target)).await?);
        tables.push(target);
    }
    let lost: Vec<String> =
        looked.iter().filter_map(|looked| looked.undone.as_ref()).map(ToString::to_string).collect();
    if !yes && !lost.is_empty() {
        let undone = lost.join("; ");
        return Err(SnapshotError::WouldUndo { undone }.at(Stage::Plan, &desk.schedule.name));
    }
    Ok(Target { tables, sides: home.sides, looked })
}

/// What a table goes back to. Where versions can say it, clocks are not asked.
fn back_to<'a>(origin: &'a Origin, (source, version): (&TableStore, u64), target: &TableStore) -> BackTo<'a> {
    if target.url == source.url {
        return BackTo::Version(version);
    }
    let as_of = origin.as_of;
    let held = origin.snapshot.as_ref().and_then(|document| document.table(&source.name));
    match held.filter(|held| held.source_url == target.url.as_str()) {
        Some(held) => {
            let (version, table_id) = (held.source_version, held.source_table_id.as_str());
            BackTo::CopyOf { version, table_id, as_of }
        }
        None => BackTo::Instant(as_of),
    }
}

/// What commits of this restore to a table say of themselves.
fn mark(said: &Said, target: &TableStore) -> String {
    format!("{OWN_TXN_PREFIX}{}/{}", said.by, target.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_between_the_look_and_the_plan_is_seen() {
        let table: TableName = "c.s.t".parse().unwrap();
        for (looked, found, fine) in [
            (Some(3), Some(3), true),
            (None, None, true),
            (Some(3), Some(4), false),
            (None, Some(0), false),
            (Some(3), None, false),
        ] {
            let looked = Looked { table: table.clone(), head: looked, undone: None };
            let judged = unmoved(&[looked], &table, found);
            assert_eq!(judged.is_ok(), fine, "{judged:?}");
        }
        let looked = Looked { table: table.clone(), head: Some(3), undone: None };
        let error = unmoved(&[looked], &table, Some(4)).unwrap_err();
        assert!(error.retryable() && error.to_string().contains("was at version 3"), "{error}");
        assert!(unmoved(&[], &table, Some(0)).is_ok(), "elsewhere nothing is undone");
    }
}
