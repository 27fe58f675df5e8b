//! A recovery point is compared with its source, table by table.

use lakedr_control::cut::CutTable;
use lakedr_control::group_log::{History, RecoveryPoint};

use super::scene::Scene;
use crate::cli::Level;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::verify::{Look, Pinned, Proof, prove};
use crate::plan::classes::Classes;
use crate::record::{TableRecord, with_records};

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

/// Compares the newest recovery point with its source; none when there is no recovery point.
///
/// # Errors
/// When a table of either side cannot be read.
pub async fn prove_point<'a>(
    scene: &Scene<'_>,
    history: &'a History,
    level: Level,
) -> Result<Option<PointProof<'a>>, Failure> {
    let Some(state) = &history.state else { return Ok(None) };
    let (Some(point), Some(cut)) = (state.recovery_point(), state.held()) else { return Ok(None) };
    let (group, active) = (scene.group, scene.active(history));
    let sources = scene.stores.sources(active, group).await.at(Stage::Verify, &group.name)?;
    let targets = scene.stores.tables(active.other(), group).await.at(Stage::Verify, &group.name)?;
    let look = Look { level, settled: state.open_intent.is_none() };
    let mut tables = Vec::new();
    for ((source, record), target) in with_records(scene, history, sources).await.iter().zip(&targets) {
        let Some(held) = cut.table(&source.name) else { continue };
        let none = || Classes::none(held.source_version, &held.source_table_id);
        let classes = record.as_ref().map_or_else(none, TableRecord::classes);
        let (source_version, target_version) = (held.source_version, held.target_version);
        let pinned = Pinned { source, source_version, target, target_version, classes: &classes };
        let proof = prove(pinned, look).await.map_err(|error| error.at(Stage::Verify, &source.name))?;
        tables.push((held.clone(), proof));
    }
    Ok(Some(PointProof { point, tables }))
}
