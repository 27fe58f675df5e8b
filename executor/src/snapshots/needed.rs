//! Which objects the snapshots of a schedule need.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;

use futures::TryStreamExt as _;
use lakedr_control::id::TableName;
use lakedr_control::snapshots::{Catalog, SnapshotDocument};
use object_store::path::Path;

use super::desk::Desk;
use crate::delta::fingerprint::text_id;
use crate::delta::log_name::LOG_DIRECTORY;
use crate::error::{At as _, Failure, Stage};
use crate::observe::snapshot::Columns;
use crate::plan::diff::DiffRefusal;
use crate::plan::followed::objects;
use crate::prune::keep::is_of_table;
use crate::spec::TableStore;

/// What becomes of an object below the folder of the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A snapshot needs it.
    Needed,
    /// It is nothing that lakedr writes.
    Foreign,
    /// Nothing needs it, and it belongs to the log of a table that no snapshot needs.
    DoomedLog,
    /// Nothing needs it.
    Doomed,
}

/// The objects that some snapshots need, in a few bytes each.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Folders of tables, below the folder of the copies, each with a slash at its end.
    tables: BTreeSet<String>,
    keys: HashSet<u128>,
}

impl Needed {
    fn insert(&mut self, folder: &str, key: &Path) {
        self.keys.insert(text_id(&format!("{folder}{key}")));
    }

    /// The folder of a table that holds a key, and the key below it.
    fn place<'k>(&self, key: &'k str) -> Option<(&str, &'k str)> {
        // the last folder that is not behind the key is the only one that can hold it: none lies in another
        let folder = self.tables.range::<str, _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
        Some((folder, key.strip_prefix(folder.as_str())?))
    }

    /// What becomes of an object; `key` is its key below the folder of the copies.
    pub(super) fn fate(&self, key: &Path) -> Fate {
        let in_log = |key: &str| key.split('/').any(|part| part == LOG_DIRECTORY);
        match self.place(key.as_ref()) {
            Some((_, below)) if in_log(below) => Fate::Needed,
            Some(_) if self.keys.contains(&text_id(key.as_ref())) => Fate::Needed,
            Some((_, below)) if is_of_table(&below.into()) => Fate::Doomed,
            Some(_) => Fate::Foreign,
            None if in_log(key.as_ref()) => Fate::DoomedLog,
            None if is_of_table(key) => Fate::Doomed,
            None => Fate::Foreign,
        }
    }
}

/// The folder of a table that a key of its log gives away.
pub(super) fn table_of_log(key: &Path) -> Option<Path> {
    let depth = key.parts().position(|part| part.as_ref() == LOG_DIRECTORY)?;
    Some(key.parts().take(depth).collect())
}

/// What the snapshots of a catalog need, and the newest version of each of their tables: the next snapshot goes on from it.
pub(super) async fn needed(desk: &Desk<'_>, catalog: &Catalog) -> Result<Needed, Failure> {
    let mut wanted: BTreeMap<String, (TableName, BTreeSet<u64>)> = BTreeMap::new();
    for kept in &catalog.snapshots {
        let document: SnapshotDocument =
            desk.catalog.document(kept).await.at(Stage::Observe, &desk.schedule.name)?;
        for table in document.tables {
            let (_, versions) = wanted.entry(table.path).or_insert_with(|| (table.name, BTreeSet::new()));
            versions.insert(table.version);
        }
    }
    let mut needed = Needed::default();
    let data = desk.stores.data().at(Stage::Observe, &desk.schedule.name)?.root;
    for (path, (name, versions)) in wanted {
        let table = desk.stores.copy(&name, &path).at(Stage::Observe, &name)?;
        let below: Path = table.root.prefix_match(&data).into_iter().flatten().collect();
        let folder = format!("{below}/");
        of_table(&mut needed, &folder, &table, versions).await?;
        needed.tables.insert(folder);
    }
    Ok(needed)
}

async fn of_table(
    needed: &mut Needed,
    folder: &str,
    table: &TableStore,
    mut versions: BTreeSet<u64>,
) -> Result<(), Failure> {
    let (name, delta) = (&table.name, table.table());
    let translation = table.translation().at(Stage::Observe, name)?;
    let listing = delta.listing().await.at(Stage::Observe, name)?;
    versions.extend(listing.latest_commit());
    for version in versions {
        let snapshot = delta.snapshot(&listing, Some(version)).await.at(Stage::Observe, name)?;
        let mut files = std::pin::pin!(snapshot.files(Columns::Identity));
        while let Some((key, add)) = files.try_next().await.at(Stage::Observe, name)? {
            let file = translation.file(&key, &add).map_err(DiffRefusal::File).at(Stage::Observe, name)?;
            for object in objects(&file) {
                needed.insert(folder, &object.target_key);
                if let Some(undecoded) = &object.undecoded_source_key {
                    needed.insert(folder, undecoded);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_snapshot_names_goes_and_what_is_not_ours_stays() {
        let mut needed = Needed::default();
        needed
            .tables
            .extend(["cat/s/t/", "cat/s/t2/", "cat/s/t-3/", "20261122T030000Z/cat/s/t/"].map(str::to_owned));
        needed.insert("cat/s/t/", &"p=1/live.parquet".into());
        let cases = [
            ("cat/s/t/p=1/live.parquet", Fate::Needed),
            ("cat/s/t/p=1/gone.parquet", Fate::Doomed),
            ("cat/s/t2/p=1/live.parquet", Fate::Doomed),
            ("cat/s/t/_delta_log/00000000000000000000.json", Fate::Needed),
            ("cat/s/t/deletion_vector_1.bin", Fate::Doomed),
            ("cat/s/t/README.md", Fate::Foreign),
            ("cat/s/t-old/_delta_log/00000000000000000000.json", Fate::DoomedLog),
            ("cat/s/t-old/part.parquet", Fate::Doomed),
            ("20261115T030000Z/cat/s/t/_delta_log/_last_checkpoint", Fate::DoomedLog),
            ("20261115T030000Z/cat/s/t/part.parquet", Fate::Doomed),
            ("notes.txt", Fate::Foreign),
        ];
        for (key, expected) in cases {
            assert_eq!(needed.fate(&key.into()), expected, "{key}");
        }
        let log = "a/b/c/_delta_log/00000000000000000000.json".into();
        assert_eq!(table_of_log(&log), Some("a/b/c".into()));
    }
}
