//! A file that the source removes, as its replica knows it.

use serde_json::value::RawValue;

use super::file::renamed;
use crate::delta::deletion_vector::replica_descriptor;
use crate::delta::json::{JsonError, RawObject};
use crate::delta::path::locate;
use crate::delta::root::TableRoot;
use crate::delta::state::{FileKey, RemoveFile};

/// A removed file in the terms of the replica.
#[derive(Debug, Clone)]
pub struct ReplicaRemove {
    /// Identity at the replica.
    pub key: FileKey,
    /// The remove action with the names of the replica.
    pub raw: RawObject,
}

/// Translates a remove action of the source, to what [`super::file::replica_file`] made of the add that it ends.
/// `None` when no replica can hold the file.
///
/// Nothing is read, so a file outside of the root is named whether or not the table is a declared shallow clone.
///
/// # Errors
/// [`JsonError`] when the action is malformed.
pub fn replica_remove(
    key: &FileKey,
    remove: &RemoveFile,
    root_url: &str,
    root: &TableRoot,
) -> Result<Option<ReplicaRemove>, JsonError> {
    let fields = remove.raw.fields();
    let path: String = fields.required("path")?;
    let anywhere = root.clone().with_files_elsewhere(true);
    let Ok(located) = locate(&path, root_url, &anywhere) else { return Ok(None) };
    let descriptor = fields.get("deletionVector").map(RawValue::get);
    let Ok(descriptor) = descriptor.map(replica_descriptor).transpose() else { return Ok(None) };
    let raw = renamed(&remove.raw, located.relative.as_deref(), descriptor.flatten().as_ref());
    Ok(Some(match raw {
        Some(raw) => ReplicaRemove { key: FileKey::of(&raw.fields())?, raw },
        None => ReplicaRemove { key: key.clone(), raw: remove.raw.clone() },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::replica::file::replica_file;
    use crate::delta::state::AddFile;

    const URL: &str = "s3://b/t";

    fn remove(text: &str) -> Option<ReplicaRemove> {
        let (key, remove) = RemoveFile::parse(RawObject::parse(text).expect("json")).expect("remove");
        replica_remove(&key, &remove, URL, &TableRoot::parse(URL).expect("root")).expect("remove")
    }

    #[test]
    fn a_remove_ends_the_add_of_the_replica() {
        let cases = [
            ("p=%20/x", None),
            ("s3a://b/t/p=%20/x", Some(r#"{"path":"p=%20/x"#)),
            ("s3a://b/t/p= /x", Some(r#"{"path":"p=%20/x"#)),
            ("s3://other/t/x", Some(r#"{"path":"abs-files/"#)),
        ];
        let vectors = [
            "",
            r#","deletionVector":{"storageType":"p","pathOrInlineDv":"s3://o/d@7","sizeInBytes":3,"cardinality":1}"#,
        ];
        let root = TableRoot::parse(URL).expect("root").with_files_elsewhere(true);
        for (path, renamed) in cases {
            for vector in vectors {
                let text = format!(r#"{{"path":"{path}","size":1{vector},"kept":1.50}}"#);
                let (key, add) = AddFile::parse(RawObject::parse(&text).expect("json")).expect("add");
                let file = replica_file(&key, &add, URL, &root).expect("file");
                let removed = remove(&text).expect("held");
                assert_eq!(removed.key, file.key, "{text}");
                assert!(removed.raw.text().ends_with(r#""kept":1.50}"#));
                match renamed {
                    Some(start) => assert!(removed.raw.text().starts_with(start), "{}", removed.raw.text()),
                    None if vector.is_empty() => assert_eq!(removed.raw.text(), text),
                    None => assert!(removed.raw.text().contains(r#""storageType":"u""#)),
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_cloned_is_held_by_no_replica() {
        assert!(remove(r#"{"path":"hdfs://n/x"}"#).is_none());
        assert!(remove(r#"{"path":"../x"}"#).is_none());
    }
}
