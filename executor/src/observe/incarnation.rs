//! Whether a version of a table is still the state that was named. Versions begin again when a table is dropped and created
//! anew, or moved away and cloned anew, and then the same number is another state.

use lakedr_control::cut::Cut;
use lakedr_control::group_log::{GroupState, RecoveryPoint};
use lakedr_control::id::TableName;
use lakedr_control::validate::{Publisher, SideName};

use super::table_error::TableError;
use crate::delta::listing::LogListing;
use crate::delta::state::TableHead;
use crate::pipeline::Scene;
use crate::plan::own_app_id;
use crate::spec::TableStore;

/// The tables of one side, as a recovery point names them.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    scene: &'a Scene<'a>,
    cut: &'a Cut,
    /// Sequence number of the intent that published the cut.
    intent: u64,
    end: End,
}

/// What the tables of a side were to a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The tables that were copied.
    Source,
    /// The tables that lakedr wrote.
    Target,
    /// The tables that a SQL warehouse wrote, which need not keep our progress.
    Cloned,
}

impl<'a> Named<'a> {
    /// The tables of a side at a recovery point.
    #[must_use]
    pub fn by(scene: &'a Scene<'_>, state: &GroupState, point: &'a RecoveryPoint, side: SideName) -> Self {
        let is_source = (side == active(scene, state)) != state.is_turned(point);
        Self { scene, cut: &point.cut, intent: point.intent, end: End::of(scene, is_source) }
    }

    /// The tables of a side at what a change of roles goes on from: the open intent, which is finished first, or else the
    /// newest recovery point.
    #[must_use]
    pub fn by_newest(scene: &'a Scene<'_>, state: &'a GroupState, side: SideName) -> Option<Self> {
        let Some(open) = &state.open_intent else {
            return Some(Self::by(scene, state, state.recovery_point()?, side));
        };
        let end = End::of(scene, side == active(scene, state));
        Some(Self { scene, cut: &open.cut, intent: open.seq, end })
    }

    /// Version of a table of this side at the recovery point.
    #[must_use]
    pub fn version(&self, table: &TableName) -> Option<u64> {
        let held = self.cut.table(table)?;
        if self.end == End::Source { Some(held.source_version) } else { held.target_version }
    }

    /// Whether a table, as it is at its version of the recovery point, is the one that the point names.
    ///
    /// Tables that are copied have an id of their own. Those that lakedr writes always have the same one; they hold the
    /// sequence number of the intent that wrote them, which is never later than that of the point.
    #[must_use]
    pub fn holds(&self, table: &TableName, head: &TableHead) -> bool {
        let written = head.txns.get(&own_app_id(&self.scene.group.name, table)).map(|txn| txn.version);
        let not_later = written.is_none_or(|seq| u64::try_from(seq).is_ok_and(|seq| seq <= self.intent));
        let id = self.cut.table(table).map(|held| held.source_table_id.as_str());
        not_later
            && match self.end {
                End::Source => id.is_none_or(|id| id.is_empty() || id == head.metadata.id),
                End::Target => written.is_some(),
                End::Cloned => true,
            }
    }

    /// [`Self::is_in`] the log of a table as it is now.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn is_in_log_of(&self, table: &TableStore) -> Result<bool, TableError> {
        self.is_in(table, &table.table().listing().await?).await
    }

    /// Whether a table still has the version that the recovery point names. One that has been cleaned away cannot be told
    /// from another any more, and counts as that one.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn is_in(&self, table: &TableStore, listing: &LogListing) -> Result<bool, TableError> {
        let Some(version) = self.version(&table.name) else { return Ok(true) };
        match table.table().snapshot(listing, Some(version)).await {
            Ok(snapshot) => Ok(self.holds(&table.name, &snapshot.head)),
            Err(TableError::VersionExpired { .. }) => Ok(true),
            Err(TableError::VersionNotYet { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl End {
    fn of(scene: &Scene<'_>, is_source: bool) -> Self {
        match (is_source, &scene.group.publisher) {
            (true, _) => Self::Source,
            (false, Publisher::Native) => Self::Target,
            (false, _) => Self::Cloned,
        }
    }
}

fn active(scene: &Scene<'_>, state: &GroupState) -> SideName {
    scene.group.side_of(&state.role.active).unwrap_or(scene.group.initial_active)
}
