//! What is brought back: a snapshot, or what the source still holds of a moment.

use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use lakedr_control::snapshots::{Catalog, SnapshotDocument, SnapshotTable};
use lakedr_control::time;

use super::Where;
use super::still_held::{Held, still_held};
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::snapshots::desk::Desk;
use crate::snapshots::error::SnapshotError;
use crate::spec::{Sides, TableStore};

/// Tables, each at a version: one state.
#[derive(Debug)]
pub(super) struct Origin {
    /// Names the state: the same one has the same id, so that a call that was cut short is gone on with.
    pub(super) id: String,
    /// The snapshot; none when it is the source.
    pub(super) snapshot: Option<Box<SnapshotDocument>>,
    /// Why it and no other.
    pub(super) because: Option<String>,
    /// Why nothing newer.
    pub(super) warning: Option<String>,
    /// The instant that the tables show.
    pub(super) as_of: DateTime<Utc>,
    /// What they hold, in words.
    pub(super) holds: String,
    pub(super) tables: Vec<(TableStore, u64)>,
    /// How they are read.
    pub(super) sides: Sides,
}

/// What a call asks for.
pub(super) async fn origin(
    desk: &Desk<'_>,
    catalog: &Catalog,
    which: &super::Which,
    named: &[TableName],
    to: &Where,
) -> Result<Origin, Failure> {
    let name = &desk.schedule.name;
    let at = match which {
        super::Which::Id(id) => {
            let document = desk.document(catalog, id).await?;
            return snapshot(desk, &document, named);
        }
        super::Which::AtOrBefore(at) => *at,
    };
    let document = match catalog.at_or_before(at) {
        Some(kept) => Some(desk.document(catalog, &kept.id).await?),
        None => None,
    };
    let in_place = matches!(to, Where::InPlace { .. });
    let held = still_held(desk, at, document.as_ref(), named, in_place).await;
    let Some(document) = document else {
        return match held {
            Ok(Held::Newer(origin)) => Ok(Origin {
                because: Some(format!("there is no snapshot of {} or before", time::format(at))),
                ..*origin
            }),
            Ok(Held::NothingNewer(why)) => Err(none_before(desk, catalog, at, why).at(Stage::Observe, name)),
            Err(failure) => Err(none_before(desk, catalog, at, chain(&failure)).at(Stage::Observe, name)),
        };
    };
    let told = format!("snapshot {} ({})", document.id, document.describe());
    let failed = match held {
        Ok(Held::Newer(origin)) => {
            let because = Some(format!("the source still holds what is newer than {told}"));
            return Ok(Origin { because, ..*origin });
        }
        Ok(Held::NothingNewer(why)) => {
            return Ok(Origin { because: Some(why), ..snapshot(desk, &document, named)? });
        }
        Err(failure) => chain(&failure),
    };
    let because = Some(format!("it is the newest snapshot of {} or before", time::format(at)));
    let warning = Some(format!(
        "the source cannot be used, so {told} is brought back; what was committed between that and {} is not: {failed}",
        time::format(at)
    ));
    Ok(Origin { because, warning, ..snapshot(desk, &document, named)? })
}

fn none_before(desk: &Desk<'_>, catalog: &Catalog, at: DateTime<Utc>, reason: String) -> SnapshotError {
    let oldest = catalog.snapshots.iter().map(|kept| kept.as_of).min();
    SnapshotError::NoneBefore {
        schedule: desk.schedule.name.clone(),
        at: time::format(at),
        oldest: oldest.map_or_else(|| "none".to_owned(), time::format),
        reason,
    }
}

fn snapshot(desk: &Desk<'_>, document: &SnapshotDocument, named: &[TableName]) -> Result<Origin, Failure> {
    let chosen = choose(document, named).at(Stage::Spec, &desk.schedule.name)?;
    let copy = |table: &SnapshotTable| {
        let copy = desk.stores.copy(&table.name, &table.path).at(Stage::Observe, &table.name)?;
        Ok((copy, table.version))
    };
    Ok(Origin {
        id: document.id.to_string(),
        snapshot: Some(Box::new(document.clone())),
        because: None,
        warning: None,
        as_of: document.as_of,
        holds: document.describe(),
        tables: chosen.into_iter().map(copy).collect::<Result<_, Failure>>()?,
        sides: desk.stores.back(),
    })
}

fn choose<'a>(
    document: &'a SnapshotDocument,
    named: &[TableName],
) -> Result<Vec<&'a SnapshotTable>, SnapshotError> {
    if named.is_empty() {
        return Ok(document.tables.iter().collect());
    }
    let find = |name: &TableName| {
        document.table(name).ok_or_else(|| SnapshotError::NoTable {
            id: document.id.clone(),
            table: name.clone(),
            known: document.tables.iter().map(|table| table.name.to_string()).collect::<Vec<_>>().join(", "),
        })
    };
    named.iter().map(find).collect()
}
