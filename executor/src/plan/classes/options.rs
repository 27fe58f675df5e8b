//! How long and how far a preimage is kept.

/// The bounds. All but the last are matters of cost; the last bounds how long rows that were deleted and then
/// compacted away stay readable in files of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkipOptions {
    /// The time, in milliseconds since the epoch.
    pub now_ms: i64,
    /// A preimage is taken when it moves less than this share of the bytes of its image.
    pub alpha: f64,
    /// Files of a preimage at most.
    pub max_files: usize,
    /// Milliseconds since the first compaction of a class at most.
    pub max_age_ms: i64,
}

impl SkipOptions {
    /// Below this the bytes saved are worth files that the source no longer lists.
    pub const ALPHA: f64 = 0.8;
    /// Files that a reader of the standby opens in place of one image: at 256 files for an image of 1 GiB, the
    /// usual target of OPTIMIZE, they have 4 MiB each, and below that size opening costs more than reading.
    pub const MAX_FILES: usize = 256;
    /// 30 days: the default of `delta.logRetentionDuration`, and the month within which a request for erasure
    /// is to be met.
    pub const MAX_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

    /// The defaults.
    #[must_use]
    pub const fn at(now_ms: i64) -> Self {
        Self { now_ms, alpha: Self::ALPHA, max_files: Self::MAX_FILES, max_age_ms: Self::MAX_AGE_MS }
    }

    /// Keeps nothing: every class ends, and the target becomes equal file by file.
    #[must_use]
    pub const fn exact(now_ms: i64) -> Self {
        Self { max_files: 0, ..Self::at(now_ms) }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.max_files == 0
    }
}
