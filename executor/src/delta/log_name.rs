//! The names of the files in `_delta_log` (protocol, "Delta Log Entries" and "Checkpoints").

use uuid::Uuid;

/// Directory of the log, directly under the table root.
pub const LOG_DIRECTORY: &str = "_delta_log";
/// Directory of V2 checkpoint sidecars, directly under the log.
pub const SIDECAR_DIRECTORY: &str = "_sidecars";
/// Directory of commits that a catalog may have ratified, directly under the log.
pub const STAGED_DIRECTORY: &str = "_staged_commits";
/// The hint at the newest checkpoint. Readers of this program list instead and never rely on it.
pub const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// How the top of a uuid-named checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UuidCheckpointFormat {
    /// Newline-delimited JSON.
    Json,
    /// Parquet.
    Parquet,
}

/// What a file of the log is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName {
    /// `<version>.json`.
    Commit {
        /// Version that the commit makes.
        version: u64,
    },
    /// `_staged_commits/<version>.<uuid>.json`: one of perhaps several proposals for a version. Never taken from a
    /// listing: only the table's catalog knows which one it has ratified.
    StagedCommit {
        /// Version that the commit makes.
        version: u64,
        /// Unique part of the name.
        uuid: Uuid,
    },
    /// `<version>.checkpoint.parquet`.
    ClassicCheckpoint {
        /// Version that the checkpoint holds.
        version: u64,
    },
    /// `<version>.checkpoint.<part>.<parts>.parquet`.
    CheckpointPart {
        /// Version that the checkpoint holds.
        version: u64,
        /// Number of this part, from 1.
        part: u32,
        /// Number of parts.
        parts: u32,
    },
    /// `<version>.checkpoint.<uuid>.{json,parquet}`.
    UuidCheckpoint {
        /// Version that the checkpoint holds.
        version: u64,
        /// Unique part of the name.
        uuid: Uuid,
        /// Format of the file.
        format: UuidCheckpointFormat,
    },
    /// `<from>.<to>.compacted.json`: a shortcut that a reader may leave unused.
    Compacted {
        /// First version that is folded in.
        from: u64,
        /// Last version that is folded in.
        to: u64,
    },
    /// `<version>.crc`: the version checksum.
    Checksum {
        /// Version that the checksum describes.
        version: u64,
    },
}

impl LogName {
    /// Recognises a file name; `None` for anything that is no part of the log proper.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (version, rest) = name.split_once('.')?;
        let version = digits(version, 20)?;
        let parts: Vec<&str> = rest.split('.').collect();
        match parts.as_slice() {
            ["json"] => Some(Self::Commit { version }),
            ["crc"] => Some(Self::Checksum { version }),
            ["checkpoint", "parquet"] => Some(Self::ClassicCheckpoint { version }),
            ["checkpoint", unique, format @ ("json" | "parquet")] => Some(Self::UuidCheckpoint {
                version,
                uuid: Uuid::try_parse(unique).ok()?,
                format: match *format {
                    "json" => UuidCheckpointFormat::Json,
                    _ => UuidCheckpointFormat::Parquet,
                },
            }),
            ["checkpoint", part, parts, "parquet"] => {
                let (part, parts) = (digits(part, 10)?, digits(parts, 10)?);
                let (part, parts) = (u32::try_from(part).ok()?, u32::try_from(parts).ok()?);
                (1..=parts).contains(&part).then_some(Self::CheckpointPart { version, part, parts })
            }
            [to, "compacted", "json"] => {
                let to = digits(to, 20)?;
                (to > version).then_some(Self::Compacted { from: version, to })
            }
            _ => None,
        }
    }

    /// Recognises the file name of a staged commit, as a catalog gives it.
    #[must_use]
    pub fn parse_staged(name: &str) -> Option<Self> {
        let (version, rest) = name.split_once('.')?;
        let uuid = Uuid::try_parse(rest.strip_suffix(".json")?).ok()?;
        let staged = Self::StagedCommit { version: digits(version, 20)?, uuid };
        (staged.file_name() == name).then_some(staged)
    }

    /// The directory below the log that the file lies in, if it does not lie in the log itself.
    #[must_use]
    pub fn directory(&self) -> Option<&'static str> {
        matches!(self, Self::StagedCommit { .. }).then_some(STAGED_DIRECTORY)
    }

    /// Prefix that sorts right before every file of a version and behind those of all older versions.
    #[must_use]
    pub fn prefix(version: u64) -> String {
        format!("{version:020}")
    }

    /// Whether a name could be a versioned file of the log. Everything else sorts before (`.tmp`) or behind
    /// (`_last_checkpoint`, `_sidecars/…`) all of those.
    #[must_use]
    pub fn is_versioned(name: &str) -> bool {
        name.starts_with(|first: char| first.is_ascii_digit())
    }

    /// The version that the name begins with.
    #[must_use]
    pub fn version(&self) -> u64 {
        match self {
            Self::Commit { version }
            | Self::StagedCommit { version, .. }
            | Self::ClassicCheckpoint { version }
            | Self::CheckpointPart { version, .. }
            | Self::UuidCheckpoint { version, .. }
            | Self::Compacted { from: version, .. }
            | Self::Checksum { version } => *version,
        }
    }

    /// The file name.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Self::Commit { version } => format!("{version:020}.json"),
            Self::StagedCommit { version, uuid } => format!("{version:020}.{uuid}.json"),
            Self::ClassicCheckpoint { version } => format!("{version:020}.checkpoint.parquet"),
            Self::CheckpointPart { version, part, parts } => {
                format!("{version:020}.checkpoint.{part:010}.{parts:010}.parquet")
            }
            Self::UuidCheckpoint { version, uuid, format } => {
                let extension = match format {
                    UuidCheckpointFormat::Json => "json",
                    UuidCheckpointFormat::Parquet => "parquet",
                };
                format!("{version:020}.checkpoint.{uuid}.{extension}")
            }
            Self::Compacted { from, to } => format!("{from:020}.{to:020}.compacted.json"),
            Self::Checksum { version } => format!("{version:020}.crc"),
        }
    }
}

