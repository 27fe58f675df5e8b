//! Publishing by a SQL warehouse: managed tables, which engines of their catalog alone may write to. Each slot of an intent
//! is a statement that makes a table a deep clone of its landing table at a version, and whether it has been carried out is
//! read off the history of the table.
//!
//! A statement carries no condition of its own, and may be anywhere on its way when whoever sent it is gone. Two things keep
//! a late one from harm: it is a script that looks at the table first ([`script`]), whether it is at the version that was
//! seen and still the same table, and no intent is said to be published while the warehouse has a statement of the group under way ([`Warehouse::quiesce`]).

mod answer;
mod client;
mod error;
mod offer;
mod read_back;
mod rows;
mod running;
mod script;
mod settle;

pub(crate) use client::Warehouse;
pub(crate) use offer::{Held, clone_offers, held_tables, warehouse_tables};
pub use running::Statements;
pub(super) use settle::settle;
