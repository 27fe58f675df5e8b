//! What the sync metadata table holds, and in which form. Pure.

mod columns;
mod commit;
mod encode;
mod row;

pub use columns::{Misfit, schema_string, widened};
pub use commit::{Commit, DataFile, app_group, app_id};
pub use encode::{EncodeError, encode};
pub use row::{Declared, Row, rows};
