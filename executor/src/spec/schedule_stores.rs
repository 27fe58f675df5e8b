use lakedr_control::id::{Name, TableName};
use lakedr_control::layout;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::{DocStoreRef, OpenedStore};
use lakedr_control::validate::{SnapshotSource, ValidLocation, ValidSchedule};

use super::buckets::{Buckets, Sides};
use super::load::Loaded;
use super::stores::options_of;
use super::stores_error::StoresError;
use super::table_store::TableStore;

/// The stores of one snapshot schedule, opened with the credentials of this process.
///
/// A listed table is reached with the options of an external location in its region, if there is one in the same kind of
/// store, and with the environment's credentials otherwise.
#[derive(Debug, Clone)]
pub struct ScheduleStores {
    location: OpenedStore,
    /// Region of the location.
    region: String,
    target: Buckets,
    source: Buckets,
    /// URL of the folder that holds the copies.
    data: StoreUrl,
    /// Prefix of the schedule, in the location.
    prefix: String,
}

impl ScheduleStores {
    /// Opens the places of a schedule with the secrets that they need. Nothing else is sent.
    ///
    /// # Errors
    /// See [`StoresError`].
    pub async fn open(loaded: &Loaded, schedule: &ValidSchedule) -> Result<Self, StoresError> {
        let declared = location(loaded, &schedule.location)?;
        let target = buckets(loaded, declared).await?;
        let source = match &schedule.source {
            SnapshotSource::SyncGroup(_) => target.clone(),
            SnapshotSource::Tables { region, tables } => match read_with(loaded, declared, region, tables) {
                Some(other) if other.name == declared.name => target.clone(),
                Some(other) => buckets(loaded, other).await?,
                None => Buckets::default(),
            },
        };
        let location = target.open(&declared.url)?;
        let data = declared.url.join(&layout::snapshot_data(&schedule.prefix));
        let (region, prefix) = (declared.region.clone(), schedule.prefix.clone());
        Ok(Self { location, region, target, source, data, prefix })
    }

    /// Region of the external location that holds the copies.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The external location as a store of documents.
    #[must_use]
    pub fn documents(&self) -> DocStoreRef {
        self.location.doc_store()
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.target
    }

    /// The folder that holds the copies.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn data(&self) -> Result<OpenedStore, StoresError> {
        Ok(self.target.open(&self.data)?)
    }

    /// The table of what was cloned.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn clone_report(&self) -> Result<OpenedStore, StoresError> {
        Ok(self.target.open(&self.location.url.join(&layout::clone_report(&self.prefix)))?)
    }

    /// A copy, by its folder below that one.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn copy(&self, name: &TableName, path: &str) -> Result<TableStore, StoresError> {
        table(&self.target, name, &self.data.join(path))
    }

    /// A listed table.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn listed(&self, name: &TableName, url: &StoreUrl) -> Result<TableStore, StoresError> {
        table(&self.source, name, url)
    }

    /// Any table, reached with the credentials of the environment unless it is in the external location.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn elsewhere(&self, name: &TableName, url: &StoreUrl) -> Result<TableStore, StoresError> {
        table(self.elsewhere_buckets(url), name, url)
    }

    fn elsewhere_buckets(&self, url: &StoreUrl) -> &Buckets {
        let same = |buckets: &Buckets| buckets.is_for(url.kind());
        if same(&self.source) && !same(&self.target) { &self.source } else { &self.target }
    }

    /// Both ends of a copy of listed tables.
    #[must_use]
    pub fn sides(&self) -> Sides {
        Sides { source: self.source.clone(), target: self.target.clone() }
    }

    /// Both ends of a copy that goes back to where listed tables are.
    #[must_use]
    pub fn back(&self) -> Sides {
        Sides { source: self.target.clone(), target: self.source.clone() }
    }

    /// Both ends of a copy from here to anywhere.
    #[must_use]
    pub fn away(&self, url: &StoreUrl) -> Sides {
        Sides { source: self.target.clone(), target: self.elsewhere_buckets(url).clone() }
    }
}

fn table(buckets: &Buckets, name: &TableName, url: &StoreUrl) -> Result<TableStore, StoresError> {
    let store = TableStore::at(name.clone(), buckets.open(url)?);
    Ok(TableStore { buckets: buckets.clone(), ..store })
}

fn location<'a>(loaded: &'a Loaded, name: &Name) -> Result<&'a ValidLocation, StoresError> {
    let found = loaded.locations.get(name.as_str());
    found.ok_or_else(|| StoresError::NoLocation { name: name.to_string() })
}

async fn buckets(loaded: &Loaded, location: &ValidLocation) -> Result<Buckets, StoresError> {
    let secrets = loaded.secrets.all(location.secret_options.values().cloned()).await?;
    Ok(Buckets::with_options(location.url.kind(), options_of(location, &secrets)))
}

/// The external location whose options reach listed tables: that of the copies if it may, else the first in the region.
fn read_with<'a>(
    loaded: &'a Loaded,
    own: &'a ValidLocation,
    region: &str,
    tables: &[(TableName, StoreUrl)],
) -> Option<&'a ValidLocation> {
    let kind = tables.first().map(|(_, url)| url.kind())?;
    let fits = |location: &&ValidLocation| location.region == region && location.url.kind() == kind;
    Some(own).filter(fits).or_else(|| loaded.locations.values().find(fits))
}
