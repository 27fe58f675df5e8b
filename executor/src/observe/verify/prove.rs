use super::checksum::checksum_differences;
use super::logs::compare_logs;
use super::objects::check_objects;
use super::proof::{Proof, VerifyError};
use crate::cli::Level;
use crate::delta::checksum::Checksum;
use crate::observe::snapshot::Snapshot;
use crate::observe::table_error::TableError;
use crate::plan::classes::Classes;
use crate::second::{OpinionError, SecondError, second_opinion};
use crate::spec::TableStore;

/// A table at the two versions that are to be equal.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// In the active region.
    pub source: &'a TableStore,
    /// Its version.
    pub source_version: u64,
    /// `metaData.id` that it had there; empty where that is not known.
    pub source_id: &'a str,
    /// In the standby region.
    pub target: &'a TableStore,
    /// Its version; none when there is no table.
    pub target_version: Option<u64>,
    /// The compactions that the target does not follow.
    pub classes: &'a Classes,
}

/// How a target is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// How deep.
    pub level: Level,
    /// No intent is open: the recovery point has to be the newest version of the table too.
    pub settled: bool,
}

/// Compares a target with its source, both at a version. The target is read by two implementations.
///
/// # Errors
/// When a side cannot be read; that they differ is not an error.
pub async fn prove(table: Pinned<'_>, look: Look) -> Result<Proof, VerifyError> {
    let from = table.source.table();
    let wanted = from.snapshot(&from.listing().await?, Some(table.source_version)).await?;
    if !table.source_id.is_empty() && wanted.head.metadata.id != table.source_id {
        return Err(VerifyError::Recreated { version: table.source_version });
    }
    let proof = Proof::default().logical(!table.classes.is_empty());
    let (held, newest) = match held(table).await? {
        Ok(found) => found,
        Err(absent) => return Ok(proof.conclude(vec![absent])),
    };
    let logs = compare_logs(&wanted, table.source.translation()?, &held, table.classes).await?;
    let of_checksum = checksum_differences(table.target, &held, &logs).await?;
    let mut differing = logs.differences;
    differing.extend(of_checksum);
    if look.settled && newest != table.target_version {
        let text =
            |version: Option<u64>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let (newest, recorded) = (text(newest), text(table.target_version));
        differing.push(format!("the table is at version {newest}, the recovery point is version {recorded}"));
    }
    let second = second(table.target, &held, &mut differing).await?;
    let sum = Checksum::of(&held.head, logs.files, logs.bytes);
    let mut proof = proof.seconded(second).counted(logs.files, 0).summed(Some(sum));
    if look.level > Level::Log {
        let found = check_objects(table.source, table.target, &wanted, table.classes, look.level).await?;
        differing.extend(found.differences);
        proof = proof.counted(found.objects, found.bytes_compared);
    }
    Ok(proof.conclude(differing))
}

/// The target at its version, and its newest version; or why there is none.
async fn held(table: Pinned<'_>) -> Result<Result<(Snapshot, Option<u64>), String>, VerifyError> {
    let to = table.target.table();
    let found = async {
        let listing = to.listing().await?;
        let snapshot = to.snapshot(&listing, table.target_version).await?;
        Ok((snapshot, listing.latest_commit()))
    };
    match found.await {
        Ok(found) => Ok(Ok(found)),
        Err(
            error @ (TableError::NotATable { .. }
            | TableError::VersionNotYet { .. }
            | TableError::VersionExpired { .. }),
        ) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// What the second implementation says of the target: its disagreements join the differences.
async fn second(
    target: &TableStore,
    held: &Snapshot,
    differing: &mut Vec<String>,
) -> Result<String, VerifyError> {
    match second_opinion(target, held).await {
        Ok(opinion) if opinion.agrees() => Ok("agrees".to_owned()),
        Ok(opinion) => {
            differing.extend(opinion.disagreements);
            Ok("disagrees".to_owned())
        }
        Err(OpinionError::Second(SecondError::CannotRead { feature, .. })) => {
            Ok(format!("cannot read it ({feature})"))
        }
        Err(error) => Err(error.into()),
    }
}
