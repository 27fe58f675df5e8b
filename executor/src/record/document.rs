//! The record of one table at one recovery point.
//!
//! An object of two lines: format and digest of the second line, then the record. A record that does not match its
//! digest is not used.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use std::collections::BTreeMap;

use lakedr_control::digest;
use lakedr_control::id::{Name, TableName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::delta::json::{JsonError, RawObject};
use crate::delta::listing::LogEntry;
use crate::delta::protocol::Protocol;
use crate::delta::state::{Domain, Metadata, TableHead, Txn};
use crate::plan::classes::Classes;

/// Format of records that this program reads and writes. A record of any other format is not used.
pub(super) const FORMAT: u32 = 1;

/// Why a record is not used.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It has another format, or other content than its digest says.
    #[error("it is no record of format {FORMAT}, or damaged")]
    Damaged,
    /// It is no JSON of the expected shape.
    #[error("it cannot be read")]
    Json(#[from] serde_json::Error),
    /// One of its actions is malformed.
    #[error("it holds a malformed action")]
    Action(#[from] JsonError),
}

/// First line of a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    format: u32,
    digest: String,
}

/// How a store listed a commit: tells a table from another one that came to the same version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitMark {
    /// Bytes of the commit.
    pub size: u64,
    /// Its modification time, in milliseconds since the epoch.
    pub modified_ms: i64,
    /// Hash of its entity tag, where the store gives one.
    pub tag: Option<u64>,
}

impl From<&LogEntry> for CommitMark {
    fn from(entry: &LogEntry) -> Self {
        Self { size: entry.size, modified_ms: entry.modified_ms, tag: entry.tag }
    }
}

/// One side of a table.
#[derive(Debug, Clone)]
pub struct SideRecord {
    /// Its url, version, protocol, metadata, domains and progress.
    pub head: TableHead,
    /// Live files.
    pub files: u64,
    /// Bytes of the live data files, if all their sizes are known.
    pub bytes: Option<u64>,
}

/// What is known of one table at one recovery point.
#[derive(Debug, Clone)]
pub struct TableRecord {
    /// The group.
    pub group: Name,
    /// The table.
    pub table: TableName,
    /// Sequence number of the intent that published it, or of the entry that says that it has landed.
    pub intent: u64,
    /// Id of the cut.
    pub cut: String,
    /// The table in the active region.
    pub source: SideRecord,
    /// How the newest commit of the source version was listed.
    pub source_commit: CommitMark,
    /// Time of that commit by the rules of time travel, in milliseconds since the epoch.
    pub source_time_ms: i64,
    /// The table in the standby region.
    pub target: SideRecord,
    /// Bytes of the newest commit of the target.
    pub target_commit_size: u64,
    /// Compactions that the target does not follow; none when it holds every file.
    pub classes: Option<Classes>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    group: Name,
    table: TableName,
    intent: u64,
    cut: String,
    source: Side,
    source_commit: CommitMark,
    source_time_ms: i64,
    target: Side,
    target_commit_size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classes: Option<Classes>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    url: String,
    version: u64,
    protocol: Box<RawValue>,
    metadata: Box<RawValue>,
    txns: Vec<Box<RawValue>>,
    domains: Vec<Box<RawValue>>,
    in_commit_timestamp: Option<i64>,
    files: u64,
    bytes: Option<u64>,
}

impl TableRecord {
    /// The compactions that the target does not follow.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let head = &self.source.head;
        self.classes.clone().unwrap_or_else(|| Classes::none(head.version, &head.metadata.id))
    }

    /// The object to store.
    ///
    /// # Errors
    /// [`RecordError::Json`], which would be a bug.
    pub fn encode(self) -> Result<Vec<u8>, RecordError> {
        let body = Body {
            group: self.group,
            table: self.table,
            intent: self.intent,
            cut: self.cut,
            source: Side::of(&self.source)?,
            source_commit: self.source_commit,
            source_time_ms: self.source_time_ms,
            target: Side::of(&self.target)?,
            target_commit_size: self.target_commit_size,
            classes: self.classes,
        };
        let mut body = serde_json::to_vec(&body)?;
        let envelope = Envelope { format: FORMAT, digest: digest::of_bytes(&body) };
        let mut object = serde_json::to_vec(&envelope)?;
        object.push(b'\n');
        object.append(&mut body);
        object.push(b'\n');
        Ok(object)
    }

    /// Reads a stored object.
    ///
    /// # Errors
    /// A [`RecordError`]: then the record is not used.
    pub fn decode(object: &[u8]) -> Result<Self, RecordError> {
        let mut lines = object.splitn(2, |byte| *byte == b'\n');
        let envelope: Envelope = serde_json::from_slice(lines.next().unwrap_or_default())?;
        let body = lines.next().unwrap_or_default();
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        if envelope.format != FORMAT || envelope.digest != digest::of_bytes(body) {
            return Err(RecordError::Damaged);
        }
        let body: Body = serde_json::from_slice(body)?;
        Ok(Self {
            group: body.group,
            table: body.table,
            intent: body.intent,
            cut: body.cut,
            source: body.source.read()?,
            source_commit: body.source_commit,
            source_time_ms: body.source_time_ms,
            target: body.target.read()?,
            target_commit_size: body.target_commit_size,
            classes: body.classes,
        })
    }
}

