//! A live file of the source, as a replica logs and stores it.

use object_store::path::Path;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::delta::deletion_vector::{Descriptor, VectorFile, VectorRefusal, replica_descriptor};
use crate::delta::json::{Fields, JsonError, RawObject};
use crate::delta::path::{PathRefusal, locate};
use crate::delta::root::{TableRoot, is_absolute};
use crate::delta::state::{AddFile, FileKey};

/// A live file of the source in the terms of its replica.
#[derive(Debug, Clone)]
pub struct ReplicaFile {
    /// Identity at the replica.
    pub key: FileKey,
    /// The add as the replica logs it.
    pub add: AddFile,
    /// Key of the data file, the same below both roots.
    pub data: Path,
    /// Where the source may keep it instead, when its writer forgot to encode `%`.
    pub undecoded: Option<Path>,
    /// The file of the deletion vector, if it has one.
    pub vector: Option<VectorFile>,
}

/// Why a file cannot be cloned.
#[derive(Debug, Error)]
pub enum FileRefusal {
    /// Its data file.
    #[error(transparent)]
    Path(#[from] PathRefusal),
    /// Its deletion vector.
    #[error("file `{path}`: {source}")]
    Vector {
        /// The path as logged.
        path: String,
        /// What is wrong with the vector.
        source: VectorRefusal,
    },
    /// Its add action.
    #[error("malformed add action")]
    Malformed(#[from] JsonError),
}

/// Translates a live file of the source. A file with a relative path and no absolute deletion vector keeps
/// its add byte for byte.
///
/// # Errors
/// [`FileRefusal`] when the file cannot be cloned under its path.
pub fn replica_file(
    key: &FileKey,
    add: &AddFile,
    root_url: &str,
    root: &TableRoot,
) -> Result<ReplicaFile, FileRefusal> {
    let fields = add.raw.fields();
    let path: String = fields.required("path")?;
    let located = locate(&path, root_url, root)?;
    let refuse = |source| FileRefusal::Vector { path: path.clone(), source };
    let (vector, descriptor) = vector(fields.get("deletionVector"), root_url, root).map_err(refuse)?;
    let mut replica = ReplicaFile {
        key: key.clone(),
        add: add.clone(),
        data: located.key,
        undecoded: located.undecoded,
        vector,
    };
    if !is_absolute(&path) && descriptor.is_none() {
        return Ok(replica);
    }
    let mut raw = add.raw.with_raw("path", &Value::from(located.relative.as_ref()).to_string());
    if let Some(descriptor) = descriptor {
        raw = raw.with_raw("deletionVector", descriptor.text());
    }
    replica.key = FileKey::of(&raw.fields())?;
    replica.add.raw = raw;
    Ok(replica)
}

type Vector = (Option<VectorFile>, Option<RawObject>);

fn vector(raw: Option<&RawValue>, root_url: &str, root: &TableRoot) -> Result<Vector, VectorRefusal> {
    let Some(raw) = raw else { return Ok((None, None)) };
    let file = Descriptor::parse(raw.get())?.file(root_url, root)?;
    Ok((file, replica_descriptor(raw.get(), root_url, root)?))
}

/// Fields of an add that a replica may have otherwise.
const FREE: [&str; 1] = ["dataChange"];

/// The fields in which two adds of one key differ; null and absent are the same.
#[must_use]
pub fn differing_fields(a: &AddFile, b: &AddFile) -> Vec<String> {
    if a.raw.text() == b.raw.text() {
        return Vec::new();
    }
    let (left, right) = (a.raw.fields(), b.raw.fields());
    let names = left.iter().chain(right.iter()).map(|(name, _)| name.to_owned());
    let names: std::collections::BTreeSet<String> = names.collect();
    let synthesised = a.stats_synthesised || b.stats_synthesised;
    let differs = |name: &String| {
        let (x, y) = (left.get(name), right.get(name));
        match name.as_str() {
            name if FREE.contains(&name) => false,
            "stats" if synthesised => !same_synthesised(x, y),
            "path" => false,
            _ => !same_value(x, y),
        }
    };
    names.into_iter().filter(differs).collect()
}

/// Whether two values mean the same: objects by name with null members left out, all else as written.
pub(crate) fn same_value(a: Option<&RawValue>, b: Option<&RawValue>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.get() == b.get() || canonical(a) == canonical(b),
        _ => false,
    }
}

/// Statistics that were rebuilt from struct columns cannot equal the logged text; the row count must.
fn same_synthesised(a: Option<&RawValue>, b: Option<&RawValue>) -> bool {
    if same_value(a, b) {
        return true;
    }
    let rows = |stats: Option<&RawValue>| {
        let text: String = serde_json::from_str(stats?.get()).ok()?;
        Fields::parse(&text).ok()?.optional::<i64>("numRecords").ok()?
    };
    rows(a) == rows(b)
}

/// A text that two JSON values share iff they mean the same. Numbers are compared as written.
pub(crate) fn canonical(raw: &RawValue) -> String {
    let text = raw.get();
    if let Ok(fields) = Fields::parse(text) {
        let mut members: Vec<String> = fields
            .iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(name, value)| format!("{}:{}", Value::from(name), canonical(value)))
            .collect();
        members.sort_unstable();
        return format!("{{{}}}", members.join(","));
    }
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        let items: Vec<String> = items.into_iter().map(canonical).collect();
        return format!("[{}]", items.join(","));
    }
    serde_json::from_str::<String>(text)
        .map_or_else(|_| text.to_owned(), |text| Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str) -> (FileKey, AddFile) {
        AddFile::parse(RawObject::parse(text).expect("json")).expect("add")
    }

    fn replica(text: &str) -> Result<ReplicaFile, FileRefusal> {
        let (key, add) = add(text);
        let url = "s3://b/t";
        replica_file(&key, &add, url, &TableRoot::parse(url).expect("root"))
    }

    #[test]
    fn relative_adds_are_kept_byte_for_byte() {
        let text = r#"{"path":"p=%20/x", "size":1,"unknown":{"a":1.50}}"#;
        let file = replica(text).expect("file");
        assert_eq!(file.add.raw.text(), text);
        assert_eq!(file.data.as_ref(), "p= /x");
    }

    #[test]
    fn absolute_paths_below_the_root_become_relative() {
        let file = replica(r#"{"path":"s3a://b/t/p=%20/x","size":1,"tags":{}}"#).expect("file");
        assert_eq!(file.add.raw.text(), r#"{"path":"p=%20/x","size":1,"tags":{}}"#);
        assert_eq!(file.key.path.as_ref(), "p=%20/x");
        let file = replica(
            r#"{"path":"x","size":1,"deletionVector":{"storageType":"p","pathOrInlineDv":"s3://b/t/d.bin","offset":1,"sizeInBytes":3,"cardinality":1}}"#,
        )
        .expect("file");
        assert!(file.add.raw.text().contains(r#""storageType":"u""#));
        assert_eq!(file.vector.expect("vector").source.as_ref(), "d.bin");
        assert!(file.key.vector.expect("vector").starts_with('u'));
    }

    #[test]
    fn a_refusal_names_the_file() {
        let refused = replica(
            r#"{"path":"x","size":1,"deletionVector":{"storageType":"r","pathOrInlineDv":"d","sizeInBytes":3,"cardinality":1}}"#,
        );
        assert!(
            refused
                .expect_err("refused")
                .to_string()
                .starts_with("file `x`: deletion vector with storage type `r`")
        );
    }

    #[test]
    fn adds_differ_in_meaning_only() {
        let base = r#"{"path":"x","size":1,"dataChange":true,"stats":"{\"numRecords\":1}","partitionValues":{"a":"1","b":null}}"#;
        let cases = [
            (
                r#"{"size":1,"path":"x","dataChange":false,"stats":"{\"numRecords\":1}","partitionValues":{"b":null,"a":"1"},"tags":null}"#,
                "",
            ),
            (r#"{"path":"x","size":1,"stats":"{\"numRecords\":1}","partitionValues":{"a":"1"}}"#, ""),
            (
                r#"{"path":"x","size":2,"stats":"{\"numRecords\": 1}","partitionValues":{"a":"1"}}"#,
                "size stats",
            ),
            (
                r#"{"path":"x","size":1,"stats":"{\"numRecords\":1}","partitionValues":{"a":"2"},"later":1}"#,
                "later partitionValues",
            ),
        ];
        for (other, expected) in cases {
            assert_eq!(differing_fields(&add(base).1, &add(other).1).join(" "), expected, "{other}");
        }
    }

    #[test]
    fn synthesised_statistics_are_compared_by_their_rows() {
        let logged =
            add(r#"{"path":"x","size":1,"stats":"{\"numRecords\":7,\"minValues\":{\"t\":\"2020-01-01\"}}"}"#)
                .1;
        let mut rebuilt = add(r#"{"path":"x","size":1,"stats":"{\"numRecords\":7}"}"#).1;
        assert_eq!(differing_fields(&logged, &rebuilt), ["stats"]);
        rebuilt.stats_synthesised = true;
        assert_eq!(differing_fields(&logged, &rebuilt), Vec::<String>::new());
        let mut other = add(r#"{"path":"x","size":1,"stats":"{\"numRecords\":8}"}"#).1;
        other.stats_synthesised = true;
        assert_eq!(differing_fields(&logged, &other), ["stats"]);
    }
}
