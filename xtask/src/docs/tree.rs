//! The generated files in the checkout: write them, or say which differ.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{console, paths};

/// Text by path, relative to the root of the checkout.
pub(super) type Pages = BTreeMap<PathBuf, String>;

/// Folders that hold generated pages and nothing else.
const OURS: [&str; 4] = ["docs/resources", "docs/data-sources", "docs/functions", "docs/list-resources"];

/// Writes all pages, and removes those of things that are no more.
pub(super) fn write(pages: &Pages) -> Result<()> {
    for path in left_over(pages)? {
        let file = paths::root().join(&path);
        std::fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        console::say(&format!("docs: removed {}", path.display()));
    }
    for (path, text) in pages {
        let file = paths::root().join(path);
        if std::fs::read_to_string(&file).is_ok_and(|found| found == *text) {
            continue;
        }
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        }
        std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        console::say(&format!("docs: wrote {}", path.display()));
    }
    Ok(())
}

/// Fails if the checkout holds anything else than these pages.
pub(super) fn compare(pages: &Pages) -> Result<()> {
    let mut differ = left_over(pages)?;
    for (path, text) in pages {
        if !std::fs::read_to_string(paths::root().join(path)).is_ok_and(|found| found == *text) {
            differ.insert(path.clone());
        }
    }
    if !differ.is_empty() {
        let list: Vec<_> = differ.iter().map(|path| path.display().to_string()).collect();
        bail!(
            "not what would be generated: {}; run `cargo xtask docs` and commit the result",
            list.join(", ")
        );
    }
    Ok(())
}

/// Pages that are there but would not be generated.
fn left_over(pages: &Pages) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for folder in OURS.map(PathBuf::from) {
        let dir = paths::root().join(&folder);
        if !dir.exists() {
            continue;
        }
        for entry in std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))? {
            let path = folder.join(entry?.file_name());
            if !pages.contains_key(&path) {
                found.insert(path);
            }
        }
    }
    Ok(found)
}
