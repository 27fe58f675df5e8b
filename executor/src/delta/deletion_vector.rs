//! Deletion-vector descriptors (protocol, "Deletion Vector Descriptor Schema").

use object_store::path::Path;
use thiserror::Error;
use uuid::Uuid;

use super::json::{Fields, JsonError, ObjectWriter, RawObject};
use super::path::{PathRefusal, SourceObject, StoredFile, key, locate};
use super::place::Place;
use super::root::{TableRoot, is_absolute};

/// Encoded length of the uuid at the end of a `u` descriptor.
const ENCODED_UUID: usize = 20;
/// Length word before and checksum word after the data of a vector.
const FRAME: u64 = 8;

/// Where the bits of a deletion vector are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// `u`: a file below the table root, named by an encoded uuid.
    Uuid,
    /// `i`: in the log itself.
    Inline,
    /// `p`: a file at an absolute URI.
    Absolute,
}

/// The fields of a descriptor that identify and locate it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Where the bits are.
    pub storage: Storage,
    /// Encoded name, encoded bits or URI.
    pub path_or_inline: String,
    /// Where in the file the vector starts.
    pub offset: Option<u64>,
    /// Bytes of the vector, without its frame.
    pub size: u64,
    /// Number of deleted rows.
    pub cardinality: u64,
}

/// Why a deletion vector cannot be cloned.
#[derive(Debug, Error)]
pub enum VectorRefusal {
    /// The descriptor does not have the fields that it must have.
    #[error("malformed deletion vector")]
    Malformed(#[from] JsonError),
    /// The storage type is none that this program can copy.
    #[error(
        "deletion vector with storage type `{storage}` cannot be carried; purge it with REORG TABLE … APPLY (PURGE)"
    )]
    UnknownStorage {
        /// The type as logged.
        storage: String,
    },
    /// The name of the file does not decode to a uuid.
    #[error("deletion vector name `{name}` does not decode to a uuid; the log is damaged")]
    NotAUuid {
        /// The name as logged.
        name: String,
    },
    /// The path of an absolute vector is not absolute.
    #[error("deletion vector path `{path}` is not the absolute uri that it must be; the log is damaged")]
    NotAbsolute {
        /// The path as logged.
        path: String,
    },
    /// The file lies where it cannot be copied from.
    #[error("deletion vector: {0}")]
    Path(#[from] PathRefusal),
}

/// The file of a deletion vector, and how a replica names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorFile {
    /// The file; several vectors may share it.
    pub file: StoredFile,
    /// Bytes that it holds at least.
    pub at_least: u64,
}

impl Descriptor {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// [`VectorRefusal`] when it is malformed or of an unknown storage type.
    pub fn parse(raw: &str) -> Result<Self, VectorRefusal> {
        let fields = Fields::parse(raw)?;
        let storage = match fields.required::<String>("storageType")?.as_str() {
            "u" => Storage::Uuid,
            "i" => Storage::Inline,
            "p" => Storage::Absolute,
            other => return Err(VectorRefusal::UnknownStorage { storage: other.to_owned() }),
        };
        Ok(Self {
            storage,
            path_or_inline: fields.required("pathOrInlineDv")?,
            offset: fields.optional("offset")?,
            size: fields.required("sizeInBytes")?,
            cardinality: fields.required("cardinality")?,
        })
    }

    /// The file that holds the vector, `None` for an inline one.
    ///
    /// # Errors
    /// [`VectorRefusal`] when it lies where no vector may, or where it must not be read.
    pub fn file(&self, root_url: &str, root: &TableRoot) -> Result<Option<VectorFile>, VectorRefusal> {
        let at_least = self.offset.unwrap_or(1).saturating_add(self.size).saturating_add(FRAME);
        match self.storage {
            Storage::Inline => Ok(None),
            Storage::Uuid => {
                let key = self.uuid_key()?;
                let source = SourceObject::InTable(key.clone());
                let file = StoredFile { source, undecoded: None, target: key };
                Ok(Some(VectorFile { file, at_least }))
            }
            Storage::Absolute => {
                let located = locate(&self.path_or_inline, root_url, root)?;
                let target = Path::from(file_name(self.adopted_uuid()?));
                Ok(Some(VectorFile { file: StoredFile { target, ..located.file }, at_least }))
            }
        }
    }

