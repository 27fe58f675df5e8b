//! What was published is read back, by two implementations, and compared with its source.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::id::TableName;
use lakedr_control::spec::Compaction;

use super::leg::Leg;
use super::point::point_tables;
use super::scene::Scene;
use crate::cli::Level;
use crate::error::{Classify, Failure, Stage, chain};
use crate::observe::verify::{Advance, Look, Pinned, Proof, VerifyError, prove, prove_advance};
use crate::plan::classes::Classes;
use crate::plan::diff::FileChange;
use crate::plan::group::{GroupPlan, TablePlan};
use crate::publish::write_checksum;
use crate::spec::TableStore;

/// Live files up to which a table is read back whole after every commit. Of a larger one only what came since the proven
/// version behind is read back, and all of it when it has got a checkpoint, which has taken as long already.
const WHOLE_UP_TO: u64 = 10_000;

/// By the logs. What came behind a recovery point meanwhile is for the next call to find.
const LOG: Look = Look { level: Level::Log, settled: false };

/// Tables that are read back at the same time.
const IN_FLIGHT: usize = 4;

/// A table does not read back as it should.
#[derive(Debug, thiserror::Error)]
#[error(
    "version {version} in the standby region does not read back as version {source_version} of its source: {}; the group is \
     not a safe place to fail over to. Keep both tables as they are, run `lakedr verify --level content`, and report this as \
     a bug of lakedr", differences.join("; ")
)]
struct ReadsBackOtherwise {
    version: u64,
    source_version: u64,
    differences: Vec<String>,
}

impl Classify for ReadsBackOtherwise {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }
}

/// Reads back the tables that a plan has written, or that nobody has read back before, and writes the checksum of each
/// that is proven.
///
/// # Errors
/// When a table is not equal to its source: an error is never green, though the recovery point is in the log already. Of a
/// sender, which has said nothing yet, also when a table cannot be read.
pub(super) async fn read_back(
    scene: &Scene<'_>,
    plan: &GroupPlan,
    checkpointed: &BTreeSet<TableName>,
) -> Result<(), Failure> {
    let written = plan.tables.iter().filter(|table| !table.slots().is_empty() || !table.target.proven);
    let proofs: Vec<_> =
        written.map(|table| table_reads_back(scene, table, checkpointed.contains(table.name()))).collect();
    stream::iter(proofs).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn table_reads_back(scene: &Scene<'_>, table: &TablePlan, checkpointed: bool) -> Result<(), Failure> {
    let version = table.version_after();
    let proof = match prove_written(table, checkpointed).await {
        Ok(proof) => proof,
        // nothing has landed yet, and nothing does that could not be read back
        Err(error) if scene.leg == Leg::Send => return Err(error.at(Stage::Verify, table.name())),
        Err(error) => {
            not_read_back(scene, table.name(), &error);
            return Ok(());
        }
    };
    tracing::debug!(table = %table.name(), ?version, "read back: {}", proof.describe());
    judge(&proof, table.source.head.version, version)
        .map_err(|otherwise| otherwise.at(Stage::Verify, table.name()))?;
    keep_checksum(&table.target.table, version, &proof).await;
    Ok(())
}

/// Proves a table that has been written, by no more than what that takes.
async fn prove_written(table: &TablePlan, checkpointed: bool) -> Result<Proof, VerifyError> {
    let large = table.target.after.0 > WHOLE_UP_TO;
    if let Some(step) = advance(table).filter(|_| large && !checkpointed)
        && let Some(proof) = prove_advance(step).await?
    {
        return Ok(proof);
    }
    let head = &table.source.head;
    let classes = table.classes.clone().unwrap_or_else(|| Classes::none(head.version, &head.metadata.id));
    let pinned = Pinned {
        source: &table.source.table,
        source_version: head.version,
        source_id: &head.metadata.id,
        target: &table.target.table,
        target_version: table.version_after(),
        classes: &classes,
    };
    prove(pinned, LOG).await
}

/// The step from the version behind, when that has been proven and the plan was made from what came since.
fn advance(table: &TablePlan) -> Option<Advance<'_>> {
    let FileChange::Listed { adds, removes } = &table.diff.files else { return None };
    let target = &table.target;
    let followed = table.source.snapshot.is_none() && target.proven;
    followed.then_some(Advance {
        target: &target.table,
        proven: target.head.as_ref()?,
        version: table.version_after()?,
        source: &table.source.head,
        adds,
        removes,
        after: target.after,
    })
}

/// Writes the checksum of a version that is proven, which says so to the next call. Readers may take protocol and
/// metadata from a checksum instead of the log, so no version has one before.
async fn keep_checksum(target: &TableStore, version: Option<u64>, proof: &Proof) {
    let Some((version, checksum)) = version.zip(proof.checksum()) else { return };
    if let Err(error) = write_checksum(target, version, checksum).await {
        tracing::warn!(table = %target.name, "no checksum at version {version}: {}", chain(&error));
    }
}

/// Reads the tables of the newest recovery point back that nobody has read back; all of them, if the last attempt has
/// found that it does not read back: what is broken does not become green because there is nothing to copy.
///
/// # Errors
/// When a table is not equal to its source.
pub(super) async fn read_back_again(
    scene: &Scene<'_>,
    history: &History,
    unproven: impl Fn(&TableName) -> bool,
) -> Result<(), Failure> {
    let last = history.state.as_ref().and_then(|state| state.last_failure.as_ref());
    let broken = last.is_some_and(|last| last.stage == Stage::Verify.to_string());
    let asked = |table: &TableName| broken || unproven(table);
    if !scene.group.tables.iter().any(|table| asked(&table.name)) {
        return Ok(());
    }
    let Some((_, tables)) = point_tables(scene, history).await? else { return Ok(()) };
    for table in tables.iter().filter(|table| asked(&table.held.name)) {
        let held = &table.held;
        // without the record nobody knows which compactions the target does not follow
        if scene.group.compaction == Compaction::Skip && !table.is_on_record() && !broken {
            continue;
        }
        match table.prove(LOG).await {
            Ok(proof) => {
                judge(&proof, table.source_version, table.target_version)
                    .map_err(|otherwise| otherwise.at(Stage::Verify, &held.name))?;
                keep_checksum(&table.target, table.target_version, &proof).await;
            }
            Err(error) if broken => return Err(error.at(Stage::Verify, &held.name)),
            Err(error) => not_read_back(scene, &held.name, &error),
        }
    }
    Ok(())
}

/// Nothing was found wrong: the recovery point stands, and the next call proves it.
fn not_read_back(scene: &Scene<'_>, table: &TableName, error: &VerifyError) {
    tracing::warn!(group = %scene.group.name, %table, "the table was not read back: {}", chain(error));
}

fn judge(proof: &Proof, source_version: u64, version: Option<u64>) -> Result<(), ReadsBackOtherwise> {
    if proof.equal() {
        return Ok(());
    }
    let differences = proof.differences().map(str::to_owned).collect();
    Err(ReadsBackOtherwise { version: version.unwrap_or_default(), source_version, differences })
}
