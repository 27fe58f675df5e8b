//! The gate: which table features a file-level clone carries, and which it refuses by name.
//!
//! The list is an allowlist of this program's own: a reader feature that is not on it may change which
//! files make up the table, a writer feature may refer to state that is not copied.

use thiserror::Error;

use super::protocol::{READER_FEATURES, WRITER_FEATURES};
use super::state::TableHead;

/// Features that a clone carries: their state is in the log or in the files themselves.
const CARRIED: &[&str] = &[
    "allowColumnDefaults",
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "checkpointProtection",
    "clustering",
    "collations",
    "collations-preview",
    "columnMapping",
    "columnMappingUsageTracking",
    "deletionVectors",
    "domainMetadata",
    "generatedColumns",
    "icebergCompatV1",
    "icebergCompatV2",
    "icebergCompatV3",
    "icebergWriterCompatV1",
    "identityColumns",
    "inCommitTimestamp",
    "inCommitTimestamp-preview",
    "intervalType",
    "invariants",
    "liquid",
    "materializePartitionColumns",
    "rowTracking",
    "timestampNanos",
    "timestampNtz",
    "timestampWithoutTimezone",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantShredding",
    "variantShredding-preview",
    "variantType",
    "variantType-preview",
];

/// Features that leave the list of commits to a catalog.
const CATALOG: &[&str] = &["catalogManaged", "catalogOwned-preview"];
/// A writer-only feature with the same hole, open while a coordinator is set.
const COORDINATED: &str = "coordinatedCommits-preview";
/// The property that names the coordinator.
const COORDINATOR: &str = "delta.coordinatedCommits.commitCoordinator-preview";
/// Features whose property redirects to another place, named like the property without `delta.`.
const REDIRECT: &[&str] = &["redirectReaderWriter-preview", "redirectWriterOnly-preview"];
/// Files are in manifests and not in add actions.
const MANIFESTS: &str = "adaptiveMetadata-preview";
/// Columns whose values no second, independent reader of this program's tests can check.
const GEOSPATIAL: &[&str] = &["geospatial", "geospatial-dev"];

/// A reason not to clone a table, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FeatureRefusal {
    /// A reader version beyond the protocol that this program knows.
    #[error("minReaderVersion {found} is beyond 3, the newest that lakedr reads; upgrade lakedr")]
    ReaderVersion {
        /// The version asked for.
        found: u32,
    },
    /// A writer version beyond the protocol that this program knows.
    #[error("minWriterVersion {found} is beyond 7, the newest that lakedr writes; upgrade lakedr")]
    WriterVersion {
        /// The version asked for.
        found: u32,
    },
    /// Versions and feature lists contradict each other.
    #[error("the protocol action contradicts itself: {problem}; the log is damaged")]
    Contradiction {
        /// What does not fit.
        problem: &'static str,
    },
    /// The data files are not Parquet.
    #[error("format `{provider}` is not parquet; only parquet tables are delta tables")]
    Format {
        /// The format of the data files.
        provider: String,
    },
    /// A catalog owns the commits of the table.
    #[error(
        "feature `{feature}`: the catalog may hold commits that storage does not show; drop the feature, or \
         replicate the table through its catalog"
    )]
    CatalogManaged {
        /// Name of the feature.
        feature: String,
    },
    /// A commit coordinator owns the commits of the table.
    #[error(
        "feature `coordinatedCommits-preview`: coordinator `{coordinator}` may hold commits that storage does \
         not show; unset the coordinator of the table"
    )]
    Coordinated {
        /// The coordinator.
        coordinator: String,
    },
    /// The table redirects to another one.
    #[error("feature `{feature}`: the table redirects elsewhere ({target}); protect the table it points to")]
    Redirected {
        /// Name of the feature.
        feature: String,
        /// Where to, as the table property says it.
        target: String,
    },
    /// The file list is not in the log.
    #[error("feature `{feature}`: the files are listed in manifests and not in the log; drop the feature")]
    Manifests {
        /// Name of the feature.
        feature: String,
    },
    /// Geometry and geography columns.
    #[error(
        "feature `{feature}`: geometry and geography columns cannot be verified at the target; keep them in a \
         table of their own, as binary columns"
    )]
    Geospatial {
        /// Name of the feature.
        feature: String,
    },
    /// A reader feature that this program does not know.
    #[error(
        "reader feature `{feature}` is unknown and may change what belongs to the table; upgrade lakedr or drop the feature"
    )]
    UnknownReader {
        /// Name of the feature.
        feature: String,
    },
    /// A writer feature that this program does not know.
    #[error(
        "writer feature `{feature}` is unknown and may refer to state outside of the table; upgrade lakedr or drop the feature"
    )]
    UnknownWriter {
        /// Name of the feature.
        feature: String,
    },
}

