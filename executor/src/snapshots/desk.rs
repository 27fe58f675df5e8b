use lakedr_control::snapshots::{Catalog, CatalogStore, SnapshotDocument, SnapshotId, is_at_work};
use lakedr_control::validate::ValidSchedule;

use super::error::{RACES, SnapshotError};
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::spec::{Loaded, ScheduleStores};
use crate::world::World;

/// What all work on one schedule shares.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The outside.
    pub world: &'a World,
    /// All specs.
    pub loaded: &'a Loaded,
    /// The schedule.
    pub schedule: &'a ValidSchedule,
    /// Its stores.
    pub stores: ScheduleStores,
    /// Its catalog.
    pub catalog: CatalogStore,
}

impl<'a> Desk<'a> {
    /// Opens the stores of a schedule: fetches the secrets that they need, and sends nothing else.
    ///
    /// # Errors
    /// When a secret cannot be had, or a store cannot be set up.
    pub async fn open(
        world: &'a World,
        loaded: &'a Loaded,
        schedule: &'a ValidSchedule,
    ) -> Result<Self, Failure> {
        let stores = ScheduleStores::open(loaded, schedule).await.at(Stage::Spec, &schedule.name)?;
        let catalog = CatalogStore::new(schedule.name.clone(), stores.documents(), schedule.prefix.clone());
        Ok(Self { world, loaded, schedule, stores, catalog })
    }

    /// The newest version of the catalog.
    pub(super) async fn read(&self) -> Result<Catalog, Failure> {
        self.catalog.read().await.at(Stage::Observe, &self.schedule.name)
    }

    /// Whether whoever the catalog says to be at work still is.
    pub(super) async fn is_busy(&self, catalog: &Catalog) -> Result<bool, Failure> {
        let Some(work) = &catalog.under_way else { return Ok(false) };
        let beat = self.catalog.last_beat(&work.by.run).await.at(Stage::Observe, &self.schedule.name)?;
        Ok(is_at_work(work, beat, self.world.now()))
    }

    /// Writes the version that follows from the newest one, however often somebody else is faster; none when nothing
    /// follows.
    pub(super) async fn carry_on(
        &self,
        follow: impl Fn(&Catalog) -> Result<Option<Catalog>, SnapshotError>,
    ) -> Result<Option<Catalog>, Failure> {
        let name = &self.schedule.name;
        for _ in 0..RACES {
            let Some(next) = follow(&self.read().await?).at(Stage::Record, name)? else { return Ok(None) };
            if self.catalog.append(&next).await.at(Stage::Record, name)? {
                return Ok(Some(next));
            }
        }
        Err(SnapshotError::Races.at(Stage::Record, name))
    }

    /// What a snapshot holds.
    ///
    /// # Errors
    /// When there is no such snapshot, or its document cannot be read.
    pub(super) async fn document(
        &self,
        catalog: &Catalog,
        id: &SnapshotId,
    ) -> Result<SnapshotDocument, Failure> {
        let name = &self.schedule.name;
        let kept = catalog.get(id).map_err(SnapshotError::from).at(Stage::Observe, name)?;
        self.catalog.document(kept).await.at(Stage::Observe, name)
    }
}
