use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, check_format};
use crate::group_log::Author;
use crate::id::Name;

/// Newest format of the marks of a pruning that this program reads, and the one it writes.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// The objects that a pruning is going to delete. Written before the first of them is deleted, and gone when the pruning has
/// ended; of one that was given up it stays, so that nobody relies on an object that may be deleted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PruningMarks {
    /// Version of the format.
    pub format: u32,
    /// The schedule.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub schedule: Name,
    /// Who prunes.
    pub by: Author,
    /// Keys of the objects, below the `data` folder of the schedule.
    pub objects: Vec<String>,
}

impl PruningMarks {
    /// The marks of a call.
    #[must_use]
    pub fn new(schedule: Name, by: Author, objects: Vec<String>) -> Self {
        Self { format: FORMAT, schedule, by, objects }
    }

    /// Reads marks.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "marks of a pruning";
        check_format(key, what, FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what,
            cause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_1() {
        let text = r#"{"format":1,"schedule":"weekly","by":{"executor":"0.1.0","host":"h","run":"r"},
            "objects":["c/s/t/part-0.parquet"]}"#;
        let marks = PruningMarks::decode("k", text.as_bytes()).unwrap();
        assert_eq!(marks.objects, ["c/s/t/part-0.parquet"]);
        let again = serde_json::to_vec(&marks).unwrap();
        assert_eq!(PruningMarks::decode("k", &again).unwrap(), marks);
        let newer = text.replace(r#""format":1"#, r#""format":2"#);
        assert!(PruningMarks::decode("k", newer.as_bytes()).is_err());
    }
}
