use lakedr_control::group_log::{FailureClass, LogError};

use super::rows::{EncodeError, Misfit};
use crate::error::{Classify, DataError};
use crate::observe::table_error::TableError;
use crate::spec::StoresError;

/// Why the sync metadata table cannot be written. Nothing rests on it.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Its place cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// It cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] DataError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Rows cannot be encoded; a bug.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The table has a name that is none; a bug.
    #[error("the table has no name")]
    Name,
    /// Somebody has changed its columns.
    #[error(
        "it is not the table that lakedr made: {0}. Move it away; it is written anew from the group logs"
    )]
    Misfit(#[from] Misfit),
    /// Somebody has upgraded it.
    #[error(
        "it is not the table that lakedr made: it asks for writer version {version}. Move it away; it is written anew from \
         the group logs"
    )]
    Changed {
        /// What it asks for.
        version: u32,
    },
    /// Others wrote to it again and again.
    #[error("others wrote to it {tries} times in a row; the next call goes on")]
    Busy {
        /// How often.
        tries: usize,
    },
}

impl Classify for MetadataError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Stores(cause) => cause.class(),
            Self::Table(cause) => cause.class(),
            Self::Write(cause) => cause.class(),
            Self::Log(cause) => cause.class(),
            Self::Encode(_) | Self::Name => FailureClass::Internal,
            Self::Misfit(_) | Self::Changed { .. } => FailureClass::Configuration,
            Self::Busy { .. } => FailureClass::Unreachable,
        }
    }
}
