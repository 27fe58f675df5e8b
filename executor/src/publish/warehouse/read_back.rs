use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::group_log::{FailureClass, History, OpenIntent};
use lakedr_control::id::TableName;

use crate::error::{At as _, Classify, Failure, Stage, chain};
use crate::observe::verify::{VerifyError, compare_clone};
use crate::pipeline::Scene;
use crate::publish::Slot;
use crate::spec::TableStore;

/// Tables that are read at the same time.
const IN_FLIGHT: usize = 4;

/// A clone is not what it was made of.
#[derive(Debug, thiserror::Error)]
#[error(
    "version {version} of the clone is not the same as version {landed} of the landing table: {}; the tables go back to the \
     newest recovery point. Look at both versions in the workspace before the next sync", differences.join("; ")
)]
struct ClonedOtherwise {
    version: u64,
    landed: u64,
    differences: Vec<String>,
}

impl Classify for ClonedOtherwise {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }
}

/// A table that was cloned: both versions.
struct Clone<'a> {
    name: &'a TableName,
    landed: u64,
    version: u64,
}

/// Compares what the warehouse has made with the landing tables, before anybody is told that it is published.
///
/// # Errors
/// When a table differs, or cannot be read for a reason that may pass. One that this process may not read at all is a
/// warning: reading managed tables from outside is the catalog's to allow.
pub(super) async fn read_back(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
    found: &[(Slot, Option<u64>)],
) -> Result<(), Failure> {
    let clones = intent.slots.iter().zip(found).filter_map(|(slot, (_, version))| {
        let landed = intent.cut.table(&slot.table)?.landed_version?;
        Some(Clone { name: &slot.table, landed, version: (*version)? })
    });
    let clones: Vec<Clone<'_>> = clones.collect();
    if clones.is_empty() {
        return Ok(());
    }
    let (name, side) = (&scene.group.name, scene.standby(history));
    let landing = scene.stores.landing(side, scene.group).at(Stage::Verify, name)?;
    // as the catalog has them, by whom they are read from now on
    let tables = match scene.stores.sources(side, scene.group).await {
        Ok(tables) => tables,
        Err(error) if error.retryable() => return Err(error.at(Stage::Verify, name)),
        Err(error) => {
            unreadable(name, &chain(&error));
            return Ok(());
        }
    };
    let of =
        |tables: &[TableStore], name: &TableName| tables.iter().find(|table| table.name == *name).cloned();
    let compared = clones.iter().filter_map(|clone| {
        let (from, to) = (of(&landing, clone.name)?, of(&tables, clone.name)?);
        Some(async move { compare(clone, &from, &to).await })
    });
    let compared: Vec<_> = compared.collect();
    stream::iter(compared).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn compare(clone: &Clone<'_>, from: &TableStore, to: &TableStore) -> Result<(), Failure> {
    match compare_clone((from, clone.landed), (to, clone.version)).await {
        Ok(differences) if differences.is_empty() => Ok(()),
        Ok(differences) => {
            let (version, landed) = (clone.version, clone.landed);
            Err(ClonedOtherwise { version, landed, differences }.at(Stage::Verify, clone.name))
        }
        Err(error) if may_not(&error) => {
            unreadable(clone.name, &chain(&error));
            Ok(())
        }
        Err(error) => Err(error.at(Stage::Verify, clone.name)),
    }
}

fn may_not(error: &VerifyError) -> bool {
    matches!(error.class(), FailureClass::Denied | FailureClass::Configuration | FailureClass::Unsupported)
}

fn unreadable(subject: &impl std::fmt::Display, why: &str) {
    tracing::warn!(
        "{subject} was not read back: {why}; the warehouse's own history says that it is cloned. Let the catalog lend \
         credentials to this principal (EXTERNAL USE SCHEMA) to have it compared"
    );
}
