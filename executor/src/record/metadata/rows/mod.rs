//! What the sync metadata table holds, and in which form. Pure.

mod columns;
mod commit;
mod encode;
mod row;

pub use columns::{Column, Kind, Layout, Misfit, SYNC_METADATA, schema_string, widened};
pub use commit::{Commit, DataFile, app_group, app_id};
pub use encode::{EncodeError, encode};
pub use row::{Declared, Row, rows};
