//! What happens to a resource, free of the protocol.
//!
//! Pure: [`examine`], [`validate`], [`plan`], [`spelling`], [`upgrade`], [`identity`], [`generate`], [`convert`], and [`check`], which
//! holds our own answers against the protocol. Through the control store: [`read`], [`apply`], [`import`], [`list`];
//! [`catalog`] through Unity Catalog. [`registry`] knows every resource by its type name; [`document`] says what a resource
//! has to bring along to be one.

mod admission;
pub mod apply;
pub mod catalog;
pub mod check;
mod conflict;
pub mod convert;
pub mod document;
pub mod documents;
pub mod examine;
mod foresee;
pub mod generate;
pub mod group_state;
pub mod homes;
pub mod identity;
pub mod import;
pub mod list;
pub mod location;
pub mod plan;
pub mod private;
pub mod read;
pub mod registry;
pub mod report;
pub mod session;
pub mod spelling;
pub mod upgrade;
pub mod validate;
