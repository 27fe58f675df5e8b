//! A file by what the log tells of it: the add that made it, or the remove that ended it.

use std::collections::BTreeMap;

use crate::delta::json::{Fields, RawObject};
use crate::delta::state::{AddFile, FileKey, RemoveFile};

/// Values of the partition columns; null and the empty text are the same (protocol, "Partition Value
/// Serialization").
pub(super) type PartitionTuple = BTreeMap<String, Option<String>>;

/// One logical file.
#[derive(Debug, Clone)]
pub struct Member {
    key: FileKey,
    text: Text,
    rows: Option<u64>,
}

#[derive(Debug, Clone)]
enum Text {
    Add(AddFile),
    Remove(RawObject),
}

impl Member {
    /// A file by its add.
    #[must_use]
    pub fn added(key: FileKey, add: AddFile) -> Self {
        Self { key, rows: rows(&add.raw), text: Text::Add(add) }
    }

    /// A file by the remove that ended it.
    #[must_use]
    pub fn removed(key: FileKey, remove: &RemoveFile) -> Self {
        Self { key, rows: rows(&remove.raw), text: Text::Remove(remove.raw.clone()) }
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> &FileKey {
        &self.key
    }

    /// Rows that a reader gets: physical rows less those that its deletion vector hides. None when the log
    /// does not tell.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Bytes of the data file; none when a remove does not tell.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match &self.text {
            Text::Add(add) => Some(add.size),
            Text::Remove(raw) => raw.fields().optional("size").ok()?,
        }
    }

    /// The add, when that is what is known.
    #[must_use]
    pub fn add(&self) -> Option<&AddFile> {
        match &self.text {
            Text::Add(add) => Some(add),
            Text::Remove(_) => None,
        }
    }

    /// The action as written: an add, or a remove.
    #[must_use]
    pub fn raw(&self) -> &RawObject {
        match &self.text {
            Text::Add(add) => &add.raw,
            Text::Remove(raw) => raw,
        }
    }

    /// The partition that it belongs to; none when a remove does not tell.
    pub(super) fn partition(&self) -> Option<PartitionTuple> {
        let values: PartitionTuple = self.raw().fields().optional("partitionValues").ok()??;
        let filled = |value: Option<String>| value.filter(|text| !text.is_empty());
        Some(values.into_iter().map(|(column, value)| (column, filled(value))).collect())
    }
}

/// `stats.numRecords` less `deletionVector.cardinality`.
fn rows(raw: &RawObject) -> Option<u64> {
    let fields = raw.fields();
    let stats: String = fields.optional("stats").ok()??;
    let physical: u64 = Fields::parse(&stats).ok()?.optional("numRecords").ok()??;
    let hidden = match fields.get("deletionVector") {
        Some(vector) => Fields::parse(vector.get()).ok()?.required("cardinality").ok()?,
        None => 0,
    };
    physical.checked_sub(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(text: &str) -> Member {
        let (key, add) = AddFile::parse(RawObject::parse(text).expect("json")).expect("add");
        Member::added(key, add)
    }

    #[test]
    fn rows_are_what_a_reader_gets() {
        let vector =
            r#""deletionVector":{"storageType":"i","pathOrInlineDv":"x","sizeInBytes":4,"cardinality":3}"#;
        let cases = [
            (r#""stats":"{\"numRecords\":10}""#.to_owned(), Some(10)),
            (format!(r#""stats":"{{\"numRecords\":10}}",{vector}"#), Some(7)),
            (format!(r#""stats":"{{\"numRecords\":2}}",{vector}"#), None),
            (r#""stats":"{\"nullCount\":{}}""#.to_owned(), None),
            (r#""stats":"{\"numRecords\":\"10\"}""#.to_owned(), None),
            (r#""stats":"no json""#.to_owned(), None),
            (r#""stats":null"#.to_owned(), None),
        ];
        for (fields, expected) in cases {
            assert_eq!(member(&format!(r#"{{"path":"a","size":1,{fields}}}"#)).rows(), expected, "{fields}");
        }
    }

    #[test]
    fn null_and_empty_are_one_partition() {
        let of = |values: &str| member(&format!(r#"{{"path":"a","size":1{values}}}"#)).partition();
        assert_eq!(of(r#","partitionValues":{"p":null}"#), of(r#","partitionValues":{"p":""}"#));
        assert_ne!(of(r#","partitionValues":{"p":"x"}"#), of(r#","partitionValues":{"p":""}"#));
        assert_eq!(of(""), None);
    }
}
