use std::collections::BTreeMap;
use std::fmt;

use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;
use serde::{Deserialize, Serialize};

use super::manifest::FORMAT;
use super::place::Place;

/// How an object came to be at its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its bytes went through this process.
    Moved,
    /// It was there already.
    Found,
    /// The store copied it itself; no bytes went through this process.
    CopiedInStore,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "moved",
            Self::Found => "found",
            Self::CopiedInStore => "copied_in_store",
        })
    }
}

/// What became of one transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReceipt {
    /// The format of the line.
    pub(super) format: u32,
    /// The table.
    pub table: TableName,
    /// Where the object belongs.
    pub target: Place,
    /// How it ended.
    #[serde(flatten)]
    pub end: FileEnd,
}

/// How one transfer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FileEnd {
    /// The object is in place.
    InPlace {
        /// Its bytes.
        size: u64,
        /// How it got there.
        outcome: Outcome,
        /// Its tag, where the store told one.
        #[serde(default, skip_serializing_if = "Option::is_none", rename = "etag")]
        e_tag: Option<String>,
    },
    /// It is not.
    Failed {
        /// Why.
        error: FileError,
    },
}

/// Why an object is not in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    /// Class of the failure, as in the group log.
    pub class: FailureClass,
    /// Whether trying again may help.
    pub retryable: bool,
    /// What happened, for people.
    pub message: String,
}

impl FileReceipt {
    pub(super) fn new(table: TableName, target: Place, end: FileEnd) -> Self {
        Self { format: FORMAT, table, target, end }
    }
}

/// A receipt as a line, line end included.
///
/// # Errors
/// Never with receipts that can exist; serialization is fallible by its type.
pub fn receipt_line(receipt: &FileReceipt) -> Result<String, serde_json::Error> {
    let mut line = serde_json::to_string(receipt)?;
    line.push('\n');
    Ok(line)
}

/// What moved for one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Objects whose bytes went through this process.
    pub moved_files: u64,
    /// Their bytes.
    pub moved_bytes: u64,
    /// Objects that were there already, left by an earlier attempt or by another executor.
    pub found_files: u64,
    /// Objects that the store copied itself.
    pub in_store_files: u64,
    /// Their bytes.
    pub in_store_bytes: u64,
}

impl Moved {
    fn count(&mut self, size: u64, outcome: Outcome) {
        match outcome {
            Outcome::Moved => {
                self.moved_files += 1;
                self.moved_bytes += size;
            }
            Outcome::Found => self.found_files += 1,
            Outcome::CopiedInStore => {
                self.in_store_files += 1;
                self.in_store_bytes += size;
            }
        }
    }
}

/// Proof that every file of a group is in place. Publishing asks for it, and only copying hands it out.
#[derive(Debug)]
pub struct Receipt {
    per_table: BTreeMap<TableName, Moved>,
}

impl Receipt {
    /// What moved for a table.
    #[must_use]
    pub fn moved(&self, table: &TableName) -> Moved {
        self.per_table.get(table).copied().unwrap_or_default()
    }
}

/// Counts what is in place; becomes a [`Receipt`] when everything is.
#[derive(Debug, Default)]
pub(super) struct Tally {
    per_table: BTreeMap<TableName, Moved>,
}

impl Tally {
    pub(super) fn count(&mut self, table: &TableName, size: u64, outcome: Outcome) {
        if !self.per_table.contains_key(table) {
            self.per_table.insert(table.clone(), Moved::default());
        }
        if let Some(moved) = self.per_table.get_mut(table) {
            moved.count(size, outcome);
        }
    }

    /// To be called when no transfer failed and none is left.
    pub(super) fn complete(self) -> Receipt {
        Receipt { per_table: self.per_table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_1() {
        let moved = r#"{"format":1,"table":"c.s.t","target":{"root":"s3://west/t","key":"a.parquet"},"size":7,"outcome":"copied_in_store","etag":"\"x\""}"#;
        let failed = r#"{"format":1,"table":"c.s.t","target":{"root":"s3://west/t","key":"a.parquet"},"error":{"class":"damaged","retryable":false,"message":"gone"}}"#;
        for line in [moved, failed] {
            let receipt: FileReceipt = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&receipt).unwrap(), line);
        }
    }
}
