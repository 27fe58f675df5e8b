use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::secret::Secret;
use lakedr_control::store::OpenedStore;
use lakedr_control::validate::{Side, SideName, ValidGroup, ValidLocation, ValidTable};
use tokio::sync::OnceCell;

use super::buckets::Buckets;
use super::stores_error::StoresError;
use super::table_store::TableStore;
use crate::observe::catalog::{CatalogLender, CatalogTable, TableKind, UnityCatalog};

/// Tables that a catalog is asked for at the same time.
const LOOKUPS_IN_FLIGHT: usize = 8;

/// What a table is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The stores of one side.
#[derive(Debug)]
pub(super) struct SideStores {
    name: SideName,
    location: OpenedStore,
    buckets: Buckets,
    catalog: Option<Arc<UnityCatalog>>,
    /// The tables that have no URL, as the catalog has them.
    found: OnceCell<BTreeMap<TableName, CatalogTable>>,
}

impl SideStores {
    /// Opens the external location of a side. Nothing is sent.
    pub(super) fn open(
        name: SideName,
        side: &Side,
        location: &ValidLocation,
        options: BTreeMap<String, String>,
        token: Option<Secret>,
    ) -> Result<Self, StoresError> {
        let catalog = side.catalog.as_ref().map(|catalog| UnityCatalog::new(&catalog.url, token));
        let catalog = catalog.transpose()?.map(Arc::new);
        let buckets = Buckets::with_options(location.url.kind(), options);
        if let Some(catalog) = &catalog {
            let lender = CatalogLender::for_path(Arc::clone(catalog), &location.url, !location.read_only);
            buckets.borrow_for(&location.url, lender)?;
        }
        let location = buckets.open(&location.url)?;
        Ok(Self { name, location, buckets, catalog, found: OnceCell::new() })
    }

    pub(super) fn location(&self) -> &OpenedStore {
        &self.location
    }

    /// A table in the landing area.
    pub(super) fn landing(&self, table: &TableName) -> Result<TableStore, StoresError> {
        let store = TableStore::at(table.clone(), self.buckets.open(&self.location.url.table(table))?);
        Ok(TableStore { buckets: self.buckets.clone(), ..store })
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(super) fn catalog(&self) -> Option<&Arc<UnityCatalog>> {
        self.catalog.as_ref()
    }

    /// The tables of a group.
    pub(super) async fn tables(
        &self,
        group: &ValidGroup,
        access: Access,
    ) -> Result<Vec<TableStore>, StoresError> {
        let found = self.found.get_or_try_init(|| self.find(group)).await?;
        group.tables.iter().map(|table| self.table(table, found.get(&table.name), access)).collect()
    }

    /// A table at a place that is known already. The catalog is asked for it only if it has to lend credentials.
    pub(super) async fn target_at(
        &self,
        group: &ValidGroup,
        table: &TableName,
        url: &StoreUrl,
    ) -> Result<TableStore, StoresError> {
        let declared =
            group.tables.iter().any(|known| known.name == *table && known.url(self.name).is_some());
        let found = if declared || self.buckets.has_credentials(url)? {
            None
        } else {
            let found = self.found.get_or_try_init(|| self.find(group)).await?;
            found.get(table).filter(|found| found.url == *url)
        };
        self.borrow_for(url, found, Access::Write)?;
        let store = TableStore::at(table.clone(), self.buckets.open(url)?);
        Ok(TableStore { buckets: self.buckets.clone(), ..store })
    }

    fn table(
        &self,
        table: &ValidTable,
        found: Option<&CatalogTable>,
        access: Access,
    ) -> Result<TableStore, StoresError> {
        let (name, side) = (|| table.name.clone(), self.name.attribute());
        if access == Access::Write && found.is_some_and(|found| found.kind == TableKind::Managed) {
            return Err(StoresError::ManagedTarget { table: name(), side });
        }
        let url = table.url(self.name).or(found.map(|found| &found.url));
        let url = url.ok_or_else(|| StoresError::NoUrl { table: name(), side })?;
        self.borrow_for(url, found, access)?;
        let store = TableStore::at(name(), self.buckets.open(url)?);
        Ok(TableStore { placed_by_catalog: found.is_some(), buckets: self.buckets.clone(), ..store })
    }

    /// Has the catalog lend credentials for a table, where nothing else gives access to it.
    fn borrow_for(
        &self,
        url: &StoreUrl,
        found: Option<&CatalogTable>,
        access: Access,
    ) -> Result<(), StoresError> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        let (catalog, write) = (Arc::clone(catalog), access == Access::Write);
        let lender = match found {
            Some(found) => CatalogLender::for_table(catalog, &found.id, write),
            None => CatalogLender::for_path(catalog, url, write),
        };
        Ok(self.buckets.borrow_for(url, lender)?)
    }

    /// Asks the catalog for every table without URL.
    async fn find(&self, group: &ValidGroup) -> Result<BTreeMap<TableName, CatalogTable>, StoresError> {
        let Some(catalog) = &self.catalog else { return Ok(BTreeMap::new()) };
        let unplaced = group.tables.iter().filter(|table| table.url(self.name).is_none());
        let lookups = unplaced.map(|table| async { (table.name.clone(), catalog.find(&table.name).await) });
        let lookups: Vec<_> = lookups.collect();
        let mut lookups = stream::iter(lookups).buffered(LOOKUPS_IN_FLIGHT);
        let (mut found, mut errors) = (BTreeMap::new(), Vec::new());
        while let Some((name, table)) = lookups.next().await {
            match table {
                Ok(table) => drop(found.insert(name, table)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(found) } else { Err(StoresError::NotFound { errors }) }
    }
}
