//! What a SQL warehouse is asked to do, where it commits to the tables instead of lakedr.

use serde::{Deserialize, Serialize};

/// The part of an intent that a SQL warehouse carries out on one table. The body of its slot is the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WarehouseSlot {
    /// Version of the table that the statement expects; behind it there may be nothing but maintenance. None when it makes
    /// the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// When that version was committed, as the history of the table has it, in milliseconds since 1970: a table that
    /// somebody drops and makes anew has a version of this number too. None when the history does not go back so far, and
    /// in entries that were written without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_committed_at: Option<i64>,
    /// What becomes of the table.
    pub act: WarehouseAct,
}

/// What a SQL warehouse does to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum WarehouseAct {
    /// It becomes a deep clone of a version of the landing table.
    Clone {
        /// URL of the landing table.
        source: String,
        /// Version of the landing table.
        version: u64,
    },
    /// It goes back to one of its own versions.
    Restore {
        /// That version.
        version: u64,
    },
}
