use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join;
use lakedr_control::group_log::GroupLog;
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::store::{DocStoreRef, OpenedStore};
use lakedr_control::validate::{Side, SideName, ValidGroup, ValidLocation};
use lakedr_control::vault::MissingSecrets;

use super::buckets::Sides;
use super::load::Loaded;
use super::schedule_stores::ScheduleStores;
use super::side_stores::{Access, SideStores};
use super::stores_error::StoresError;
use super::table_store::TableStore;
use crate::error::chain;

/// Every store of one group, opened with the credentials of this process.
///
/// A table, or a marker, is reached with the options of its side's external location when both are in the same
/// kind of store, and with the environment's credentials otherwise.
#[derive(Debug, Clone)]
pub struct GroupStores {
    primary: Arc<SideStores>,
    secondary: Arc<SideStores>,
}

impl GroupStores {
    /// Opens the external locations of a group with the secrets that they need. Nothing else is fetched.
    ///
    /// # Errors
    /// See [`StoresError`]; all secrets that cannot be had are told at once.
    pub async fn open(loaded: &Loaded, group: &ValidGroup) -> Result<Self, StoresError> {
        let (primary, secondary) =
            (Wanted::of(loaded, group, SideName::Primary)?, Wanted::of(loaded, group, SideName::Secondary)?);
        let secrets = loaded.secrets.all(primary.secrets.iter().chain(&secondary.secrets).cloned()).await?;
        Ok(Self { primary: primary.open(&secrets)?, secondary: secondary.open(&secrets)? })
    }

    /// The same when a region may be lost, and the place of its secrets with it: a side whose secrets cannot be had is
    /// opened without them.
    ///
    /// # Errors
    /// See [`StoresError`]; when the secrets of neither side can be had.
    pub async fn open_in_an_outage(loaded: &Loaded, group: &ValidGroup) -> Result<Self, StoresError> {
        let (primary, secondary) =
            (Wanted::of(loaded, group, SideName::Primary)?, Wanted::of(loaded, group, SideName::Secondary)?);
        let fetch = |wanted: &Wanted<'_>| loaded.secrets.all(wanted.secrets.clone());
        let (first, second) = join(fetch(&primary), fetch(&secondary)).await;
        let (first, second) = match (first, second) {
            (Err(missing), Err(_)) => return Err(missing.into()),
            (first, second) => (primary.or_without(first), secondary.or_without(second)),
        };
        Ok(Self { primary: primary.open(&first)?, secondary: secondary.open(&second)? })
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
        self.side(name).location().doc_store()
    }

    /// A folder below the external location of a side.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn below_location(&self, name: SideName, folder: &str) -> Result<OpenedStore, StoresError> {
        self.open_url(name, &self.side(name).location().url.join(folder))
    }

    /// The log of the group.
    #[must_use]
    pub fn log(&self, group: &ValidGroup) -> GroupLog {
        let home = |name: SideName| (group.side(name).region.clone(), self.location(name));
        GroupLog::new(group.name.clone(), home(group.initial_active.other()), home(group.initial_active))
    }

    /// Opens any place on a side.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn open_url(&self, name: SideName, url: &StoreUrl) -> Result<OpenedStore, StoresError> {
        Ok(self.side(name).buckets().open(url)?)
    }

    /// Both ends of a copy that reads on one side and writes on one, which may be the same.
    #[must_use]
    pub fn sides(&self, source: SideName, target: SideName) -> Sides {
        let buckets = |name| self.side(name).buckets().clone();
        Sides { source: buckets(source), target: buckets(target) }
    }

    /// Both ends of a copy that reads on a side and writes where snapshots are kept.
    #[must_use]
    pub fn onto(&self, source: SideName, target: &ScheduleStores) -> Sides {
        Sides { source: self.side(source).buckets().clone(), target: target.buckets().clone() }
    }

    /// Both ends of a copy that reads where snapshots are kept and writes on a side.
    #[must_use]
    pub fn back_from(&self, source: &ScheduleStores, target: SideName) -> Sides {
        Sides { source: source.buckets().clone(), target: self.side(target).buckets().clone() }
    }

    /// The tables of a group in the landing area of a side: below its external location, at catalog/schema/table.
    ///
    /// # Errors
    /// When their store cannot be set up.
    pub fn landing(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        let landed = group.tables.iter().map(|declared| {
            let allowed_writer_features = declared.allowed_writer_features.clone();
            let table = self.side(name).landing(&declared.name)?;
            Ok(TableStore { allowed_writer_features, ..table })
        });
        landed.collect()
    }

    /// URL of a table in the landing area of a side.
    #[must_use]
    pub fn landing_url(&self, name: SideName, table: &TableName) -> StoreUrl {
        self.side(name).location().url.table(table)
    }

    /// The tables of a group on a side, as that side's workflow and catalog have them: what lakedr reads.
    ///
    /// # Errors
    /// When a table has no place or its store cannot be set up.
    pub async fn sources(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        let tables = self.tables(name, group).await?.into_iter().zip(&group.tables);
        let catalog = self.side(name).catalog();
        let declared = tables.map(|(table, declared)| TableStore {
            shallow_clone: declared.shallow_clone,
            allowed_writer_features: declared.allowed_writer_features.clone(),
            catalog: catalog.cloned(),
            ..table
        });
        Ok(declared.collect())
    }

    /// The tables of a group on a side, as storage has them, to be read.
    ///
    /// # Errors
    /// When a table has no place or its store cannot be set up.
    pub async fn tables(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        self.side(name).tables(group, Access::Read).await
    }

    /// One table of a group at the place that the group log names, to be written.
    ///
    /// # Errors
    /// When its store cannot be set up, or the catalog that has to lend credentials for it does not answer.
    pub async fn target_at(
        &self,
        name: SideName,
        group: &ValidGroup,
        table: &TableName,
        url: &StoreUrl,
    ) -> Result<TableStore, StoresError> {
        self.side(name).target_at(group, table, url).await
    }

    /// The tables of a group on a side, as storage has them: what lakedr writes.
    ///
    /// # Errors
    /// When a table has no place, its store cannot be set up, or others alone may write to it.
    pub async fn targets(&self, name: SideName, group: &ValidGroup) -> Result<Vec<TableStore>, StoresError> {
        self.side(name).tables(group, Access::Write).await
    }
}

