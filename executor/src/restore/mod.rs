//! Bringing a whole group to a recovery point that it had: elsewhere, as tables of their own; or in place, as one more intent
//! of its log, so that all tables go back together and their history is kept.

mod elsewhere;
mod find;
mod in_place;
mod kept;
mod refusal;

use lakedr_control::group_log::RecoveryPoint;
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use serde::Serialize;

pub use find::{InvalidPoint, To};
pub use refusal::RestoreRefusal;

use crate::error::{At as _, Failure, Stage};
use crate::pipeline::{Scene, Stop};
use crate::report::Progress;

/// Where a recovery point is brought back to.
#[derive(Debug, Clone)]
pub enum Where {
    /// Below this place, at catalog/schema/table, where there is nothing yet.
    Elsewhere(StoreUrl),
    /// To the tables of the standby region.
    InPlace {
        /// Also when nothing keeps the next sync from bringing the newest run back.
        yes: bool,
    },
}

/// One table that was brought back.
#[derive(Debug, Clone, Serialize)]
pub struct RestoredTable {
    /// The table.
    pub name: TableName,
    /// Where it is.
    pub url: String,
    /// Its version.
    pub version: u64,
    /// Version of the table in the standby region that it is equal to.
    pub of_version: u64,
}

/// What restoring a group came to.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The group.
    pub group: String,
    /// `restored`
    pub outcome: &'static str,
    /// Sequence number of the recovery point that was asked for.
    pub point: u64,
    /// What it holds, in words.
    pub holds: String,
    /// Sequence number of the recovery point that this made; none when the tables are elsewhere.
    pub seq: Option<u64>,
    /// Its tables.
    pub tables: Vec<RestoredTable>,
}

/// Why a group is not restored.
#[derive(Debug)]
pub enum NotRestored {
    /// It must not be.
    Refused(RestoreRefusal),
    /// A stage says so.
    Stopped(Stop),
}

impl From<RestoreRefusal> for NotRestored {
    fn from(refusal: RestoreRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for NotRestored {
    fn from(failure: Failure) -> Self {
        Self::Stopped(failure.into())
    }
}

impl From<Stop> for NotRestored {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// Brings a group to a recovery point.
///
/// # Errors
/// When there is no such point, it cannot be read any more, the place is taken, or the group must not be touched.
pub async fn restore_group(
    scene: &Scene<'_>,
    to: To,
    place: &Where,
    progress: &Progress,
) -> Result<Restored, NotRestored> {
    let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
    match place {
        Where::Elsewhere(url) => elsewhere::restore(scene, &history, to, url, progress).await,
        Where::InPlace { yes } => in_place::restore(scene, history, to, *yes).await,
    }
}

fn restored(scene: &Scene<'_>, point: &RecoveryPoint, tables: Vec<RestoredTable>) -> Restored {
    Restored {
        group: scene.group.name.to_string(),
        outcome: "restored",
        point: point.seq,
        holds: point.cut.describe(),
        seq: None,
        tables,
    }
}
