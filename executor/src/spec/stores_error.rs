use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::OpenError;
use lakedr_control::vault::MissingSecrets;

use crate::delta::root::RootError;
use crate::error::{Classify, chain};
use crate::observe::catalog::CatalogError;

fn told(errors: &[CatalogError]) -> String {
    errors.iter().map(|error| chain(error)).collect::<Vec<_>>().join("; ")
}

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
    /// Tables that a catalog has to find, and does not.
    #[error("{}", told(errors))]
    NotFound {
        /// Why, for each table.
        errors: Vec<CatalogError>,
    },
    /// A table without URL; validation finds it first.
    #[error("{table} has no URL in the {side} region; set {side}_url, or table_root or catalog of the side")]
    NoUrl {
        /// The table.
        table: TableName,
        /// The side.
        side: &'static str,
    },
    /// A table of the standby region that only the catalog's engines may write to.
    #[error(
        "{table} is a managed table of the catalog in the {side} region, and engines of the catalog alone may write to it; \
         make it an external table, or set its {side}_url to an external table's"
    )]
    ManagedTarget {
        /// The table.
        table: TableName,
        /// The side.
        side: &'static str,
    },
    /// Two tables that lie in one place, as a catalog says.
    #[error(
        "{table} ({url}) lies in the place of {other} ({other_url}): give each table a place of its own, in each region; \
         are the catalogs of both sides one and the same?"
    )]
    OnePlace {
        /// A table.
        table: TableName,
        /// Where it lies.
        url: StoreUrl,
        /// Another one, or the same in the other region.
        other: TableName,
        /// Where that one lies.
        other_url: StoreUrl,
    },
}

impl Classify for StoresError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Secrets(missing) => missing.class(),
            Self::Catalog(cause) => cause.class(),
            // one that stays outweighs those that may pass
            Self::NotFound { errors } => {
                let stays = errors.iter().find(|error| !error.retryable());
                stays.or(errors.first()).map_or(FailureClass::Configuration, Classify::class)
            }
            Self::ManagedTarget { .. } => FailureClass::Unsupported,
            _ => FailureClass::Configuration,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Secrets(missing) => missing.retryable(),
            Self::Catalog(cause) => cause.retryable(),
            Self::NotFound { errors } => errors.iter().all(Classify::retryable),
            _ => false,
        }
    }
}
