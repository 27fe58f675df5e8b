use std::collections::BTreeSet;
use std::sync::Arc;

use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::OpenedStore;
use object_store::ObjectStore;
use object_store::path::Path;

use super::buckets::Buckets;
use super::stores_error::StoresError;
use crate::delta::feature::Exceptions;
use crate::delta::listing::LogListing;
use crate::delta::path::SourceObject;
use crate::delta::root::TableRoot;
use crate::observe::catalog::UnityCatalog;
use crate::observe::delta_table::DeltaTable;
use crate::plan::translate::Translation;

/// Folder of the log below the root of a table (protocol, "Delta Log Entries").
const LOG_FOLDER: &str = "_delta_log";

/// The place of one table on one side.
#[derive(Debug, Clone)]
pub struct TableStore {
    /// The table.
    pub name: TableName,
    /// Its URL.
    pub url: StoreUrl,
    /// The bucket.
    pub store: Arc<dyn ObjectStore>,
    /// The root of the table in the bucket.
    pub root: Path,
    /// Whether the log may name files outside of the root, and they may be read.
    pub shallow_clone: bool,
    /// Writer features that lakedr does not know and that the operator answers for.
    pub allowed_writer_features: BTreeSet<String>,
    /// Whether a catalog said where it lies.
    pub(super) placed_by_catalog: bool,
    /// The catalog that may manage the table.
    pub(super) catalog: Option<Arc<UnityCatalog>>,
    /// Where files outside of the root are opened.
    pub(super) buckets: Buckets,
}

impl TableStore {
    /// A table at an opened place, all of whose files lie below it.
    #[must_use]
    pub fn at(name: TableName, place: OpenedStore) -> Self {
        let OpenedStore { store, root, url, .. } = place;
        Self {
            name,
            url,
            store,
            root,
            shallow_clone: false,
            allowed_writer_features: BTreeSet::new(),
            placed_by_catalog: false,
            catalog: None,
            buckets: Buckets::default(),
        }
    }

    /// Where a key below the root of the table lies in the bucket.
    #[must_use]
    pub fn place(&self, key: &Path) -> Path {
        key.parts().fold(self.root.clone(), Path::join)
    }

    /// Where a file of the table's log lies in the bucket, and its URL.
    #[must_use]
    pub fn log_file(&self, name: &str) -> (Path, String) {
        (self.root.clone().join(LOG_FOLDER).join(name), format!("{}/{LOG_FOLDER}/{name}", self.url))
    }

    /// The root, as the log's absolute URIs are compared with it.
    ///
    /// # Errors
    /// When the URL is none that a table can live at.
    pub fn table_root(&self) -> Result<TableRoot, StoresError> {
        Ok(TableRoot::parse(self.url.as_str())?.with_files_elsewhere(self.shallow_clone))
    }

    /// How the files that the log names are called at a replica.
    ///
    /// # Errors
    /// When the URL is none that a table can live at.
    pub fn translation(&self) -> Result<Translation, StoresError> {
        Ok(Translation::new(self.url.as_str(), self.table_root()?))
    }

    /// The bucket of a file that the log names, and its path in there.
    ///
    /// # Errors
    /// When the store of a file outside of the root cannot be set up.
    pub fn object(&self, object: &SourceObject) -> Result<(Arc<dyn ObjectStore>, Path), StoresError> {
        match object {
            SourceObject::InTable(key) => Ok((Arc::clone(&self.store), self.place(key))),
            SourceObject::Elsewhere { root, key } => {
                let opened = self.buckets.open(root)?;
                Ok((opened.store, key.parts().fold(opened.root, Path::join)))
            }
        }
    }

    /// URL of a file that the log names.
    #[must_use]
    pub fn object_url(&self, object: &SourceObject) -> String {
        match object {
            SourceObject::InTable(key) => format!("{}/{key}", self.url),
            SourceObject::Elsewhere { root, key } => format!("{root}/{key}"),
        }
    }

    /// The table, for reading.
    #[must_use]
    pub fn table(&self) -> DeltaTable {
        let table = DeltaTable::new(Arc::clone(&self.store), self.root.clone(), self.url.to_string());
        match &self.catalog {
            Some(catalog) => table.in_catalog(Arc::clone(catalog), self.name.clone()),
            None => table,
        }
    }

    /// What lets the table pass the gate of features, when it is read by a listing.
    #[must_use]
    pub fn exceptions(&self, listing: &LogListing) -> Exceptions {
        Exceptions { writer_features: self.allowed_writer_features.clone(), ratified: listing.is_ratified() }
    }
}
