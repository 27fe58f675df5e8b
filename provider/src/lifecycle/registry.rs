//! Every resource type and data source of the provider, by name.

use super::document::{DocumentResource, Resource};
use crate::data::{DataSource, SyncStatus};
use crate::resource::{ExternalLocation, SnapshotSchedule, SyncGroup};

/// What the provider offers. Built without any configuration: Terraform calls methods without having asked for schemas.
pub struct Registry {
    resources: Vec<Box<dyn Resource>>,
    data_sources: Vec<Box<dyn DataSource>>,
}

impl Registry {
    /// Everything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            resources: vec![
                Box::new(DocumentResource::<ExternalLocation>::new()),
                Box::new(DocumentResource::<SyncGroup>::new()),
                Box::new(DocumentResource::<SnapshotSchedule>::new()),
            ],
            data_sources: vec![Box::new(SyncStatus::new())],
        }
    }

    /// All resource types.
    pub fn resources(&self) -> impl Iterator<Item = &dyn Resource> {
        self.resources.iter().map(AsRef::as_ref)
    }

    /// All data sources.
    pub fn data_sources(&self) -> impl Iterator<Item = &dyn DataSource> {
        self.data_sources.iter().map(AsRef::as_ref)
    }

    /// A resource type.
    #[must_use]
    pub fn resource(&self, type_name: &str) -> Option<&dyn Resource> {
        self.resources().find(|resource| resource.type_name() == type_name)
    }

    /// A data source.
    #[must_use]
    pub fn data_source(&self, type_name: &str) -> Option<&dyn DataSource> {
        self.data_sources().find(|source| source.type_name() == type_name)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
