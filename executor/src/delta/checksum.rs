//! Version checksums: `<version>.crc` says what a table comes to at a version (protocol, "Version Checksum File").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use thiserror::Error;

use super::json::{Fields, JsonError, ObjectWriter, RawObject};
use super::log_name::LogName;
use super::protocol::Protocol;
use super::replica::file::same_value;
use super::state::{Domain, Metadata, TableHead, Txn};

/// Where this property is set, the progress of an application ends at some time, and what is live depends on when one
/// looks.
pub(crate) const TXN_RETENTION: &str = "delta.setTransactionRetentionDuration";

/// What a table comes to at a version. Optional fields that a file leaves out say nothing.
#[derive(Debug, Clone)]
pub struct Checksum {
    /// Bytes of all live data files.
    pub bytes: u64,
    /// Number of live files.
    pub files: u64,
    /// The metadata action; some writers leave it out.
    pub metadata: Option<Metadata>,
    /// The protocol action; some writers leave it out.
    pub protocol: Option<Protocol>,
    /// In-commit timestamp of the version, in milliseconds since the epoch.
    pub in_commit_timestamp: Option<i64>,
    /// Progress by application id.
    pub txns: Option<BTreeMap<String, Txn>>,
    /// Live domains by name.
    pub domains: Option<BTreeMap<String, Domain>>,
    /// Unique id of the transaction that made the version.
    pub txn_id: Option<String>,
}

/// Why a file is no checksum. A reader does without it.
#[derive(Debug, Error)]
pub enum ChecksumError {
    /// The file is not text.
    #[error("the checksum is not utf-8")]
    NotText(#[from] std::str::Utf8Error),
    /// A field is missing or malformed.
    #[error("malformed checksum")]
    Malformed(#[from] JsonError),
}

/// The name of the checksum of a version.
#[must_use]
pub fn name(version: u64) -> LogName {
    LogName::Checksum { version }
}

impl Checksum {
    /// The checksum of a table, from its head and what its live files come to.
    #[must_use]
    pub fn of(head: &TableHead, files: u64, bytes: u64) -> Self {
        let lasting = head.metadata.property(TXN_RETENTION).is_none();
        Self {
            bytes,
            files,
            metadata: Some(head.metadata.clone()),
            protocol: Some(head.protocol.clone()),
            in_commit_timestamp: head.in_commit_timestamp.filter(|_| head.in_commit_timestamps()),
            txns: lasting.then(|| head.txns.clone()),
            domains: Some(head.domains.clone()),
            txn_id: None,
        }
    }

    /// Reads a file. Fields that this program does not know are passed over.
    ///
    /// # Errors
    /// A [`ChecksumError`] when a required number is missing, or a field is not what the protocol asks for.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksumError> {
        let fields = Fields::parse(std::str::from_utf8(bytes)?)?;
        let object = |name| fields.get(name).map(|raw| RawObject::parse(raw.get())).transpose();
        Ok(Self {
            bytes: fields.required("tableSizeBytes")?,
            files: fields.required("numFiles")?,
            metadata: object("metadata")?.map(Metadata::parse).transpose()?,
            protocol: object("protocol")?.map(Protocol::parse).transpose()?,
            in_commit_timestamp: fields.optional("inCommitTimestampOpt")?,
            txns: objects(&fields, "setTransactions")?
                .map(|txns| txns.into_iter().map(Txn::parse).collect())
                .transpose()?,
            domains: objects(&fields, "domainMetadata")?.map(live_domains).transpose()?,
            txn_id: fields.optional("txnId")?,
        })
    }

    /// The content of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut object = ObjectWriter::default();
        object.optional("txnId", self.txn_id.as_deref());
        object.field("tableSizeBytes", self.bytes).field("numFiles", self.files);
        object.field("numMetadata", 1).field("numProtocol", 1);
        object.optional("inCommitTimestampOpt", self.in_commit_timestamp);
        if let Some(txns) = &self.txns {
            object.raw("setTransactions", &list(txns.values().map(|txn| &txn.raw)));
        }
        if let Some(domains) = &self.domains {
            object.raw("domainMetadata", &list(domains.values().map(|domain| &domain.raw)));
        }
        if let Some(metadata) = &self.metadata {
            object.raw("metadata", metadata.raw.text());
        }
        if let Some(protocol) = &self.protocol {
            object.raw("protocol", protocol.raw.text());
        }
        object.text()
    }

    /// What this checksum says otherwise than the log: nothing when both are right (protocol, "State Validation").
    #[must_use]
    pub fn disagreements(&self, head: &TableHead, files: u64, bytes: u64) -> Vec<String> {
        let log = Self::of(head, files, bytes);
        let mut found = Vec::new();
        differ("tableSizeBytes", Some(self.bytes), Some(log.bytes), &mut found);
        differ("numFiles", Some(self.files), Some(log.files), &mut found);
        differ("inCommitTimestampOpt", self.in_commit_timestamp, log.in_commit_timestamp, &mut found);
        if let Some(metadata) = &self.metadata {
            found.extend(
                differing_metadata(metadata, &head.metadata).map(|field| format!("metadata.{field}")),
            );
        }
        if self.protocol.as_ref().is_some_and(|protocol| !protocol.same(&head.protocol)) {
            found.push("protocol".to_owned());
        }
        if let (Some(mine), Some(theirs)) = (&self.txns, &log.txns) {
            let progress = |txn: &Txn| (txn.version, txn.last_updated);
            found.extend(differing(mine, theirs, progress).map(|app_id| format!("txn of `{app_id}`")));
        }
        if let (Some(mine), Some(theirs)) = (&self.domains, &log.domains) {
            let configuration = |domain: &Domain| domain.configuration.clone();
            found.extend(differing(mine, theirs, configuration).map(|name| format!("domain `{name}`")));
        }
        found
    }
}

