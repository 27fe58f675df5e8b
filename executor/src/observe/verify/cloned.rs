//! Comparing a clone that somebody else has made: its files may have other names, and nothing else.

use std::pin::pin;

use futures::TryStreamExt as _;
use serde_json::Value;

use super::proof::{Proof, VerifyError};
use crate::delta::fingerprint::text_id;
use crate::delta::json::RawObject;
use crate::observe::snapshot::{Columns, Snapshot};
use crate::observe::table_error::TableError;
use crate::spec::TableStore;

/// What the files of a table come to, whatever they are called.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    files: u64,
    bytes: u64,
    /// Sum of the files' digests: the order does not count.
    digest: u128,
}

/// Compares a table at a version with the table at a version that it is a clone of: schema, partitioning, and of all files
/// size, partition values, rows and deleted rows. What differs, in words.
///
/// # Errors
/// When one of them cannot be read.
pub async fn compare_clone(
    (source, source_version): (&TableStore, u64),
    (clone, version): (&TableStore, u64),
) -> Result<Vec<String>, VerifyError> {
    let (from, to) = (open(source, source_version).await?, open(clone, version).await?);
    let mut differences = heads(&from, &to);
    let (wanted, held) = (content(&from).await?, content(&to).await?);
    if wanted.files != held.files || wanted.bytes != held.bytes {
        differences.push(format!(
            "{} file(s) with {} bytes instead of {} with {}",
            held.files, held.bytes, wanted.files, wanted.bytes
        ));
    } else if wanted != held {
        differences.push("files with other rows, partition values or deleted rows".to_owned());
    }
    Ok(differences)
}

/// The same as a proof; none for a clone that is not there.
///
/// # Errors
/// When one of them cannot be read.
pub async fn prove_clone(
    source: (&TableStore, u64),
    clone: Option<(&TableStore, u64)>,
) -> Result<Proof, VerifyError> {
    let Some(clone) = clone else {
        return Ok(Proof::default().conclude(vec!["there is no version to compare with".to_owned()]));
    };
    let files = content(&open(clone.0, clone.1).await?).await?.files;
    Ok(Proof::default().logical(true).counted(files, 0).conclude(compare_clone(source, clone).await?))
}

async fn open(table: &TableStore, version: u64) -> Result<Snapshot, TableError> {
    let delta = table.table();
    delta.snapshot(&delta.listing().await?, Some(version)).await
}

fn heads(from: &Snapshot, to: &Snapshot) -> Vec<String> {
    let (from, to) = (&from.head.metadata.raw, &to.head.metadata.raw);
    let mut differences = Vec::new();
    let schema = |raw: &RawObject| {
        let text: Option<String> = raw.fields().optional("schemaString").ok().flatten();
        text.and_then(|text| serde_json::from_str::<Value>(&text).ok())
    };
    if schema(from) != schema(to) {
        differences.push("another schema".to_owned());
    }
    let partitions =
        |raw: &RawObject| raw.fields().optional::<Vec<String>>("partitionColumns").ok().flatten();
    if partitions(from) != partitions(to) {
        differences.push("other partition columns".to_owned());
    }
    differences
}

async fn content(table: &Snapshot) -> Result<Content, TableError> {
    let mut content = Content::default();
    let mut files = pin!(table.files(Columns::All));
    while let Some((_, add)) = files.try_next().await? {
        content.files += 1;
        content.bytes += add.size;
        content.digest = content.digest.wrapping_add(text_id(&described(&add.raw, add.size)));
    }
    Ok(content)
}

/// What a file is, without its name and without what the writer of the log decides.
fn described(add: &RawObject, size: u64) -> String {
    let fields = add.fields();
    let value = |name: &'static str| fields.optional::<Value>(name).ok().flatten().unwrap_or(Value::Null);
    let stats = value("stats").as_str().and_then(|stats| serde_json::from_str::<Value>(stats).ok());
    let rows = stats.as_ref().and_then(|stats| stats["numRecords"].as_u64());
    let deleted = value("deletionVector")["cardinality"].as_u64();
    format!("{size} {} {rows:?} {deleted:?}", value("partitionValues"))
}