/// A zero-padded number of exactly `width` digits.
fn digits(text: &str, width: usize) -> Option<u64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let cases = [
            "00000000000000000007.json",
            "00000000000000000007.crc",
            "00000000000000000007.checkpoint.parquet",
            "00000000000000000007.checkpoint.0000000002.0000000003.parquet",
            "00000000000000000007.checkpoint.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.parquet",
            "00000000000000000007.checkpoint.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json",
            "00000000000000000007.00000000000000000009.compacted.json",
        ];
        for case in cases {
            assert_eq!(LogName::parse(case).map(|name| name.file_name()).as_deref(), Some(case));
        }
    }

    #[test]
    fn a_prefix_sorts_right_before_its_version() {
        let prefix = LogName::prefix(7);
        for file in ["00000000000000000007.json", "00000000000000000007.checkpoint.parquet"] {
            assert!(prefix.as_str() < file && LogName::prefix(8).as_str() > file);
        }
        for other in ["_last_checkpoint", "_sidecars", "_staged_commits"] {
            assert!(!LogName::is_versioned(other) && other > "99999999999999999999.json");
        }
    }

    #[test]
    fn other_names_are_no_part_of_the_log() {
        let cases = [
            "_last_checkpoint",
            "_staged_commits",
            ".s3-optimization-0",
            "7.json",
            "00000000000000000007.json.tmp",
            "+0000000000000000007.json",
            "00000000000000000007.checkpoint.0000000004.0000000003.parquet",
            "00000000000000000007.checkpoint.0000000000.0000000003.parquet",
            "00000000000000000007.checkpoint.not-a-uuid.parquet",
            "00000000000000000009.00000000000000000007.compacted.json",
            "00000000000000000001.4cb9708e-b478-44de-b203-53f9ba9b2876.json",
            "99999999999999999999.json",
        ];
        for case in cases {
            assert_eq!(LogName::parse(case), None, "{case}");
        }
    }

    #[test]
    fn staged_commits_are_named_by_catalogs_alone() {
        let name = "00000000000000000007.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json";
        let staged = LogName::parse_staged(name).expect("staged");
        assert_eq!((staged.version(), staged.file_name().as_str()), (7, name));
        assert_eq!(LogName::parse(name), None);
        for other in [
            "7.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json",
            "00000000000000000007.json",
            "00000000000000000007.98A25BA8-D7DB-496C-B7BA-FDB90B15F52B.json",
            "../00000000000000000007.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json",
        ] {
            assert_eq!(LogName::parse_staged(other), None, "{other}");
        }
    }
}
