//! Commits in shorthand.

use lakedr::delta::changes::CommitChange;
use lakedr::delta::state::FileKey;

/// A commit: an operation and its lines.
pub(crate) fn commit(version: u64, operation: &str, lines: &[String]) -> CommitChange {
    let info = format!(r#"{{"commitInfo":{{"operation":"{operation}","tags":{{"x":"y"}}}}}}"#);
    let text: Vec<&str> = std::iter::once(info.as_str()).chain(lines.iter().map(String::as_str)).collect();
    CommitChange::parse(version, 1_000 * i64::try_from(version).unwrap(), text.join("\n").as_bytes()).unwrap()
}

/// File actions in shorthand, one per word: `+` or `-`, a name, `/v` for a deletion vector that hides one
/// row, `:rows` for `numRecords`, `!` when data changes.
pub(crate) fn lines(shorthand: &str) -> Vec<String> {
    shorthand.split_whitespace().map(line).collect()
}

fn line(word: &str) -> String {
    let (word, data_change) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
    let (word, rows) = word.split_once(':').map_or((word, None), |(word, rows)| (word, Some(rows)));
    let (name, vector) = word[1..].split_once('/').map_or((&word[1..], None), |(name, id)| (name, Some(id)));
    let stats = rows.map(|rows| format!(r#","stats":"{{\"numRecords\":{rows}}}""#)).unwrap_or_default();
    let vector = vector.map(|id| {
        format!(r#","deletionVector":{{"storageType":"i","pathOrInlineDv":"{id}","sizeInBytes":4,"cardinality":1}}"#)
    });
    let kind = if word.starts_with('+') { "add" } else { "remove" };
    format!(
        r#"{{"{kind}":{{"path":"{name}","size":10,"partitionValues":{{}},"dataChange":{data_change}{stats}{}}}}}"#,
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