    /// The uuid under which a replica keeps a vector that its source names by URI: a function of the place alone, so
    /// that every run and every spelling of the URI comes to the same.
    fn adopted_uuid(&self) -> Result<Uuid, VectorRefusal> {
        let uri = &self.path_or_inline;
        let not_absolute = || VectorRefusal::NotAbsolute { path: uri.clone() };
        let canonical = is_absolute(uri).then(|| Place::of(uri)?.canonical()).flatten();
        let canonical = canonical.ok_or_else(not_absolute)?;
        Ok(Uuid::new_v5(&Uuid::NAMESPACE_URL, canonical.as_bytes()))
    }

    /// The key of a `u` vector: a prefix that becomes a directory, and the uuid in z85.
    fn uuid_key(&self) -> Result<Path, VectorRefusal> {
        let name = &self.path_or_inline;
        let not_a_uuid = || VectorRefusal::NotAUuid { name: name.clone() };
        let split = name.len().checked_sub(ENCODED_UUID).ok_or_else(not_a_uuid)?;
        let (prefix, encoded) = name.split_at_checked(split).ok_or_else(not_a_uuid)?;
        let bytes = z85::decode(encoded).map_err(|_| not_a_uuid())?;
        let file = file_name(Uuid::from_slice(&bytes).map_err(|_| not_a_uuid())?);
        let literal = if prefix.is_empty() { file } else { format!("{prefix}/{file}") };
        key(&literal)
            .map_err(|problem| PathRefusal::NotAKey { path: name.clone(), problem })
            .map_err(VectorRefusal::from)
    }
}

/// The descriptor as a replica must log it, when that is another: absolute vectors become `u` vectors of the replica.
/// Everything but the name stays.
///
/// # Errors
/// [`VectorRefusal`] when the descriptor cannot be cloned.
pub fn replica_descriptor(raw: &str) -> Result<Option<RawObject>, VectorRefusal> {
    let descriptor = Descriptor::parse(raw)?;
    if descriptor.storage != Storage::Absolute {
        return Ok(None);
    }
    let name = z85::encode(descriptor.adopted_uuid()?.as_bytes());
    let mut object = ObjectWriter::default();
    for (field, value) in Fields::parse(raw)?.iter() {
        match field {
            "storageType" => object.field(field, "u"),
            "pathOrInlineDv" => object.field(field, name.as_str()),
            _ => object.raw(field, value.get()),
        };
    }
    Ok(Some(object.finish()))
}

/// The identity of a deletion vector (protocol: "Derived Fields", `uniqueId`), from the raw descriptor.
///
/// # Errors
/// [`JsonError`] when the descriptor lacks its required fields.
pub fn unique_id(raw: &str) -> Result<String, JsonError> {
    let fields = Fields::parse(raw)?;
    let storage: String = fields.required("storageType")?;
    let path: String = fields.required("pathOrInlineDv")?;
    Ok(identity(&storage, &path, fields.optional("offset")?))
}

/// The identity of a deletion vector from the fields that make it up.
pub(crate) fn identity(storage: &str, path_or_inline: &str, offset: Option<i64>) -> String {
    match offset {
        Some(offset) => format!("{storage}{path_or_inline}@{offset}"),
        None => format!("{storage}{path_or_inline}"),
    }
}

