//! Where tables are brought back to.

use lakedr_control::location::StoreUrl;

use super::origin::Origin;
use crate::delta::replica::OWN_TXN_PREFIX;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::table_error::TableError;
use crate::snapshots::desk::Desk;
use crate::snapshots::error::SnapshotError;
use crate::snapshots::replicate::Said;
use crate::snapshots::source::home;
use crate::snapshots::undone::{Undone, undone, undone_behind};
use crate::spec::{Sides, TableStore};

/// Where the tables of an origin go, in its order.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) tables: Vec<TableStore>,
    /// How they are written.
    pub(super) sides: Sides,
    pub(super) undone: Vec<Undone>,
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
    Ok(Target { tables, sides: desk.stores.away(url), undone: Vec::new() })
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
    let mark = format!("{OWN_TXN_PREFIX}{}/{}", said.by, target.name);
    Ok(commits.iter().all(|commit| commit.txns.contains_key(&mark)))
}

/// The tables that the workflow writes.
pub(super) async fn in_place(desk: &Desk<'_>, origin: &Origin, yes: bool) -> Result<Target, Failure> {
    let home = home(desk).await?;
    let (mut tables, mut lost) = (Vec::new(), Vec::new());
    for (source, version) in &origin.tables {
        let name = &source.name;
        let target = home.tables.iter().find(|target| target.name == *name).cloned();
        let absent = || SnapshotError::Undeclared { table: name.clone() }.at(Stage::Spec, name);
        let target = target.ok_or_else(absent)?;
        // a table that goes back to a version of its own loses what is behind that version, whatever clocks say
        let undone = if target.url == source.url {
            undone_behind(&target, *version).await?
        } else {
            undone(&target, origin.as_of).await?
        };
        lost.extend(undone);
        tables.push(target);
    }
    if !yes && !lost.is_empty() {
        let undone = lost.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(SnapshotError::WouldUndo { undone }.at(Stage::Plan, &desk.schedule.name));
    }
    Ok(Target { tables, sides: home.sides, undone: lost })
}
