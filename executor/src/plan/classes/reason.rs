//! Why a compacted file moves after all.

use std::fmt;

use serde::Serialize;

/// Why the target takes the image of a compaction instead of keeping what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A later commit changed some of the rows.
    Changed,
    /// The compaction does not add as many rows as it removes in each partition.
    RowsDiffer,
    /// The log does not tell how many rows a file has, or of which partition.
    RowsUnknown,
    /// A path of the preimage came back into the table.
    PathReturned,
    /// Files had to be rewritten as such: REORG, and features or column mapping taken away.
    Rewritten,
    /// Schema, partitioning or protocol changed so that older files may read otherwise.
    Reinterpreted,
    /// The protocol binds the files themselves: Iceberg compatibility, for example.
    FilesBound,
    /// A file of the preimage has a deletion vector and the protocol no longer allows them.
    VectorsForbidden,
    /// Row tracking is on and the compaction did not keep the row ids.
    RowIdsLost,
    /// The preimage has more files than allowed.
    TooManyFiles,
    /// The class is older than allowed.
    TooOld,
    /// The preimage would move about as many bytes.
    NothingSaved,
    /// A file of the preimage is neither at the target nor at the source any more.
    PreimageGone,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Changed => "some of the rows changed later",
            Self::RowsDiffer => "the compaction adds other numbers of rows than it removes",
            Self::RowsUnknown => "the log does not tell the number of rows or the partition",
            Self::PathReturned => "a file from before the compaction came back",
            Self::Rewritten => "the operation exists to rewrite files",
            Self::Reinterpreted => "schema or protocol changed how older files read",
            Self::FilesBound => "the protocol binds the files themselves",
            Self::VectorsForbidden => "the protocol no longer allows deletion vectors",
            Self::RowIdsLost => "the compaction did not keep row ids",
            Self::TooManyFiles => "too many files from before the compaction",
            Self::TooOld => "the files from before the compaction are too old",
            Self::NothingSaved => "the files from before the compaction would move as many bytes",
            Self::PreimageGone => "a file from before the compaction is gone at the source",
        })
    }
}
