//! Verifications: dated evidence that a recovery point equals its source, or that it does not. Written by
//! `lakedr verify`, read to say when a recovery point was last proven; nothing is decided from them.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, check_format};

/// Newest format of verifications that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// How deep a verification looks; each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// The logs say the same.
    Log,
    /// Every file is there and has its size.
    Size,
    /// Every file has the bytes of the source.
    Content,
}

impl VerificationLevel {
    /// How documents and messages spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Size => "size",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for VerificationLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `lakedr verify` found about one recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Version of the format.
    pub format: u32,
    /// Sequence number of the recovery point.
    pub seq: u64,
    /// Id of its cut.
    pub cut: String,
    /// How deep it was looked at.
    pub level: VerificationLevel,
    /// Whether nothing differed.
    pub equal: bool,
    /// When, by the clock of the machine that looked.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
}

impl Verification {
    /// Reads a verification.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        check_format(key, "verification", FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what: "verification",
            cause,
        })
    }

    /// In words: `2026-11-20T08:00:00.000Z, level content: equal`.
    #[must_use]
    pub fn describe(&self) -> String {
        let result = if self.equal { "equal" } else { "DIFFERENT" };
        format!("{}, level {}: {result}", crate::time::format(self.at), self.level)
    }
}
