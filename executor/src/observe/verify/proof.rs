use lakedr_control::group_log::FailureClass;
use serde::Serialize;

use crate::delta::checksum::Checksum;
use crate::error::{Classify, DataError};
use crate::observe::table_error::TableError;
use crate::plan::diff::DiffRefusal;
use crate::second::OpinionError;
use crate::spec::StoresError;

/// Differences that are spelled out per table.
const SHOWN: usize = 20;

/// What was found about one table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Proof {
    equal: bool,
    /// Compactions are not followed: the target holds the same rows, some of them in other files. `false` means that
    /// every file is compared.
    logical: bool,
    files_checked: u64,
    bytes_compared: u64,
    /// What the second implementation says: `agrees`, or why it cannot read the table.
    second_implementation: String,
    differences: Vec<String>,
    differences_total: usize,
    /// The version checksum of the target, by what was read.
    #[serde(skip)]
    checksum: Option<Checksum>,
}

impl Proof {
    /// Whether nothing differs.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.equal
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let result = match (self.equal, self.logical) {
            (true, false) => "equal".to_owned(),
            (true, true) => "logically equal (the same rows, in files of other names)".to_owned(),
            (false, _) => format!("{} difference(s)", self.differences_total),
        };
        let second = if self.second_implementation.is_empty() {
            String::new()
        } else {
            format!(", second implementation: {}", self.second_implementation)
        };
        format!(
            "{result}, {} file(s) checked, {} bytes compared{second}",
            self.files_checked, self.bytes_compared
        )
    }

    /// What differs; the first few.
    pub fn differences(&self) -> impl Iterator<Item = &str> {
        self.differences.iter().map(String::as_str)
    }

    /// The version checksum of the target by what was read of it, if nothing differs.
    #[must_use]
    pub fn checksum(&self) -> Option<&Checksum> {
        self.checksum.as_ref().filter(|_| self.equal)
    }

    pub(super) fn summed(self, checksum: Option<Checksum>) -> Self {
        Self { checksum, ..self }
    }

    pub(super) fn logical(self, logical: bool) -> Self {
        Self { logical, ..self }
    }

    pub(super) fn counted(self, files_checked: u64, bytes_compared: u64) -> Self {
        Self { files_checked, bytes_compared, ..self }
    }

    pub(super) fn seconded(self, second_implementation: String) -> Self {
        Self { second_implementation, ..self }
    }

    pub(super) fn conclude(mut self, found: Vec<String>) -> Self {
        self.equal = found.is_empty();
        self.differences_total = found.len();
        self.differences = found.into_iter().take(SHOWN).collect();
        self
    }
}

/// Why nothing can be said of a table.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A log cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The source cannot be compared.
    #[error(transparent)]
    Source(#[from] DiffRefusal),
    /// There is nothing left to compare with.
    #[error(
        "the source was dropped and created anew since: its version {version} is not the one that was copied, of which nothing \
         is left. Let a run finish, sync, and verify again"
    )]
    Recreated {
        /// The version.
        version: u64,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A store cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The second implementation failed.
    #[error(transparent)]
    Second(#[from] OpinionError),
}

impl Classify for VerifyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Table(cause) => cause.class(),
            Self::Source(cause) => cause.class(),
            Self::Recreated { .. } => FailureClass::Damaged,
            Self::Data(cause) => cause.class(),
            Self::Stores(cause) => cause.class(),
            Self::Second(cause) => cause.class(),
        }
    }
}
