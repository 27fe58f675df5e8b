//! The table properties of a replica: the source's, but for the few that name the source itself.

use std::collections::BTreeMap;

/// Properties that bind a table to its catalog or coordinator.
const STRIPPED: [&str; 5] = [
    "delta.coordinatedCommits.commitCoordinator-preview",
    "delta.coordinatedCommits.commitCoordinatorConf-preview",
    "delta.coordinatedCommits.tableConf-preview",
    "io.unitycatalog.tableId",
    "ucTableId",
];
/// Since which version in-commit timestamps are on; counted in a table's own versions.
pub const ENABLEMENT_VERSION: &str = "delta.inCommitTimestampEnablementVersion";
/// Since when in-commit timestamps are on, in milliseconds since the epoch.
pub const ENABLEMENT_TIMESTAMP: &str = "delta.inCommitTimestampEnablementTimestamp";
/// Below which version checkpoints are protected; counted in a table's own versions.
const CHECKPOINT_PROTECTION: &str = "delta.requireCheckpointProtectionBeforeVersion";

/// The properties of a replica, without those about the enablement of in-commit timestamps.
///
/// All others are carried verbatim, unknown ones too. The protected range of checkpoints is a number of
/// source versions; a replica starts with none.
#[must_use]
pub fn replica_configuration(source: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut configuration = without_enablement(source);
    configuration.retain(|key, _| !STRIPPED.contains(&key.as_str()));
    if let Some(value) = configuration.get_mut(CHECKPOINT_PROTECTION) {
        "0".clone_into(value);
    }
    configuration
}

/// The properties without those that say since when in-commit timestamps are on.
#[must_use]
pub fn without_enablement(configuration: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut configuration = configuration.clone();
    configuration.retain(|key, _| key != ENABLEMENT_VERSION && key != ENABLEMENT_TIMESTAMP);
    configuration
}

/// The two enablement properties as far as they are set.
#[must_use]
pub fn enablement(configuration: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut configuration = configuration.clone();
    configuration.retain(|key, _| key == ENABLEMENT_VERSION || key == ENABLEMENT_TIMESTAMP);
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_the_source_changes() {
        let source: BTreeMap<String, String> = [
            ("delta.coordinatedCommits.tableConf-preview", "x"),
            ("io.unitycatalog.tableId", "x"),
            (ENABLEMENT_VERSION, "4"),
            (ENABLEMENT_TIMESTAMP, "5"),
            (CHECKPOINT_PROTECTION, "17"),
            ("delta.columnMapping.maxColumnId", "9"),
            ("somebody.elses", "ü"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let replica: Vec<(String, String)> = replica_configuration(&source).into_iter().collect();
        let expected =
            [("delta.columnMapping.maxColumnId", "9"), (CHECKPOINT_PROTECTION, "0"), ("somebody.elses", "ü")];
        assert_eq!(replica, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(enablement(&source).len(), 2);
    }
}
