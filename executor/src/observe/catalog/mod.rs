//! Unity Catalog: where tables lie, the commits of those that it manages (storage alone may be behind or wrong there), and
//! temporary credentials.

mod answer;
mod client;
mod error;
mod kind;
mod lending;

pub use client::{CatalogTable, UnityCatalog};
pub use error::CatalogError;
pub use kind::{NotCopied, TableKind};
pub use lending::CatalogLender;
