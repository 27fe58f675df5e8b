//! What one table needs to become equal to its source: files to copy, actions to commit.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use thiserror::Error;

use crate::delta::compare::differing_metadata;
use crate::delta::deletion_vector::Descriptor;
use crate::delta::json::RawObject;
use crate::delta::path::{SourceObject, StoredFile};
use crate::delta::protocol::Protocol;
use crate::delta::replica::OWN_TXN_PREFIX;
use crate::delta::replica::configuration::{replica_configuration, without_enablement};
use crate::delta::replica::file::{FileRefusal, ReplicaFile, differing_fields, replica_file};
use crate::delta::replica::protocol::replica_protocol;
use crate::delta::root::{RootError, TableRoot};
use crate::delta::state::{AddFile, FileKey, Metadata, TableState};

/// What kind of object a copy moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A data file.
    Data,
    /// A file with deletion vectors.
    DeletionVector,
}

/// One object to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopy {
    /// Where the source keeps it.
    pub source: SourceObject,
    /// The key, in the same place, of a source written without percent-encoding; to be tried when `source` is not
    /// found.
    pub undecoded_source_key: Option<Path>,
    /// Key relative to the root of the target.
    pub target_key: Path,
    /// Bytes: exact for data, a lower bound for deletion vectors, whose files the log does not size.
    pub size: u64,
    /// What it is.
    pub kind: FileKind,
}

/// Why a table cannot be made equal to its source.
#[derive(Debug, Error)]
pub enum DiffRefusal {
    /// The url of the source is no url.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A file cannot be cloned.
    #[error(transparent)]
    File(#[from] FileRefusal),
    /// The source lists one path twice, which the protocol forbids.
    #[error("the source lists file `{path}` twice; the log is damaged")]
    PathTwice {
        /// The path as logged.
        path: String,
    },
    /// The target has another file under the name; names of data files are unique by the protocol.
    #[error(
        "file `{path}` has {source_size} bytes at the source and {target_size} at the target: a file of that \
         name was replaced; remove the target table and clone it anew"
    )]
    PathReused {
        /// The path as logged.
        path: String,
        /// Bytes at the source.
        source_size: u64,
        /// Bytes at the target.
        target_size: u64,
    },
}

/// An add to commit.
#[derive(Debug, Clone)]
pub(crate) struct AddAction {
    pub(crate) raw: RawObject,
    /// False when the file is live at the target already and only what the log says of it changes.
    pub(crate) data_change: bool,
}

/// Metadata to commit, or to compute the rest of the commit from.
#[derive(Debug, Clone)]
pub(crate) struct MetadataPlan {
    /// The source's action; id and properties are set when the commit is written.
    pub(crate) source: Metadata,
    /// What the target has, if it exists.
    pub(crate) target: Option<Metadata>,
    /// Whether the commit needs the action.
    pub(crate) write: bool,
}

/// The difference between a source at a version and its target, as work.
#[derive(Debug, Clone)]
pub struct TableDiff {
    /// Objects to copy before the commit, by target key, each once.
    pub copies: Vec<FileCopy>,
    /// Live files that the target has already.
    pub reused_files: u64,
    /// Live files that the commit adds or changes.
    pub added_files: u64,
    /// Bytes of the data files that the commit adds or changes.
    pub added_bytes: u64,
    /// Live files of the target that the commit removes.
    pub removed_files: u64,
    /// Bytes of the data files that the commit removes.
    pub removed_bytes: u64,
    /// Live files of the source.
    pub source_files: u64,
    /// Bytes of the source's live data files.
    pub source_bytes: u64,
    /// The version of the source.
    pub source_version: u64,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) metadata: MetadataPlan,
    pub(crate) domains: Vec<RawObject>,
    pub(crate) dropped_domains: BTreeMap<String, String>,
    pub(crate) txns: Vec<RawObject>,
    pub(crate) removes: Vec<AddFile>,
    pub(crate) adds: Vec<AddAction>,
}

impl TableDiff {
    /// Compares a source, all of whose files lie below its root, with what the target holds; no target means a first
    /// clone.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when a file of the source cannot be cloned.
    pub fn between(source: &TableState, target: Option<&TableState>) -> Result<Self, DiffRefusal> {
        Self::between_at(&TableRoot::parse(&source.head.url)?, source, target)
    }

