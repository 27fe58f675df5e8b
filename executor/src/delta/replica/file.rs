//! A live file of the source, as a replica logs and stores it.

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::delta::deletion_vector::{Descriptor, VectorFile, VectorRefusal, replica_descriptor};
use crate::delta::json::{Fields, JsonError, RawObject};
use crate::delta::path::{PathRefusal, StoredFile, locate};
use crate::delta::root::TableRoot;
use crate::delta::state::{AddFile, FileKey};

/// A live file of the source in the terms of its replica.
#[derive(Debug, Clone)]
pub struct ReplicaFile {
    /// Identity at the replica.
    pub key: FileKey,
    /// The add as the replica logs it.
    pub add: AddFile,
    /// The data file.
    pub data: StoredFile,
    /// The file of its deletion vector, if it has one.
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
    let descriptor = fields.get("deletionVector").map(RawValue::get);
    let vector = descriptor.map(|raw| Descriptor::parse(raw)?.file(root_url, root));
    let vector = vector.transpose().map_err(refuse)?.flatten();
    let descriptor = descriptor.map(replica_descriptor).transpose().map_err(refuse)?.flatten();
    let mut replica = ReplicaFile { key: key.clone(), add: add.clone(), data: located.file, vector };
    if let Some(raw) = renamed(&add.raw, located.relative.as_deref(), descriptor.as_ref()) {
        replica.key = FileKey::of(&raw.fields())?;
        replica.add.raw = raw;
    }
    Ok(replica)
}

/// A file action with another path or another deletion vector; `None` when it keeps both.
pub(super) fn renamed(
    action: &RawObject,
    path: Option<&str>,
    descriptor: Option<&RawObject>,
) -> Option<RawObject> {
    let with_path = path.map(|path| action.with_raw("path", &Value::from(path).to_string()));
    match descriptor {
        Some(descriptor) => {
            Some(with_path.as_ref().unwrap_or(action).with_raw("deletionVector", descriptor.text()))
        }
        None => with_path,
    }
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
    // A parser that is asked for another kind of value puts all of it into its error, so the kind is looked up first.
    let canonical = match text.as_bytes().first() {
        Some(b'{') => Fields::parse(text).ok().map(|fields| object(&fields)),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text).ok().map(|items| list(&items)),
        Some(b'"') => serde_json::from_str::<String>(text).ok().map(|text| Value::from(text).to_string()),
        _ => None,
    };
    canonical.unwrap_or_else(|| text.to_owned())
}

fn object(fields: &Fields<'_>) -> String {
    let told = fields.iter().filter(|(_, value)| value.get() != "null");
    let mut members: Vec<String> =
        told.map(|(name, value)| format!("{}:{}", Value::from(name), canonical(value))).collect();
    members.sort_unstable();
    format!("{{{}}}", members.join(","))
}

fn list(items: &[&RawValue]) -> String {
    let items: Vec<String> = items.iter().map(|item| canonical(item)).collect();
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::path::SourceObject;

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
        assert_eq!(file.data.source, SourceObject::InTable("p= /x".into()));
        assert_eq!(file.data.target.as_ref(), "p= /x");
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
        assert_eq!(file.vector.expect("vector").file.source, SourceObject::InTable("d.bin".into()));
        assert!(file.key.vector.expect("vector").starts_with('u'));
    }

    #[test]
    fn files_of_another_table_are_adopted_when_the_table_is_declared_a_shallow_clone() {
        let text = concat!(
            r#"{"path":"s3a://Other/lake/src/p=%20/x.parquet","partitionValues":{"p":" "},"size":7,"later":1,"#,
            r#""deletionVector":{"storageType":"p","pathOrInlineDv":"s3a://other/lake/src/deletion_vector_a.bin","#,
            r#""offset":1,"sizeInBytes":3,"cardinality":1}}"#,
        );
        assert!(replica(text).expect_err("undeclared").to_string().contains("`shallow_clone = true`"));
        let (key, source) = add(text);
        let url = "s3://b/t";
        let root = TableRoot::parse(url).expect("root").with_files_elsewhere(true);
        let file = replica_file(&key, &source, url, &root).expect("file");
        let elsewhere =
            |key: &str| SourceObject::Elsewhere { root: "s3://other".parse().expect("url"), key: key.into() };
        assert_eq!(file.data.source, elsewhere("lake/src/p= /x.parquet"));
        assert_eq!(file.data.target.as_ref(), "abs-files/f13483765a99ff7d/x.parquet");
        let vector = file.vector.expect("vector");
        assert_eq!(vector.file.source, elsewhere("lake/src/deletion_vector_a.bin"));
        assert_eq!(file.key, FileKey::of(&file.add.raw.fields()).expect("key"));
        assert_eq!(&*file.key.path, "abs-files/f13483765a99ff7d/x.parquet");
        assert!(file.add.raw.text().contains(r#""partitionValues":{"p":" "},"size":7,"later":1"#));
        // the replica can be cloned in turn: everything is below its root
        let again = replica_file(&file.key, &file.add, url, &TableRoot::parse(url).expect("root"));
        let again = again.expect("file");
        assert_eq!(again.add.raw.text(), file.add.raw.text());
        assert_eq!(again.data.source, SourceObject::InTable(file.data.target));
        assert_eq!(again.vector.expect("vector").file.source, SourceObject::InTable(vector.file.target));
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
