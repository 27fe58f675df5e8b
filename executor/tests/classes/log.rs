//! Commits in shorthand.

use std::collections::BTreeMap;

use lakedr::delta::changes::CommitChange;
use lakedr::delta::state::{FileKey, TableHead};
use lakedr::plan::classes::{Changes, Transfer};

/// A commit: an operation and its lines. With `*` behind the operation, it did not keep row ids.
pub(crate) fn commit(version: u64, operation: &str, lines: &[String]) -> CommitChange {
    let kept = !operation.ends_with('*');
    let operation = operation.trim_end_matches('*');
    let info = format!(
        r#"{{"commitInfo":{{"operation":"{operation}","tags":{{"delta.rowTracking.preserved":"{kept}"}}}}}}"#
    );
    let text: Vec<&str> = std::iter::once(info.as_str()).chain(lines.iter().map(String::as_str)).collect();
    CommitChange::parse(version, 1_000 * i64::try_from(version).unwrap(), text.join("\n").as_bytes()).unwrap()
}

/// Protocol and metadata of a table without columns.
pub(crate) fn terms(features: &str, properties: &str) -> Vec<String> {
    let features: Vec<String> = features.split_whitespace().map(|name| format!("\"{name}\"")).collect();
    let features = features.join(",");
    vec![
        format!(
            r#"{{"protocol":{{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[],"writerFeatures":[{features}]}}}}"#
        ),
        format!(
            r#"{{"metaData":{{"id":"t","format":{{"provider":"parquet"}},"schemaString":"{{\"fields\":[]}}","partitionColumns":[],"configuration":{{{properties}}}}}}}"#
        ),
    ]
}

/// A head with the terms of a commit.
pub(crate) fn head(version: u64, features: &str, properties: &str) -> TableHead {
    let change = commit(version, "", &terms(features, properties));
    TableHead {
        url: "s3://source/t".to_owned(),
        version,
        protocol: change.protocol.unwrap(),
        metadata: change.metadata.unwrap(),
        txns: BTreeMap::new(),
        domains: BTreeMap::new(),
        in_commit_timestamp: None,
    }
}

/// Shows a difference: `+` moves, `~` moves its vector only, `=` moves nothing; `!` where data changes.
pub(crate) fn show(changes: &Changes) -> String {
    let mark = |data_change| if data_change { "!" } else { "" };
    let adds = changes.adds.iter().map(|change| {
        let sign = match change.transfer {
            Transfer::Data => "+",
            Transfer::Vector => "~",
            Transfer::Nothing => "=",
        };
        format!("{sign}{}{}", shown(&change.key), mark(change.data_change))
    });
    let removes = changes.removes.iter();
    let removes = removes.map(|change| format!("-{}{}", shown(&change.key), mark(change.data_change)));
    adds.chain(removes).collect::<Vec<_>>().join(" ")
}

/// File actions in shorthand, one per word: `+` or `-`, a name, `/v` for a deletion vector that hides one
/// row, `:rows` for `numRecords`, `@part` for a partition, `!` when data changes.
pub(crate) fn lines(shorthand: &str) -> Vec<String> {
    shorthand.split_whitespace().map(line).collect()
}

fn line(word: &str) -> String {
    let (word, data_change) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
    let (word, part) = word.split_once('@').unwrap_or((word, ""));
    let (word, rows) = word.split_once(':').map_or((word, None), |(word, rows)| (word, Some(rows)));
    let (name, vector) = word[1..].split_once('/').map_or((&word[1..], None), |(name, id)| (name, Some(id)));
    let stats = rows.map(|rows| format!(r#","stats":"{{\"numRecords\":{rows}}}""#)).unwrap_or_default();
    let vector = vector.map(|id| {
        format!(r#","deletionVector":{{"storageType":"i","pathOrInlineDv":"{id}","sizeInBytes":4,"cardinality":1}}"#)
    });
    let kind = if word.starts_with('+') { "add" } else { "remove" };
    format!(
        r#"{{"{kind}":{{"path":"{name}","size":10,"partitionValues":{{"p":"{part}"}},"dataChange":{data_change}{stats}{}}}}}"#,
        vector.unwrap_or_default()
    )
}

/// A key in the shorthand.
pub(crate) fn key(name: &str) -> FileKey {
    let (path, vector) = name.split_once('/').map_or((name, None), |(path, id)| (path, Some(id)));
    FileKey { path: path.into(), vector: vector.map(|id| format!("i{id}").into()) }
}

/// A key, shown in the shorthand.
pub(crate) fn shown(key: &FileKey) -> String {
    let vector = key.vector.as_deref().map(|id| format!("/{}", &id[1..]));
    format!("{}{}", key.path, vector.unwrap_or_default())
}
