//! The version checksum of a target, which readers may believe in place of the log.

use super::logs::LogProof;
use super::proof::VerifyError;
use crate::delta::checksum::Checksum;
use crate::observe::snapshot::Snapshot;
use crate::spec::TableStore;

/// What the checksum of a target's version says otherwise than its log; nothing when it has none.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn checksum_differences(
    target: &TableStore,
    held: &Snapshot,
    logs: &LogProof,
) -> Result<Vec<String>, VerifyError> {
    let version = held.head.version;
    let Some(bytes) = target.table().checksum_bytes(version).await? else { return Ok(Vec::new()) };
    Ok(match Checksum::parse(&bytes) {
        Ok(checksum) => {
            let found = checksum.disagreements(&held.head, logs.files, logs.bytes);
            found.into_iter().map(|what| format!("checksum of version {version}: {what}")).collect()
        }
        Err(error) => vec![format!("checksum of version {version}: {}", crate::error::chain(&error))],
    })
}
