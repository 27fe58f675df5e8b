//! The gate: which table features a file-level clone carries, and which it refuses by name.
//!
//! The list is an allowlist of this program's own: a reader feature that is not on it may change which
//! files make up the table, a writer feature may refer to state that is not copied.

use std::collections::BTreeSet;

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
    "geospatial",
    "geospatial-dev",
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
/// The coordinator whose commits this program can ask for.
const UNITY_CATALOG: &str = "unity-catalog";
/// The property that names the coordinator.
const COORDINATOR: &str = "delta.coordinatedCommits.commitCoordinator-preview";
/// Features whose property redirects to another place, named like the property without `delta.`.
const REDIRECT: &[&str] = &["redirectReaderWriter-preview", "redirectWriterOnly-preview"];
/// Files are in manifests and not in add actions.
const MANIFESTS: &str = "adaptiveMetadata-preview";
/// The formats that a table is also readable in, by metadata that lies beside the log.
const UNIVERSAL_FORMATS: &str = "delta.universalFormat.enabledFormats";
/// Whether commits hold the changed rows.
const CHANGE_DATA_FEED: &str = "delta.enableChangeDataFeed";
/// Whether rows have ids and commit versions.
const ROW_TRACKING: &str = "delta.enableRowTracking";

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
        "feature `{feature}`: the catalog that manages the table may hold commits that storage does not show; declare \
         it as `catalog` of the table's side, or drop the feature"
    )]
    CatalogManaged {
        /// Name of the feature.
        feature: String,
    },
    /// A commit coordinator owns the commits of the table.
    #[error(
        "feature `coordinatedCommits-preview`: coordinator `{coordinator}` may hold commits that storage does \
         not show; declare it as `catalog` of the table's side if it is Unity Catalog, or unset it"
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
        "writer feature `{feature}` is unknown and may refer to state outside of the table; upgrade lakedr, drop the \
         feature, or name it in `allow_writer_features` of the table if you know that it does not"
    )]
    UnknownWriter {
        /// Name of the feature.
        feature: String,
    },
}

/// What lets a table pass that would be refused without it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Unknown writer features that the operator answers for.
    pub writer_features: BTreeSet<String>,
    /// The listing that the state was read by holds every commit that the table's catalog has ratified.
    pub ratified: bool,
}