fn objects(fields: &Fields<'_>, name: &'static str) -> Result<Option<Vec<RawObject>>, JsonError> {
    let Some(items) = fields.optional::<Vec<Box<serde_json::value::RawValue>>>(name)? else {
        return Ok(None);
    };
    items.iter().map(|item| RawObject::parse(item.get())).collect::<Result<_, _>>().map(Some)
}

fn live_domains(domains: Vec<RawObject>) -> Result<BTreeMap<String, Domain>, JsonError> {
    let parsed = domains.into_iter().map(Domain::parse);
    parsed.filter_map(|entry| entry.map(|(name, domain)| Some((name, domain?))).transpose()).collect()
}

fn list<'a>(objects: impl Iterator<Item = &'a RawObject>) -> String {
    format!("[{}]", objects.map(RawObject::text).collect::<Vec<_>>().join(","))
}

fn differ<T: PartialEq + Display>(field: &str, checksum: Option<T>, log: Option<T>, found: &mut Vec<String>) {
    if checksum != log {
        let side = |value: Option<T>| value.map_or_else(|| "absent".to_owned(), |value| value.to_string());
        found.push(format!("{field}: checksum {}, log {}", side(checksum), side(log)));
    }
}

fn differing_metadata<'a>(checksum: &'a Metadata, log: &'a Metadata) -> impl Iterator<Item = String> {
    let (mine, theirs) = (checksum.raw.fields(), log.raw.fields());
    let names: BTreeSet<String> = mine.iter().chain(theirs.iter()).map(|(name, _)| name.to_owned()).collect();
    names
        .into_iter()
        .filter(|name| !same_value(mine.get(name), theirs.get(name)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The keys under which two maps have different values.
fn differing<'a, V, T: PartialEq>(
    mine: &'a BTreeMap<String, V>,
    theirs: &'a BTreeMap<String, V>,
    value: impl Fn(&V) -> T + 'a,
) -> impl Iterator<Item = &'a String> {
    let keys: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
    keys.into_iter().filter(move |key| mine.get(*key).map(&value) != theirs.get(*key).map(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::replay::Replay;

    fn head(configuration: &str) -> TableHead {
        let log = [
            r#"{"commitInfo":{"inCommitTimestamp":77}}"#.to_owned(),
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_owned(),
            format!(
                r#"{{"metaData":{{"id":"t","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{{configuration}}}}}}}"#
            ),
            r#"{"txn":{"appId":"s","version":4,"lastUpdated":5}}"#.to_owned(),
            r#"{"domainMetadata":{"domain":"d","configuration":"{}","removed":false}}"#.to_owned(),
        ]
        .join("\n");
        let mut replay = Replay::new();
        for action in actions(log.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 7).expect("state").head
    }

    const TIMED: &str = r#""delta.enableInCommitTimestamps":"true""#;

    #[test]
    fn what_is_written() {
        let mut checksum = Checksum::of(&head(TIMED), 3, 9_007_199_254_740_993);
        checksum.txn_id = Some("x".to_owned());
        let expected = concat!(
            r#"{"txnId":"x","tableSizeBytes":9007199254740993,"numFiles":3,"numMetadata":1,"numProtocol":1,"inCommitTimestampOpt":77,"#,
            r#""setTransactions":[{"appId":"s","version":4,"lastUpdated":5}],"#,
            r#""domainMetadata":[{"domain":"d","configuration":"{}","removed":false}],"#,
            r#""metadata":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{}","partitionColumns":[],"#,
            r#""configuration":{"delta.enableInCommitTimestamps":"true"}},"#,
            r#""protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#
        );
        assert_eq!(checksum.text(), expected);
        assert_eq!(name(7).file_name(), "00000000000000000007.crc");
        let again = Checksum::parse(checksum.text().as_bytes()).expect("parse");
        assert_eq!(again.text(), checksum.text());
        assert_eq!(again.disagreements(&head(TIMED), 3, 9_007_199_254_740_993), Vec::<String>::new());
    }

    #[test]
    fn what_depends_on_the_reader_is_left_out() {
        let untimed =
            Checksum::of(&head(r#""delta.setTransactionRetentionDuration":"interval 1 day""#), 0, 0);
        assert!(untimed.in_commit_timestamp.is_none() && untimed.txns.is_none());
        assert!(!untimed.text().contains("setTransactions"));
    }

    #[test]
    fn every_disagreement_is_named() {
        let checksum = Checksum::of(&head(TIMED), 3, 10);
        let mut other = head(r#""k":"v""#);
        other.txns.clear();
        other.domains.clear();
        other.protocol = Protocol::build(1, 4, None, None);
        let expected = [
            "tableSizeBytes: checksum 10, log 11",
            "numFiles: checksum 3, log 4",
            "inCommitTimestampOpt: checksum 77, log absent",
            "metadata.configuration",
            "protocol",
            "txn of `s`",
            "domain `d`",
        ];
        assert_eq!(checksum.disagreements(&other, 4, 11), expected);
    }

    #[test]
    fn old_and_unknown_fields() {
        let old = Checksum::parse(br#"{"tableSizeBytes":5,"numFiles":1,"numMetadata":1,"later":[1.5]}"#)
            .expect("old");
        assert_eq!(old.disagreements(&head(""), 1, 5), Vec::<String>::new());
        for broken in [&b"{"[..], b"{}", b"{\"tableSizeBytes\":5,\"numFiles\":-1}", b"\xff"] {
            assert!(Checksum::parse(broken).is_err());
        }
    }
}
