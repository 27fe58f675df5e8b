//! Deletion-vector descriptors (protocol, "Deletion Vector Descriptor Schema").

use object_store::path::Path;
use thiserror::Error;
use uuid::Uuid;

use super::json::{Fields, JsonError, ObjectWriter, RawObject};
use super::path::{PathRefusal, key, locate};
use super::root::TableRoot;

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
    /// The file lies where it cannot be copied from.
    #[error("deletion vector: {0}")]
    Path(#[from] PathRefusal),
}

/// The file of a deletion vector, and how a replica names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorFile {
    /// Key below the root of the source.
    pub source: Path,
    /// Key below the root of the replica.
    pub target: Path,
    /// Bytes that the file holds at least.
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
    /// [`VectorRefusal`] when it has no legal key below the table root.
    pub fn file(&self, root_url: &str, root: &TableRoot) -> Result<Option<VectorFile>, VectorRefusal> {
        let at_least = self.offset.unwrap_or(1).saturating_add(self.size).saturating_add(FRAME);
        match self.storage {
            Storage::Inline => Ok(None),
            Storage::Uuid => {
                let source = self.uuid_key()?;
                Ok(Some(VectorFile { target: source.clone(), source, at_least }))
            }
            Storage::Absolute => {
                let source = locate(&self.path_or_inline, root_url, root)?.key;
                let target = Path::from(file_name(adopted_uuid(&source)));
                Ok(Some(VectorFile { source, target, at_least }))
            }
        }
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

/// The descriptor as a replica must log it: absolute vectors become `u` vectors of the replica.
///
/// # Errors
/// [`VectorRefusal`] when the descriptor cannot be cloned.
pub fn replica_descriptor(
    raw: &str,
    root_url: &str,
    root: &TableRoot,
) -> Result<Option<RawObject>, VectorRefusal> {
    let descriptor = Descriptor::parse(raw)?;
    if descriptor.storage != Storage::Absolute {
        return Ok(None);
    }
    let source = locate(&descriptor.path_or_inline, root_url, root)?.key;
    let mut object = ObjectWriter::default();
    for (name, value) in Fields::parse(raw)?.iter() {
        match name {
            "storageType" => object.field(name, "u"),
            "pathOrInlineDv" => object.field(name, z85::encode(adopted_uuid(&source).as_bytes())),
            _ => object.raw(name, value.get()),
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

/// The uuid under which a replica keeps a vector that its source names by URI: the same for every run.
fn adopted_uuid(source: &Path) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("lakedr:deletion-vector:{source}").as_bytes())
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

    #[test]
    fn uuid_vectors_are_files_at_the_root() {
        let raw = descriptor("u", "ab^-aqEH.-t@S}K{vb[*k^");
        let vector = Descriptor::parse(&raw).expect("descriptor");
        let file = vector.file(ROOT, &root()).expect("file").expect("on disk");
        assert_eq!(file.source.as_ref(), "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin");
        assert_eq!(file.source, file.target);
        assert_eq!(file.at_least, 45);
        assert_eq!(unique_id(&raw).expect("id"), "uab^-aqEH.-t@S}K{vb[*k^@1");
        assert!(replica_descriptor(&raw, ROOT, &root()).expect("carried").is_none());
    }

    #[test]
    fn inline_vectors_have_no_file() {
        let raw = r#"{"storageType":"i","pathOrInlineDv":"wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L","sizeInBytes":40,"cardinality":6}"#;
        let vector = Descriptor::parse(raw).expect("descriptor");
        assert_eq!(vector.file(ROOT, &root()).expect("inline"), None);
        assert!(unique_id(raw).expect("id").ends_with("{L"));
    }

    #[test]
    fn absolute_vectors_are_adopted_under_a_stable_name() {
        let raw = descriptor("p", "file:/lake/t/dv/x%25y.bin");
        let file = Descriptor::parse(&raw).expect("raw").file(ROOT, &root()).expect("file").expect("on disk");
        assert_eq!(file.source.as_ref(), "dv/x%y.bin");
        let carried = replica_descriptor(&raw, ROOT, &root()).expect("carried").expect("rewritten");
        let again = Descriptor::parse(carried.text()).expect("u").file(ROOT, &root()).expect("file");
        assert_eq!(again.expect("on disk").source, file.target);
        assert!(carried.text().ends_with(r#""offset":1,"sizeInBytes":36,"cardinality":2,"maxRowIndex":9}"#));
    }

    #[test]
    fn what_cannot_be_located_is_refused() {
        let cases = [
            ("r", "x.bin", "storage type `r` cannot be carried"),
            ("u", "short", "does not decode to a uuid"),
            ("u", "..^-aqEH.-t@S}K{vb[*k^", "no portable object key"),
            ("u", "€€€€€€€", "does not decode to a uuid"),
            ("p", "s3://other/x.bin", "lies outside of its table"),
        ];
        for (storage, path, expected) in cases {
            let refused = Descriptor::parse(&descriptor(storage, path))
                .and_then(|vector| vector.file(ROOT, &root()))
                .expect_err(path);
            assert!(refused.to_string().contains(expected), "{refused}");
        }
    }
}
