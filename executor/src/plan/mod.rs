//! Cut and inventories of both sides → what to copy and what to commit. Pure.

pub mod classes;
pub mod commit_body;
pub mod diff;
pub mod differ;
pub mod doubt;
pub mod followed;
pub mod group;
pub mod head;
pub mod inventory;
pub mod retention;
pub mod translate;

pub use group::own_app_id;