fn file_name(uuid: Uuid) -> String {
    format!("deletion_vector_{uuid}.bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "file:///lake/t";

    fn root() -> TableRoot {
        TableRoot::parse(ROOT).expect("root")
    }

    fn descriptor(storage: &str, path: &str) -> String {
        format!(
            r#"{{"storageType":"{storage}","pathOrInlineDv":"{path}","offset":1,"sizeInBytes":36,"cardinality":2,"maxRowIndex":9}}"#
        )
    }

    fn file(raw: &str, root: &TableRoot) -> Result<Option<VectorFile>, VectorRefusal> {
        Descriptor::parse(raw)?.file(ROOT, root)
    }

    #[test]
    fn uuid_vectors_are_files_at_the_root() {
        let raw = descriptor("u", "ab^-aqEH.-t@S}K{vb[*k^");
        let vector = file(&raw, &root()).expect("file").expect("on disk");
        let key = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
        assert_eq!(vector.file.source, SourceObject::InTable(Path::from(key)));
        assert_eq!(vector.file.target.as_ref(), key);
        assert_eq!(vector.at_least, 45);
        assert_eq!(unique_id(&raw).expect("id"), "uab^-aqEH.-t@S}K{vb[*k^@1");
        assert!(replica_descriptor(&raw).expect("carried").is_none());
    }

    #[test]
    fn inline_vectors_have_no_file() {
        let raw = r#"{"storageType":"i","pathOrInlineDv":"wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L","sizeInBytes":40,"cardinality":6}"#;
        assert_eq!(file(raw, &root()).expect("inline"), None);
        assert!(unique_id(raw).expect("id").ends_with("{L"));
        assert!(replica_descriptor(raw).expect("carried").is_none());
    }

    #[test]
    fn absolute_vectors_are_adopted_under_a_stable_name() {
        let spellings =
            ["file:/lake/t/dv/x%25y.bin", "/lake/t/dv/x%25y.bin", "FILE:///lake/t/dv/%78%25y.bin"];
        let mut names = std::collections::BTreeSet::new();
        for spelling in spellings {
            let raw = descriptor("p", spelling);
            let vector = file(&raw, &root()).expect("file").expect("on disk");
            assert_eq!(vector.file.source, SourceObject::InTable(Path::parse("dv/x%y.bin").expect("key")));
            let carried = replica_descriptor(&raw).expect("carried").expect("rewritten");
            let again = file(carried.text(), &root()).expect("file").expect("on disk");
            assert_eq!(again.file.source, SourceObject::InTable(vector.file.target.clone()));
            let kept = r#""offset":1,"sizeInBytes":36,"cardinality":2,"maxRowIndex":9}"#;
            assert!(carried.text().ends_with(kept), "{}", carried.text());
            names.insert(carried.text().to_owned());
        }
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names.first().expect("name").starts_with(r#"{"storageType":"u","pathOrInlineDv":""#));
    }

    #[test]
    fn vectors_of_another_table_need_a_declared_shallow_clone() {
        let raw = descriptor("p", "file:///lake/other/deletion_vector_1.bin");
        let refused = file(&raw, &root()).expect_err("undeclared");
        assert!(refused.to_string().contains("shallow_clone = true"), "{refused}");
        let vector = file(&raw, &root().with_files_elsewhere(true)).expect("file").expect("on disk");
        let elsewhere = SourceObject::Elsewhere {
            root: "file:///lake".parse().expect("url"),
            key: Path::from("other/deletion_vector_1.bin"),
        };
        assert_eq!(vector.file.source, elsewhere);
        assert!(vector.file.target.as_ref().starts_with("deletion_vector_"), "{}", vector.file.target);
    }

    #[test]
    fn what_cannot_be_located_is_refused() {
        let cases = [
            ("r", "x.bin", "storage type `r` cannot be carried"),
            ("u", "short", "does not decode to a uuid"),
            ("u", "..^-aqEH.-t@S}K{vb[*k^", "no portable object key"),
            ("u", "€€€€€€€", "does not decode to a uuid"),
            ("p", "dv/x.bin", "is not the absolute uri"),
            ("p", "s3://other/x.bin", "lies outside of its table"),
            ("p", "hdfs://n/x.bin", "lies where lakedr cannot read it"),
            ("p", "//h/x.bin", "lies where lakedr cannot read it"),
        ];
        for (storage, path, expected) in cases {
            let refused = file(&descriptor(storage, path), &root()).expect_err(path);
            assert!(refused.to_string().contains(expected), "{refused}");
        }
    }
}
