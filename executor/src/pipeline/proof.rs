//! What was published is read back, by two implementations, and compared with its source.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::id::TableName;

use super::point::prove_point;
use super::scene::Scene;
use crate::cli::Level;
use crate::error::{Classify, Failure, Stage, chain};
use crate::observe::verify::{Look, Pinned, Proof, prove};
use crate::plan::classes::Classes;
use crate::plan::group::{GroupPlan, TablePlan};

/// Live files up to which a table is read back after every commit. A larger one is read back when it has got a checkpoint,
/// which has taken as long already; in between, that would cost more than the sync itself.
const READ_BACK_UP_TO: u64 = 10_000;

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

/// Reads back the tables that a plan has written: small ones, and those that have got a checkpoint.
///
/// # Errors
/// When a table is not equal to its source: an error is never green, though the recovery point is in the log already.
pub(super) async fn read_back(
    scene: &Scene<'_>,
    plan: &GroupPlan,
    checkpointed: &BTreeSet<TableName>,
) -> Result<(), Failure> {
    let written = plan.tables.iter().filter(|table| !table.slots().is_empty());
    let now = written
        .filter(|table| table.target.after.0 <= READ_BACK_UP_TO || checkpointed.contains(table.name()));
    let proofs: Vec<_> = now.map(|table| table_reads_back(scene, table)).collect();
    stream::iter(proofs).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn table_reads_back(scene: &Scene<'_>, table: &TablePlan) -> Result<(), Failure> {
    let head = &table.source.head;
    let classes = table.classes.clone().unwrap_or_else(|| Classes::none(head.version, &head.metadata.id));
    let pinned = Pinned {
        source: &table.source.table,
        source_version: head.version,
        target: &table.target.table,
        target_version: table.version_after(),
        classes: &classes,
    };
    let look = Look { level: Level::Log, settled: false };
    let proof = match prove(pinned, look).await {
        Ok(proof) => proof,
        Err(error) => {
            // nothing was found wrong: the recovery point stands, and can be proven later
            tracing::warn!(group = %scene.group.name, table = %table.name(), "the table was not read back: {}", chain(&error));
            return Ok(());
        }
    };
    judge(&proof, head.version, table.version_after())
        .map_err(|otherwise| otherwise.at(Stage::Verify, table.name()))
}

/// Reads the newest recovery point back once more, if the last attempt has found that it does not read back: what is
/// broken does not become green because there is nothing to copy.
///
/// # Errors
/// When a table is still not equal to its source.
pub(super) async fn read_back_again(scene: &Scene<'_>, history: &History) -> Result<(), Failure> {
    let last = history.state.as_ref().and_then(|state| state.last_failure.as_ref());
    if last.is_none_or(|last| last.stage != Stage::Verify.to_string()) {
        return Ok(());
    }
    let Some(proven) = prove_point(scene, history, Level::Log).await? else { return Ok(()) };
    for (held, proof) in &proven.tables {
        judge(proof, held.source_version, held.target_version)
            .map_err(|otherwise| otherwise.at(Stage::Verify, &held.name))?;
    }
    Ok(())
}

fn judge(proof: &Proof, source_version: u64, version: Option<u64>) -> Result<(), ReadsBackOtherwise> {
    if proof.equal() {
        return Ok(());
    }
    let differences = proof.differences().map(str::to_owned).collect();
    Err(ReadsBackOtherwise { version: version.unwrap_or_default(), source_version, differences })
}