impl Side {
    fn of(side: &SideRecord) -> Result<Self, serde_json::Error> {
        let raw = |object: &RawObject| RawValue::from_string(object.text().to_owned());
        let head = &side.head;
        Ok(Self {
            url: head.url.clone(),
            version: head.version,
            protocol: raw(&head.protocol.raw)?,
            metadata: raw(&head.metadata.raw)?,
            txns: head.txns.values().map(|txn| raw(&txn.raw)).collect::<Result<_, _>>()?,
            domains: head.domains.values().map(|domain| raw(&domain.raw)).collect::<Result<_, _>>()?,
            in_commit_timestamp: head.in_commit_timestamp,
            files: side.files,
            bytes: side.bytes,
        })
    }

    fn read(self) -> Result<SideRecord, RecordError> {
        let object = |raw: &RawValue| RawObject::parse(raw.get());
        let txns = self.txns.iter().map(|raw| Txn::parse(object(raw)?));
        let domains = self.domains.iter().map(|raw| Domain::parse(object(raw)?));
        let domains: Vec<(String, Option<Domain>)> = domains.collect::<Result<_, JsonError>>()?;
        let head = TableHead {
            url: self.url,
            version: self.version,
            protocol: Protocol::parse(object(&self.protocol)?)?,
            metadata: Metadata::parse(object(&self.metadata)?)?,
            txns: txns.collect::<Result<BTreeMap<_, _>, JsonError>>()?,
            domains: domains.into_iter().filter_map(|(name, domain)| Some((name, domain?))).collect(),
            in_commit_timestamp: self.in_commit_timestamp,
        };
        Ok(SideRecord { head, files: self.files, bytes: self.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = concat!(
        r#"{"group":"etl","table":"c.s.t","intent":7,"cut":"c1","#,
        r#""source":{"url":"s3://a/t","version":3,"protocol":{"minReaderVersion":1,"minWriterVersion":2},"#,
        r#""metadata":{"id":"x","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[],"later":1.50},"#,
        r#""txns":[{"appId":"s","version":9007199254740993}],"domains":[{"domain":"d","configuration":"1"}],"#,
        r#""in_commit_timestamp":5,"files":2,"bytes":10},"#,
        r#""source_commit":{"size":100,"modified_ms":4,"tag":18446744073709551615},"source_time_ms":4,"#,
        r#""target":{"url":"s3://b/t","version":1,"protocol":{"minReaderVersion":1,"minWriterVersion":2},"#,
        r#""metadata":{"id":"y","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[]},"#,
        r#""txns":[],"domains":[],"in_commit_timestamp":null,"files":2,"bytes":null},"target_commit_size":99}"#,
    );

    fn object(body: &str) -> String {
        format!("{{\"format\":1,\"digest\":\"{}\"}}\n{body}\n", digest::of_bytes(body.as_bytes()))
    }

    #[test]
    fn format_1_round_trips() {
        let stored = object(RECORD);
        let record = TableRecord::decode(stored.as_bytes()).expect("record");
        assert_eq!(record.source.head.txns["s"].version, 9_007_199_254_740_993);
        assert_eq!((record.source.head.metadata.id.as_str(), record.target.bytes), ("x", None));
        assert_eq!(String::from_utf8(record.encode().expect("object")).expect("text"), stored);
    }

    #[test]
    fn what_is_damaged_is_not_used() {
        let stored = object(RECORD);
        for damaged in [
            stored.replace("\"files\":2", "\"files\":3"),
            stored.replace("\"format\":1", "\"format\":2"),
            object("{}"),
            object(&RECORD.replace("\"id\":\"x\",", "")),
            String::new(),
            stored[..stored.len() / 2].to_owned(),
        ] {
            assert!(TableRecord::decode(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }
}
