//! Does a change of protocol or metadata change how files of before are read?

use super::layout::{Layout, MAPPING_MODE};
use crate::delta::protocol::Protocol;
use crate::delta::state::{Metadata, TableHead};

/// Whether stable row ids are kept, and the columns in the data files that hold them.
const ROW_TRACKING: [&str; 3] = [
    "delta.enableRowTracking",
    "delta.rowTracking.materializedRowIdColumnName",
    "delta.rowTracking.materializedRowCommitVersionColumnName",
];
/// Begin of the properties that put a table under the rules of Iceberg.
const ICEBERG: &str = "delta.enableIceberg";
/// Features, by the begin of their names, whose rules each data file has to keep.
const BINDS_FILES: [&str; 3] = ["iceberg", "materializePartitionColumns", "adaptiveMetadata"];

/// Protocol and metadata at one point of a history.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) protocol: Protocol,
    pub(super) metadata: Metadata,
}

impl Terms {
    pub(super) fn of(head: &TableHead) -> Self {
        Self { protocol: head.protocol.clone(), metadata: head.metadata.clone() }
    }

    /// Whether files that are no longer live could read otherwise under `next`; of those that are, the log
    /// answers for it.
    pub(super) fn reinterpreted(&self, next: &Self) -> bool {
        let (before, after) = (&self.metadata, &next.metadata);
        let property = |name: &str| before.property(name) != after.property(name);
        let features = self.protocol.reads().union(&self.protocol.writes()).cloned().collect::<Vec<_>>();
        before.id != after.id
            || property(MAPPING_MODE)
            || ROW_TRACKING.into_iter().any(property)
            || iceberg(after).iter().any(|name| !before.is_on(name))
            || features.iter().any(|feature| !next.protocol.has(feature))
            || relaid(before, after)
    }

    /// Whether the protocol makes demands on each data file that an older one need not meet.
    pub(super) fn bind_files(&self) -> bool {
        let features = &self.protocol.reads() | &self.protocol.writes();
        features.iter().any(|feature| BINDS_FILES.iter().any(|begin| feature.starts_with(begin)))
    }

    pub(super) fn allow_vectors(&self) -> bool {
        self.protocol.has("deletionVectors")
    }

    pub(super) fn track_rows(&self) -> bool {
        self.metadata.is_on(ROW_TRACKING[0])
    }
}

fn iceberg(metadata: &Metadata) -> Vec<&String> {
    metadata.configuration.keys().filter(|name| name.starts_with(ICEBERG) && metadata.is_on(name)).collect()
}

fn relaid(before: &Metadata, after: &Metadata) -> bool {
    if before.raw.text() == after.raw.text() {
        return false;
    }
    match (Layout::of(before), Layout::of(after)) {
        (Some(old), Some(new)) => !old.reads_alike(&new),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::json::RawObject;

    fn terms(features: &str, properties: &str) -> Terms {
        let features: Vec<String> = features.split_whitespace().map(|name| format!("\"{name}\"")).collect();
        let protocol = format!(
            r#"{{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":[{}]}}"#,
            features.join(",")
        );
        let metadata = format!(
            r#"{{"id":"t","format":{{"provider":"parquet"}},"schemaString":"{{\"fields\":[]}}","partitionColumns":[],"configuration":{{{properties}}}}}"#
        );
        Terms {
            protocol: Protocol::parse(RawObject::parse(&protocol).expect("json")).expect("protocol"),
            metadata: Metadata::parse(RawObject::parse(&metadata).expect("json")).expect("metadata"),
        }
    }

    #[test]
    fn what_changes_how_older_files_read() {
        let cases = [
            (terms("a", ""), terms("a b", ""), false),
            (terms("a b", ""), terms("a", ""), true),
            (terms("", ""), terms("", r#""delta.appendOnly":"true","owner":"x""#), false),
            (terms("", ""), terms("", r#""delta.columnMapping.mode":"name""#), true),
            (terms("", ""), terms("", r#""delta.enableRowTracking":"true""#), true),
            (terms("", ""), terms("", r#""delta.rowTracking.materializedRowIdColumnName":"x""#), true),
            (terms("", ""), terms("", r#""delta.enableIcebergCompatV2":"true""#), true),
            (terms("", r#""delta.enableIcebergCompatV2":"true""#), terms("", ""), false),
        ];
        for (before, after, expected) in cases {
            assert_eq!(before.reinterpreted(&after), expected, "{before:?} {after:?}");
        }
        let (mut other, mut broken) = (terms("", ""), terms("", ""));
        other.metadata.id = "other".to_owned();
        assert!(terms("", "").reinterpreted(&other));
        broken.metadata.raw = broken.metadata.raw.with_raw("schemaString", r#""{""#);
        assert!(terms("", "").reinterpreted(&broken));
    }

    #[test]
    fn what_binds_files() {
        let binding =
            ["icebergCompatV1", "icebergCompatV3", "icebergWriterCompatV1", "materializePartitionColumns"];
        assert!(binding.iter().all(|feature| terms(feature, "").bind_files()));
        assert!(!terms("deletionVectors clustering rowTracking", "").bind_files());
    }
}
