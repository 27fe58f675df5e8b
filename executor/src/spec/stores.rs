use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lakedr_control::group_log::{FailureClass, GroupLog};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::store::{DocStoreRef, OpenError, OpenedStore};
use lakedr_control::validate::{SideName, ValidGroup, ValidLocation};
use lakedr_control::vault::MissingSecrets;
use object_store::ObjectStore;
use object_store::path::Path;

use super::buckets::{Buckets, Sides};
use super::load::Loaded;
use crate::delta::feature::Exceptions;
use crate::delta::listing::LogListing;
use crate::delta::path::SourceObject;
use crate::delta::root::{RootError, TableRoot};
use crate::error::Classify;
use crate::observe::catalog::{CatalogError, UnityCatalog};
use crate::observe::delta_table::DeltaTable;
use crate::plan::translate::Translation;

/// Why the stores of a group cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// An external location that is not declared; validation finds it first.
    #[error("there is no external location {name:?}; declare it, or correct the group")]
    NoLocation {
        /// Its name.
        name: String,
    },
    /// Secrets cannot be had.
    #[error(transparent)]
    Secrets(#[from] MissingSecrets),
    /// A store cannot be opened.
    #[error("a store cannot be opened")]
    Open(#[from] OpenError),
    /// The URL of a table is none that the paths of a log can be compared with.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A catalog cannot be set up.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A table without URL.
    #[error(
        "{table} has no URL in the {side} region: resolving table names through a catalog is not part of this version; set {side}_url, or table_root of the side"
    )]
    NoUrl {
        /// The table.
        table: TableName,
        /// The side.
        side: &'static str,
    },
}

impl Classify for StoresError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Secrets(missing) => missing.class(),
            Self::Catalog(cause) => cause.class(),
            _ => FailureClass::Configuration,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Secrets(missing) => missing.retryable(),
            Self::Catalog(cause) => cause.retryable(),
            _ => false,
        }
    }
}

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
    /// The catalog that may manage the table.
    catalog: Option<Arc<UnityCatalog>>,
    /// Where files outside of the root are opened.
    buckets: Buckets,
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

/// Every store of one group, opened with the credentials of this process.
///
/// A table, or a marker, is reached with the options of its side's external location when both are in the same
/// kind of store, and with the environment's credentials otherwise.
#[derive(Debug, Clone)]
pub struct GroupStores {
    primary: Arc<SideStores>,
    secondary: Arc<SideStores>,
}

#[derive(Debug)]
struct SideStores {
    region: String,
    location: OpenedStore,
    buckets: Buckets,
    catalog: Option<Arc<UnityCatalog>>,
}

impl GroupStores {
    /// Opens the external locations of a group with the secrets that they need. Nothing else is fetched.
    ///
    /// # Errors
    /// See [`StoresError`]; all secrets that cannot be had are told at once.
    pub async fn open(loaded: &Loaded, group: &ValidGroup) -> Result<Self, StoresError> {
        let location = |name: SideName| {
            let name = &group.side(name).location;
            let location = loaded.locations.get(name.as_str());
            location.ok_or_else(|| StoresError::NoLocation { name: name.to_string() })
        };
        let (primary, secondary) = (location(SideName::Primary)?, location(SideName::Secondary)?);
        let tokens = [&group.primary, &group.secondary].into_iter().filter_map(|side| side.catalog.as_ref());
        let tokens = tokens.filter_map(|catalog| catalog.token.as_ref());
        let options = primary.secret_options.values().chain(secondary.secret_options.values());
        let secrets = loaded.secrets.all(options.chain(tokens).cloned()).await?;
        let side = |name: SideName, location: &ValidLocation| {
            let side = group.side(name);
            let buckets = Buckets::with_options(location.url.kind(), options_of(location, &secrets));
            let opened = buckets.open(&location.url)?;
            let catalog = side.catalog.as_ref().map(|catalog| {
                let token = catalog.token.as_ref().and_then(|token| secrets.get(token).cloned());
                UnityCatalog::new(&catalog.url, token)
            });
            let catalog = catalog.transpose()?.map(Arc::new);
            Ok::<_, StoresError>(Arc::new(SideStores {
                region: side.region.clone(),
                location: opened,
                buckets,
                catalog,
            }))
        };
        Ok(Self {
            primary: side(SideName::Primary, primary)?,
            secondary: side(SideName::Secondary, secondary)?,
        })
    }

    fn side(&self, name: SideName) -> &Arc<SideStores> {
        match name {
            SideName::Primary => &self.primary,
            SideName::Secondary => &self.secondary,
        }
    }

    /// The external location of a side as a store of documents.
    #[must_use]
    pub fn location(&self, name: SideName) -> DocStoreRef {
        self.side(name).location.doc_store()
    }

    /// The log of the group.
    #[must_use]
    pub fn log(&self, group: &ValidGroup) -> GroupLog {
        let home = |name: SideName| (self.side(name).region.clone(), self.location(name));
        GroupLog::new(group.name.clone(), home(group.initial_active.other()), home(group.initial_active))
    }

    /// Opens any place on a side.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn open_url(&self, name: SideName, url: &StoreUrl) -> Result<OpenedStore, StoresError> {
        Ok(self.side(name).buckets.open(url)?)
    }

    /// Both ends of a copy that reads on the side `source` and writes on the other.
    #[must_use]
    pub fn sides(&self, source: SideName) -> Sides {
        let buckets = |name| self.side(name).buckets.clone();
        Sides { source: buckets(source), target: buckets(source.other()) }
    }

    /// A table at a URL, all of whose files lie below it.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn table(
        &self,
        name: SideName,
        table: &TableName,
        url: &StoreUrl,
    ) -> Result<TableStore, StoresError> {
        let buckets = self.side(name).buckets.clone();
        Ok(TableStore { buckets, ..TableStore::at(table.clone(), self.open_url(name, url)?) })
    }

    /// The tables of a group on a side, as that side's workflow and catalog have them: what lakedr reads.
    ///
    /// # Errors
    /// When a table has no URL or its store cannot be set up.
    pub fn sources(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        let catalog = &self.side(name).catalog;
        let tables = self.tables(name, group)?.into_iter().zip(&group.tables);
        let declared = tables.map(|(table, declared)| TableStore {
            shallow_clone: declared.shallow_clone,
            allowed_writer_features: declared.allowed_writer_features.clone(),
            catalog: catalog.clone(),
            ..table
        });
        Ok(declared.collect())
    }

    /// The tables of a group on a side, as storage has them: what lakedr writes.
    ///
    /// # Errors
    /// When a table has no URL or its store cannot be set up.
    pub fn tables(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        let open = |table: &lakedr_control::validate::ValidTable| {
            let url = table
                .url(name)
                .ok_or_else(|| StoresError::NoUrl { table: table.name.clone(), side: name.attribute() })?;
            self.table(name, &table.name, url)
        };
        group.tables.iter().map(open).collect()
    }
}

fn options_of(location: &ValidLocation, secrets: &BTreeMap<SecretRef, Secret>) -> BTreeMap<String, String> {
    let secret = location.secret_options.iter().filter_map(|(key, reference)| {
        let secret = secrets.get(reference)?;
        Some((key.clone(), secret.reveal().to_owned()))
    });
    location.storage_options.clone().into_iter().chain(secret).collect()
}