/// Decides whether a table can be cloned at this state.
///
/// # Errors
/// Every reason against it, not only the first.
pub fn gate(head: &TableHead) -> Result<(), Vec<FeatureRefusal>> {
    let mut refusals = versions(head);
    if head.metadata.format_provider != "parquet" {
        refusals.push(FeatureRefusal::Format { provider: head.metadata.format_provider.clone() });
    }
    let (reads, writes) = (head.protocol.reads(), head.protocol.writes());
    for feature in reads.union(&writes) {
        refusals.extend(verdict(feature, reads.contains(feature)));
    }
    refusals.extend(redirects(head));
    let coordinator = head.metadata.property(COORDINATOR).filter(|name| !name.is_empty());
    refusals.extend(coordinator.map(|name| FeatureRefusal::Coordinated { coordinator: name.to_owned() }));
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn versions(head: &TableHead) -> Vec<FeatureRefusal> {
    let protocol = &head.protocol;
    let mut refusals = Vec::new();
    if protocol.min_reader > READER_FEATURES {
        refusals.push(FeatureRefusal::ReaderVersion { found: protocol.min_reader });
    }
    if protocol.min_writer > WRITER_FEATURES {
        refusals.push(FeatureRefusal::WriterVersion { found: protocol.min_writer });
    }
    let contradiction = if protocol.min_reader < READER_FEATURES && protocol.reader_features.is_some() {
        Some("readerFeatures are listed below minReaderVersion 3")
    } else if protocol.min_reader == READER_FEATURES && protocol.reader_features.is_none() {
        Some("minReaderVersion 3 without a list of readerFeatures")
    } else if protocol.min_reader == READER_FEATURES && protocol.min_writer < WRITER_FEATURES {
        Some("minReaderVersion 3 below minWriterVersion 7")
    } else if protocol.min_writer < WRITER_FEATURES && protocol.writer_features.is_some() {
        Some("writerFeatures are listed below minWriterVersion 7")
    } else if protocol.min_writer == WRITER_FEATURES && protocol.writer_features.is_none() {
        Some("minWriterVersion 7 without a list of writerFeatures")
    } else {
        None
    };
    refusals.extend(contradiction.map(|problem| FeatureRefusal::Contradiction { problem }));
    refusals
}

fn verdict(feature: &str, for_readers: bool) -> Option<FeatureRefusal> {
    let name = feature.to_owned();
    if CARRIED.contains(&feature) || feature == COORDINATED || REDIRECT.contains(&feature) {
        return None;
    }
    Some(if CATALOG.contains(&feature) {
        FeatureRefusal::CatalogManaged { feature: name }
    } else if feature == MANIFESTS {
        FeatureRefusal::Manifests { feature: name }
    } else if GEOSPATIAL.contains(&feature) {
        FeatureRefusal::Geospatial { feature: name }
    } else if for_readers {
        FeatureRefusal::UnknownReader { feature: name }
    } else {
        FeatureRefusal::UnknownWriter { feature: name }
    })
}

fn redirects(head: &TableHead) -> impl Iterator<Item = FeatureRefusal> {
    REDIRECT.iter().filter_map(|feature| {
        let property = head.metadata.property(&format!("delta.{feature}"));
        if property.is_none() && !head.protocol.has(feature) {
            return None;
        }
        let target = property.unwrap_or("the property that says where is not set").to_owned();
        Some(FeatureRefusal::Redirected { feature: (*feature).to_owned(), target })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::replay::{Replay, Tombstones};

    fn refused(protocol: &str, configuration: &str, format: &str) -> Vec<String> {
        let head = format!(
            "{{\"protocol\":{protocol}}}\n{{\"metaData\":{{\"id\":\"t\",\"format\":{{\"provider\":\"{format}\"}},\
             \"schemaString\":\"{{}}\",\"partitionColumns\":[],\"configuration\":{configuration}}}}}"
        );
        let mut replay = Replay::new(Tombstones::Drop);
        for action in actions(head.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        let state = replay.finish("file:///t", 0).expect("state");
        gate(&state.head).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    fn features(reader: &str, writer: &str) -> String {
        format!(
            r#"{{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[{reader}],"writerFeatures":[{writer}]}}"#
        )
    }

    #[test]
    fn carried() {
        let cases = [
            r#"{"minReaderVersion":1,"minWriterVersion":2}"#.to_owned(),
            r#"{"minReaderVersion":2,"minWriterVersion":6}"#.to_owned(),
            r#"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["rowTracking","domainMetadata"]}"#
                .to_owned(),
            features(r#""deletionVectors","typeWidening""#, r#""deletionVectors","typeWidening","liquid""#),
            features("", r#""coordinatedCommits-preview","inCommitTimestamp""#),
        ];
        for protocol in cases {
            assert_eq!(refused(&protocol, "{}", "parquet"), Vec::<String>::new(), "{protocol}");
        }
    }

    #[test]
    fn refused_by_name() {
        let cases = [
            (
                r#"{"minReaderVersion":99,"minWriterVersion":8}"#.to_owned(),
                "{}",
                "parquet",
                vec!["minReaderVersion 99", "minWriterVersion 8"],
            ),
            (
                r#"{"minReaderVersion":2,"minWriterVersion":7,"readerFeatures":[],"writerFeatures":[]}"#
                    .to_owned(),
                "{}",
                "parquet",
                vec!["readerFeatures are listed below"],
            ),
            (
                r#"{"minReaderVersion":3,"minWriterVersion":7,"writerFeatures":[]}"#.to_owned(),
                "{}",
                "parquet",
                vec!["without a list of readerFeatures"],
            ),
            (features("", ""), "{}", "csv", vec!["format `csv`"]),
            (
                features(r#""catalogManaged""#, r#""catalogManaged""#),
                "{}",
                "parquet",
                vec!["feature `catalogManaged`"],
            ),
            (
                features("", r#""coordinatedCommits-preview""#),
                r#"{"delta.coordinatedCommits.commitCoordinator-preview":"dynamodb"}"#,
                "parquet",
                vec!["coordinator `dynamodb`"],
            ),
            (
                features("", r#""redirectWriterOnly-preview""#),
                r#"{"delta.redirectWriterOnly-preview":"s3://b/t"}"#,
                "parquet",
                vec!["redirects elsewhere (s3://b/t)"],
            ),
            (
                features(r#""adaptiveMetadata-preview""#, r#""adaptiveMetadata-preview""#),
                "{}",
                "parquet",
                vec!["manifests"],
            ),
            (features(r#""geospatial""#, r#""geospatial""#), "{}", "parquet", vec!["feature `geospatial`"]),
            (
                features(r#""later""#, r#""later","sooner""#),
                "{}",
                "parquet",
                vec!["reader feature `later`", "writer feature `sooner`"],
            ),
        ];
        for (protocol, configuration, format, expected) in cases {
            let messages = refused(&protocol, configuration, format);
            assert_eq!(messages.len(), expected.len(), "{messages:?}");
            for (message, part) in messages.iter().zip(expected) {
                assert!(message.contains(part), "{message}");
            }
        }
    }
}
