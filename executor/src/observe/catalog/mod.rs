//! Unity Catalog, as far as the commits of a table are concerned: of a table that a catalog manages, storage alone may
//! be behind or wrong.

mod answer;
mod client;
mod error;

pub use client::UnityCatalog;
pub use error::CatalogError;
