//! A recovery point is compared with its source, table by table.

use lakedr_control::cut::CutTable;
use lakedr_control::group_log::{History, RecoveryPoint};
use lakedr_control::validate::Publisher;

use super::leg::Leg;
use super::scene::Scene;
use crate::cli::Level;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::verify::{Look, Pinned, Proof, VerifyError, prove, prove_clone};
use crate::plan::classes::Classes;
use crate::record::{TableRecord, with_records};
use crate::spec::TableStore;

/// What comparing a recovery point came to.
#[derive(Debug)]
pub struct PointProof<'a> {
    /// The newest recovery point.
    pub point: &'a RecoveryPoint,
    /// Its tables that are declared, in the roles in force, each with its proof.
    pub tables: Vec<(CutTable, Proof)>,
}

impl PointProof<'_> {
    /// Whether every table is equal to its source.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.tables.iter().all(|(_, proof)| proof.equal())
    }
}

/// A table of a recovery point, and both its sides.
#[derive(Debug)]
pub(super) struct PointTable {
    /// The table as the recovery point holds it.
    pub(super) held: CutTable,
    source: TableStore,
    /// Version of the side that it is compared with.
    pub(super) source_version: u64,
    /// `metaData.id` that it had; empty where that is not known.
    source_id: String,
    record: Option<TableRecord>,
    /// The table in the standby region.
    pub(super) target: TableStore,
    /// Its version.
    pub(super) target_version: Option<u64>,
    /// Whether a SQL warehouse wrote it, which names files as it likes.
    cloned: bool,
}

impl PointTable {
    /// Whether what the target does not follow is on record. It is not for a short while behind the last slot.
    pub(super) fn is_on_record(&self) -> bool {
        self.record.is_some()
    }

    /// Compares both sides.
    ///
    /// # Errors
    /// When one of them cannot be read; that they differ is not an error.
    pub(super) async fn prove(&self, look: Look) -> Result<Proof, VerifyError> {
        if self.cloned {
            let target = self.target_version.map(|version| (&self.target, version));
            return prove_clone((&self.source, self.source_version), target).await;
        }
        let none = || Classes::none(self.source_version, &self.held.source_table_id);
        let classes = self.record.as_ref().map_or_else(none, TableRecord::classes);
        let pinned = Pinned {
            source: &self.source,
            source_version: self.source_version,
            source_id: &self.source_id,
            target: &self.target,
            target_version: self.target_version,
            classes: &classes,
        };
        prove(pinned, look).await
    }
}

/// The declared tables of the newest recovery point; none when there is no recovery point.
///
/// # Errors
/// When a store cannot be opened.
pub(super) async fn point_tables<'a>(
    scene: &Scene<'_>,
    history: &'a History,
) -> Result<Option<(&'a RecoveryPoint, Vec<PointTable>)>, Failure> {
    let Some(state) = &history.state else { return Ok(None) };
    let (Some(point), Some(cut)) = (state.recovery_point(), state.held()) else { return Ok(None) };
    let group = scene.group;
    let sources = scene.sources(history).await.at(Stage::Verify, &group.name)?;
    let cloned = group.publisher != Publisher::Native;
    let standby = scene.standby(history);
    let targets = if cloned {
        scene.stores.sources(standby, group).await
    } else {
        scene.stores.tables(standby, group).await
    };
    let targets = targets.at(Stage::Verify, &group.name)?;
    let sides = with_records(scene, history, sources).await.into_iter().zip(targets);
    let tables = sides.filter_map(|((source, record), target)| {
        let held = cut.table(&source.name)?.clone();
        // a point from before staged delivery has no version in the landing area
        let (source_version, target_version) = scene.leg.versions(&held);
        let source_id = if scene.leg == Leg::Receive { String::new() } else { held.source_table_id.clone() };
        Some(PointTable {
            held,
            source,
            source_id,
            source_version: source_version?,
            record,
            target,
            target_version,
            cloned,
        })
    });
    Ok(Some((point, tables.collect())))
}

/// Compares the newest recovery point with its source; none when there is no recovery point.
///
/// # Errors
/// When a table of either side cannot be read.
pub async fn prove_point<'a>(
    scene: &Scene<'_>,
    history: &'a History,
    level: Level,
) -> Result<Option<PointProof<'a>>, Failure> {
    let Some((point, declared)) = point_tables(scene, history).await? else { return Ok(None) };
    let settled = history.state.as_ref().is_some_and(|state| state.open_intent.is_none());
    let mut tables = Vec::new();
    for table in declared {
        let proof = table.prove(Look { level, settled }).await;
        let proof = proof.map_err(|error| error.at(Stage::Verify, &table.held.name))?;
        tables.push((table.held, proof));
    }
    Ok(Some(PointProof { point, tables }))
}
