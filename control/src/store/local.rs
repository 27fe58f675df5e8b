use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;

use super::{DocStore, Listed, Object, StoreError, StoreErrorKind, Tag, Written};
use crate::digest;

/// A store in a local directory.
///
/// Creation is a hard link from a complete file, so it is atomic and never replaces. Replacement compares the
/// digest of the content under an exclusive lock on a file beside the store's objects, then renames.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    url: String,
}

/// Prefix of files that are not objects: locks and files that are being written.
const HIDDEN: &str = ".lakedr-";

impl LocalStore {
    /// A store in `root`, which is created with the first object. `url` is for messages.
    #[must_use]
    pub fn new(root: PathBuf, url: String) -> Self {
        Self { root, url }
    }

    fn path(&self, key: &str) -> PathBuf {
        key.split('/').fold(self.root.clone(), |path, segment| path.join(segment))
    }

    fn error(&self, verb: &'static str, key: &str, cause: io::Error) -> StoreError {
        let kind = match cause.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Denied,
            io::ErrorKind::NotADirectory => StoreErrorKind::NoBucket,
            _ => StoreErrorKind::Other,
        };
        let url = if key.is_empty() { self.url.clone() } else { format!("{}/{key}", self.url) };
        StoreError { verb, url, kind, cause: Box::new(cause) }
    }

    fn read_now(&self, key: &str) -> io::Result<Option<Object>> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Ok(Some(Object { tag: tag(&bytes), bytes })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A complete, synced file with these bytes beside the place where they go.
    fn stage(&self, key: &str, bytes: &[u8]) -> io::Result<Staged> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let mut attempt = 0_u32;
        loop {
            let staged = folder.join(format!("{HIDDEN}{}-{attempt}", std::process::id()));
            match File::create_new(&staged) {
                Ok(mut file) => {
                    let staged = Staged(staged);
                    file.write_all(bytes)?;
                    file.sync_all()?;
                    return Ok(staged);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn create_now(&self, key: &str, bytes: &[u8]) -> io::Result<Written> {
        let staged = self.stage(key, bytes)?;
        match fs::hard_link(&staged.0, self.path(key)) {
            Ok(()) => Ok(Written::Done(tag(bytes))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let same = self.read_now(key)?.is_some_and(|object| object.bytes == bytes);
                Ok(if same { Written::Done(tag(bytes)) } else { Written::Lost })
            }
            Err(error) => Err(error),
        }
    }

    fn replace_now(&self, key: &str, bytes: &[u8], expected: &Tag) -> io::Result<Written> {
        if self.read_now(key)?.is_none_or(|object| object.tag != *expected) {
            return Ok(Written::Lost);
        }
        let staged = self.stage(key, bytes)?;
        let lock = File::create(self.root.join(format!("{HIDDEN}lock")))?;
        lock.lock()?;
        if self.read_now(key)?.is_none_or(|object| object.tag != *expected) {
            return Ok(Written::Lost);
        }
        fs::rename(&staged.0, self.path(key))?;
        Ok(Written::Done(tag(bytes)))
    }
}

fn tag(bytes: &[u8]) -> Tag {
    Tag(digest::of_bytes(bytes))
}

/// A staged file; what is left of it is removed in the end.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        // after a rename there is nothing left, and a leftover has a name that is never listed
        let _ = fs::remove_file(&self.0);
    }
}

/// Size and time of the last change.
fn stamp(file: &fs::DirEntry) -> io::Result<String> {
    let metadata = file.metadata()?;
    let changed = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}-{}", metadata.len(), changed.as_nanos()))
}

fn walk(folder: &Path, key: &str, after: &str, found: &mut Vec<Listed>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(HIDDEN) {
            continue;
        }
        let below = if key.is_empty() { name } else { format!("{key}/{name}") };
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &below, after, found)?;
        } else if below.as_str() > after {
            match stamp(&entry) {
                Ok(stamp) => found.push(Listed { key: below, stamp }),
                // deleted since the folder was opened
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[async_trait]
impl DocStore for LocalStore {
    fn url(&self) -> &str {
        &self.url
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.read_now(key).map_err(|cause| self.error("read", key, cause))
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        walk(&self.path(folder), folder, after, &mut found)
            .map_err(|cause| self.error("list", folder, cause))?;
        found.sort();
        Ok(found)
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        self.create_now(key, bytes).map_err(|cause| self.error("write", key, cause))
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        self.replace_now(key, bytes, tag).map_err(|cause| self.error("write", key, cause))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.path(key)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.error("delete", key, cause)),
            _ => Ok(()),
        }
    }
}