/// Decides whether a table can be cloned at this state.
///
/// # Errors
/// Every reason against it, not only the first.
pub fn gate(head: &TableHead, exceptions: &Exceptions) -> Result<(), Vec<FeatureRefusal>> {
    let mut refusals = versions(head);
    if head.metadata.format_provider != "parquet" {
        refusals.push(FeatureRefusal::Format { provider: head.metadata.format_provider.clone() });
    }
    let (reads, writes) = (head.protocol.reads(), head.protocol.writes());
    for feature in reads.union(&writes) {
        refusals.extend(verdict(feature, reads.contains(feature), exceptions));
    }
    refusals.extend(redirects(head));
    let coordinator = head.metadata.property(COORDINATOR).filter(|name| !name.is_empty());
    let coordinator = coordinator.filter(|name| !(exceptions.ratified && *name == UNITY_CATALOG));
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

fn verdict(feature: &str, for_readers: bool, exceptions: &Exceptions) -> Option<FeatureRefusal> {
    let name = feature.to_owned();
    if CARRIED.contains(&feature) || feature == COORDINATED || REDIRECT.contains(&feature) {
        return None;
    }
    Some(if CATALOG.contains(&feature) {
        return (!exceptions.ratified).then_some(FeatureRefusal::CatalogManaged { feature: name });
    } else if feature == MANIFESTS {
        FeatureRefusal::Manifests { feature: name }
    } else if for_readers {
        FeatureRefusal::UnknownReader { feature: name }
    } else if exceptions.writer_features.contains(feature) {
        return None;
    } else {
        FeatureRefusal::UnknownWriter { feature: name }
    })
}

/// What a carried table is at its replica only in part, in sentences for people.
#[must_use]
pub fn caveats(head: &TableHead) -> Vec<String> {
    let mut found = Vec::new();
    let formats = head.metadata.property(UNIVERSAL_FORMATS).unwrap_or_default();
    if !formats.is_empty() {
        found.push(format!(
            "{UNIVERSAL_FORMATS} is {formats}: metadata in other formats is not copied, so the replica can be read as a \
             Delta table only, until somebody generates it there"
        ));
    }
    if head.metadata.is_on(CHANGE_DATA_FEED) {
        found.push(format!(
            "{CHANGE_DATA_FEED} is on: a commit of the replica sums up many of the source and holds no changed rows, so \
             its change data feed shows whole files that come and go"
        ));
    }
    if head.metadata.is_on(ROW_TRACKING) {
        found.push(format!(
            "{ROW_TRACKING} is on: the row commit versions of copied rows are versions of the source. The replica counts its \
             own versions and has fewer, so after a failover rows that are written anew may get lower ones; row ids are \
             not affected"
        ));
    }
    found
}

/// Whether only its catalog or coordinator knows every commit of the table.
#[must_use]
pub fn is_coordinated(head: &TableHead) -> bool {
    CATALOG.iter().any(|feature| head.protocol.has(feature))
        || head.metadata.property(COORDINATOR).is_some_and(|name| !name.is_empty())
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
    use crate::delta::replay::Replay;

    fn head(protocol: &str, configuration: &str, format: &str) -> TableHead {
        let head = format!(
            "{{\"protocol\":{protocol}}}\n{{\"metaData\":{{\"id\":\"t\",\"format\":{{\"provider\":\"{format}\"}},\
             \"schemaString\":\"{{}}\",\"partitionColumns\":[],\"configuration\":{configuration}}}}}"
        );
        let mut replay = Replay::new();
        for action in actions(head.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 0).expect("state").head
    }

    fn refused_with(head: &TableHead, exceptions: &Exceptions) -> Vec<String> {
        gate(head, exceptions).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    fn refused(protocol: &str, configuration: &str, format: &str) -> Vec<String> {
        refused_with(&head(protocol, configuration, format), &Exceptions::default())
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
            features(r#""geospatial""#, r#""geospatial","collations","columnMappingUsageTracking""#),
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

    #[test]
    fn unknown_writer_features_pass_when_the_operator_answers_for_them() {
        let exceptions =
            Exceptions { writer_features: BTreeSet::from(["sooner".to_owned()]), ..Exceptions::default() };
        let writes = head(&features("", r#""sooner""#), "{}", "parquet");
        assert_eq!(refused_with(&writes, &exceptions), Vec::<String>::new());
        let reads = head(&features(r#""sooner""#, r#""sooner""#), "{}", "parquet");
        assert!(refused_with(&reads, &exceptions)[0].starts_with("reader feature `sooner`"));
        let manifests = r#""adaptiveMetadata-preview""#;
        let exceptions = Exceptions {
            writer_features: BTreeSet::from(["adaptiveMetadata-preview".to_owned()]),
            ..exceptions
        };
        let manifests = head(&features(manifests, manifests), "{}", "parquet");
        assert!(refused_with(&manifests, &exceptions)[0].contains("manifests"));
    }

    #[test]
    fn coordinated_tables_pass_with_the_commits_of_their_catalog() {
        let ratified = Exceptions { ratified: true, ..Exceptions::default() };
        let coordinator = r#"{"delta.coordinatedCommits.commitCoordinator-preview":"NAME"}"#;
        let cases = [
            (features(r#""catalogManaged""#, r#""catalogManaged""#), "{}".to_owned(), true),
            (features("", r#""catalogOwned-preview""#), "{}".to_owned(), true),
            (
                features("", r#""coordinatedCommits-preview""#),
                coordinator.replace("NAME", "unity-catalog"),
                true,
            ),
            (features("", r#""coordinatedCommits-preview""#), coordinator.replace("NAME", "dynamodb"), false),
        ];
        for (protocol, configuration, passes) in cases {
            let head = head(&protocol, &configuration, "parquet");
            assert!(is_coordinated(&head), "{protocol}");
            assert_eq!(refused_with(&head, &Exceptions::default()).len(), 1, "{protocol}");
            assert_eq!(refused_with(&head, &ratified).is_empty(), passes, "{protocol} {configuration}");
        }
        assert!(!is_coordinated(&head(&features("", r#""coordinatedCommits-preview""#), "{}", "parquet")));
    }

    #[test]
    fn caveats_are_told() {
        let plain = head(&features("", ""), "{}", "parquet");
        assert_eq!(caveats(&plain), Vec::<String>::new());
        let all = r#"{"delta.universalFormat.enabledFormats":"iceberg","delta.enableChangeDataFeed":"true","delta.enableRowTracking":"true"}"#;
        let told = caveats(&head(&features("", ""), all, "parquet"));
        for (told, expected) in told.iter().zip(["is iceberg", "no changed rows", "row commit versions"]) {
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(told.len(), 3);
    }
}
