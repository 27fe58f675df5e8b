//! Directories as values: read, written back, and told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Content of every object below a directory, by its relative path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Inode and time of change of every object: who keeps both was not written.
pub(crate) type Stamps = BTreeMap<String, (u64, i64, i64)>;

/// Every object below `root`. Files that a killed writer was still writing are no objects.
pub(crate) fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(root, "", &mut |path, key| drop(tree.insert(key, fs::read(path).unwrap())));
    tree
}

/// The stamp of every object below `root`.
pub(crate) fn stamps(root: &Path) -> Stamps {
    let mut stamps = Stamps::new();
    walk(root, "", &mut |path, key| {
        let metadata = fs::metadata(path).unwrap();
        stamps.insert(key, (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
    });
    stamps
}

/// What differs between two states, by path.
pub(crate) fn changes(before: &Tree, after: &Tree) -> BTreeSet<String> {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// Makes a directory hold exactly `tree`.
pub(crate) fn restore(root: &Path, tree: &Tree) {
    let _ = fs::remove_dir_all(root);
    for (key, bytes) in tree {
        write(&root.join(key), bytes);
    }
}

/// Writes a file with all its folders.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Where the local stores keep the half of an object whose writer was killed.
pub(crate) fn torn(key: &str) -> String {
    let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
    match key.contains("/meta/") {
        true => format!("{folder}/.lakedr-4194304-0"),
        false => format!("{folder}/{name}#1"),
    }
}

fn walk(folder: &Path, key: &str, visit: &mut impl FnMut(&Path, String)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let below = if key.is_empty() { name.clone() } else { format!("{key}/{name}") };
        match path.is_dir() {
            true => walk(&path, &below, visit),
            false if name.contains('#') || name.starts_with(".lakedr-") => {}
            false => visit(&path, below),
        }
    }
}
