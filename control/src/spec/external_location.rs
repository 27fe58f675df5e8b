use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, Spec};

/// A named storage root in one region: a place where copies and metadata may be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExternalLocationSpec {
    /// Name of the location, unique in the control store.
    pub name: String,
    /// Region that the location lies in.
    pub region: String,
    /// Storage URL of the location.
    pub url: String,
    /// What the location is for, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Refuse everything that would write here.
    #[serde(default)]
    pub read_only: bool,
    /// Options of the store, under the `object_store` crate's own keys. Never secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_options: Option<BTreeMap<String, String>>,
    /// Options of the store whose values are secrets: option key → secret reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_options: Option<BTreeMap<String, String>>,
    /// Do not probe the location when it is created or changed.
    #[serde(default)]
    pub skip_validation: bool,
    /// Register the location in Unity Catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unity_catalog: Option<UnityCatalogRegistration>,
}

/// How an external location is registered in Unity Catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnityCatalogRegistration {
    /// URL of the workspace or of the open-source server.
    pub workspace_url: String,
    /// Reference of the token.
    pub token: String,
    /// Storage credential that the catalog uses for the location.
    pub credential_name: String,
}

impl Spec for ExternalLocationSpec {
    const KIND: Kind = Kind::ExternalLocation;

    fn name(&self) -> &str {
        &self.name
    }
}