    /// As [`Self::between`], for a source whose root says where its files may lie.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when a file of the source cannot be cloned.
    pub fn between_at(
        root: &TableRoot,
        source: &TableState,
        target: Option<&TableState>,
    ) -> Result<Self, DiffRefusal> {
        let protocol = replica_protocol(&source.head.protocol, target.map(|state| &state.head.protocol));
        let protocol_written = target.is_none_or(|state| !state.head.protocol.same(&protocol));
        let mut diff = Self {
            copies: Vec::new(),
            reused_files: 0,
            added_files: 0,
            added_bytes: 0,
            removed_files: 0,
            removed_bytes: 0,
            source_files: source.files.len() as u64,
            source_bytes: source.bytes(),
            source_version: source.head.version,
            protocol: protocol_written.then_some(protocol),
            metadata: metadata_plan(source, target),
            domains: changed_domains(source, target),
            dropped_domains: dropped_domains(source, target),
            txns: changed_txns(source, target),
            removes: Vec::new(),
            adds: Vec::new(),
        };
        diff.compare_files(root, source, target)?;
        Ok(diff)
    }

    /// Whether the target is equal already: nothing to copy and nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.protocol.is_none()
            && !self.metadata.write
            && self.domains.is_empty()
            && self.dropped_domains.is_empty()
            && self.txns.is_empty()
            && self.removes.is_empty()
            && self.adds.is_empty()
    }

    /// Bytes to copy, deletion vectors by their lower bound.
    #[must_use]
    pub fn copy_bytes(&self) -> u64 {
        self.copies.iter().map(|copy| copy.size).sum()
    }

    fn compare_files(
        &mut self,
        root: &TableRoot,
        source: &TableState,
        target: Option<&TableState>,
    ) -> Result<(), DiffRefusal> {
        let held = Held::of(target);
        let mut moved = Moved::default();
        let mut last_path: Option<&str> = None;
        for (key, add) in &source.files {
            let file = replica_file(key, add, &source.head.url, root)?;
            if last_path.replace(&key.path) == Some(&*key.path) {
                return Err(DiffRefusal::PathTwice { path: key.path.to_string() });
            }
            self.compare_file(&file, &held)?;
            if file.key != *key {
                moved.insert(source, key, file.key)?;
            }
        }
        let gone = target.into_iter().flat_map(|state| &state.files);
        let gone = gone.filter(|(key, _)| !moved.keeps(source, key));
        self.removes = gone.map(|(_, add)| add.clone()).collect();
        self.removed_files = self.removes.len() as u64;
        self.removed_bytes = self.removes.iter().map(|add| add.size).sum();
        // Files may share a deletion-vector file: it travels once.
        self.copies.sort_by(|a, b| (&a.target_key, b.size).cmp(&(&b.target_key, a.size)));
        self.copies.dedup_by(|a, b| a.target_key == b.target_key);
        Ok(())
    }

    fn compare_file(&mut self, file: &ReplicaFile, held: &Held<'_>) -> Result<(), DiffRefusal> {
        let at_target = held.file(&file.key.path);
        if let Some((_, other)) = at_target.filter(|(_, other)| other.size != file.add.size) {
            return Err(DiffRefusal::PathReused {
                path: file.key.path.to_string(),
                source_size: file.add.size,
                target_size: other.size,
            });
        }
        let same_key = at_target.filter(|(key, _)| **key == file.key);
        if same_key.is_some_and(|(_, other)| differing_fields(&file.add, other).is_empty()) {
            self.reused_files += 1;
            return Ok(());
        }
        self.added_files += 1;
        self.added_bytes += file.add.size;
        self.adds.push(AddAction { raw: file.add.raw.clone(), data_change: same_key.is_none() });
        if at_target.is_none() {
            self.copies.push(copy(&file.data, file.add.size, FileKind::Data));
        }
        let vector = file.vector.as_ref().filter(|vector| !held.vectors.contains(&vector.file.target));
        let vector = vector.map(|vector| copy(&vector.file, vector.at_least, FileKind::DeletionVector));
        self.copies.extend(vector);
        Ok(())
    }
}

fn copy(file: &StoredFile, size: u64, kind: FileKind) -> FileCopy {
    FileCopy {
        source: file.source.clone(),
        undecoded_source_key: file.undecoded.clone(),
        target_key: file.target.clone(),
        size,
        kind,
    }
}