/// Makes sure that no two tables lie in one place. For declared places the rules have done so; where a table lies that a
/// catalog found is only known here.
///
/// # Errors
/// [`StoresError::OnePlace`]
pub fn apart(sources: &[TableStore], targets: &[TableStore]) -> Result<(), StoresError> {
    let all: Vec<&TableStore> = sources.iter().chain(targets).collect();
    for (index, table) in all.iter().enumerate() {
        let clash = all[..index]
            .iter()
            .filter(|other| table.placed_by_catalog || other.placed_by_catalog)
            .find(|other| table.url.overlaps(&other.url));
        if let Some(other) = clash {
            return Err(StoresError::OnePlace {
                table: table.name.clone(),
                url: table.url.clone(),
                other: other.name.clone(),
                other_url: other.url.clone(),
            });
        }
    }
    Ok(())
}

/// One side before it is opened.
struct Wanted<'a> {
    name: SideName,
    side: &'a Side,
    location: &'a ValidLocation,
    /// The secrets that it needs.
    secrets: Vec<SecretRef>,
}

impl<'a> Wanted<'a> {
    fn of(loaded: &'a Loaded, group: &'a ValidGroup, name: SideName) -> Result<Self, StoresError> {
        let side = group.side(name);
        let location = loaded.locations.get(side.location.as_str());
        let location = location.ok_or_else(|| StoresError::NoLocation { name: side.location.to_string() })?;
        let token = side.catalog.as_ref().and_then(|catalog| catalog.token.clone());
        let secrets = location.secret_options.values().cloned().chain(token).collect();
        Ok(Self { name, side, location, secrets })
    }

    fn open(&self, secrets: &Secrets) -> Result<Arc<SideStores>, StoresError> {
        let options = options_of(self.location, secrets);
        let token = self.side.catalog.as_ref().and_then(|catalog| catalog.token.as_ref());
        let token = token.and_then(|token| secrets.get(token).cloned());
        SideStores::open(self.name, self.side, self.location, options, token).map(Arc::new)
    }

    fn or_without(&self, secrets: Result<Secrets, MissingSecrets>) -> Secrets {
        secrets.unwrap_or_else(|missing| {
            tracing::warn!(region = %self.side.region, "the region is taken for lost: {}", chain(&missing));
            Secrets::new()
        })
    }
}

pub(super) type Secrets = BTreeMap<SecretRef, Secret>;

pub(super) fn options_of(location: &ValidLocation, secrets: &Secrets) -> BTreeMap<String, String> {
    let secret = location.secret_options.iter().filter_map(|(key, reference)| {
        let secret = secrets.get(reference)?;
        Some((key.clone(), secret.reveal().to_owned()))
    });
    location.storage_options.clone().into_iter().chain(secret).collect()
}