/// Files whose identity at the replica is another than at the source: absolute paths and vectors. Few.
#[derive(Default)]
struct Moved {
    from: BTreeSet<FileKey>,
    to: BTreeSet<FileKey>,
}

impl Moved {
    fn insert(&mut self, source: &TableState, from: &FileKey, to: FileKey) -> Result<(), DiffRefusal> {
        let another = to.path != from.path && by_path(&source.files, &to.path).is_some();
        let from_path = FileKey { path: to.path.clone(), vector: None };
        let again = self.to.range(from_path..).next().is_some_and(|other| other.path == to.path);
        if another || again {
            return Err(DiffRefusal::PathTwice { path: to.path.into() });
        }
        self.from.insert(from.clone());
        self.to.insert(to);
        Ok(())
    }

    /// Whether a live file of the target stays.
    fn keeps(&self, source: &TableState, key: &FileKey) -> bool {
        self.to.contains(key) || (source.files.contains_key(key) && !self.from.contains(key))
    }
}

/// The live file of a path, whatever its deletion vector.
fn by_path<'a>(files: &'a BTreeMap<FileKey, AddFile>, path: &str) -> Option<(&'a FileKey, &'a AddFile)> {
    let from = FileKey { path: path.into(), vector: None };
    files.range(from..).next().filter(|(key, _)| key.path.as_ref() == path)
}

/// What the target holds already.
struct Held<'a> {
    files: Option<&'a BTreeMap<FileKey, AddFile>>,
    vectors: BTreeSet<Path>,
}

impl<'a> Held<'a> {
    fn of(target: Option<&'a TableState>) -> Self {
        let Some(target) = target else { return Self { files: None, vectors: BTreeSet::new() } };
        let root = TableRoot::parse(&target.head.url).ok();
        let with_vector = target.files.iter().filter(|(key, _)| key.vector.is_some());
        let vectors = with_vector.filter_map(|(_, add)| {
            let fields = add.raw.fields();
            let descriptor = Descriptor::parse(fields.get("deletionVector")?.get()).ok()?;
            // A vector that cannot be located is not held: the copy then finds out what is there.
            Some(descriptor.file(&target.head.url, root.as_ref()?).ok()??.file.target)
        });
        Self { files: Some(&target.files), vectors: vectors.collect() }
    }

    fn file(&self, path: &str) -> Option<(&'a FileKey, &'a AddFile)> {
        by_path(self.files?, path)
    }
}

fn metadata_plan(source: &TableState, target: Option<&TableState>) -> MetadataPlan {
    let target = target.map(|state| &state.head.metadata);
    let write = target.is_none_or(|target| {
        !differing_metadata(&source.head.metadata, target).is_empty()
            || replica_configuration(&source.head.metadata.configuration)
                != without_enablement(&target.configuration)
    });
    MetadataPlan { source: source.head.metadata.clone(), target: target.cloned(), write }
}

fn changed_domains(source: &TableState, target: Option<&TableState>) -> Vec<RawObject> {
    let held = |name: &String| target.and_then(|state| state.head.domains.get(name));
    let changed =
        source.head.domains.iter().filter(|(name, domain)| {
            held(name).is_none_or(|other| other.configuration != domain.configuration)
        });
    changed.map(|(_, domain)| domain.raw.clone()).collect()
}

fn dropped_domains(source: &TableState, target: Option<&TableState>) -> BTreeMap<String, String> {
    let domains = target.into_iter().flat_map(|state| &state.head.domains);
    let dropped = domains.filter(|(name, _)| !source.head.domains.contains_key(*name));
    dropped.map(|(name, domain)| (name.clone(), domain.configuration.clone())).collect()
}

fn changed_txns(source: &TableState, target: Option<&TableState>) -> Vec<RawObject> {
    let held = |app: &String| target.and_then(|state| state.head.txns.get(app));
    let foreign = source.head.txns.iter().filter(|(app, _)| !app.starts_with(OWN_TXN_PREFIX));
    let changed = foreign.filter(|(app, txn)| {
        held(app).is_none_or(|other| (other.version, other.last_updated) != (txn.version, txn.last_updated))
    });
    changed.map(|(_, txn)| txn.raw.clone()).collect()
}
