//! Which objects below the root of a table are kept, and why.

use std::collections::{BTreeMap, HashMap};

use object_store::path::Path;
use serde::Serialize;

use super::retention::Period;
use crate::delta::fingerprint::text_id;
use crate::delta::log_name::LOG_DIRECTORY;
use crate::delta::path::ADOPTED_DIRECTORY;

/// Why an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The newest recovery point names it.
    Live,
    /// An older recovery point that is kept names it.
    RecoveryPoint,
    /// It left the table, and the time that removed files stay has not passed.
    Removed,
    /// A version of the source names it that a plan in progress may be about.
    Source,
    /// It is too young: an attempt under way may have copied it.
    Young,
    /// It lies in a folder, or has a name, that Delta hides from clean-up: the log, above all.
    Hidden,
    /// It belongs to a table below the root of this one.
    OtherTable,
    /// It is neither a data file nor a file of deletion vectors.
    Unknown,
}

impl Reason {
    /// In words, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Live => "named by the newest recovery point",
            Self::RecoveryPoint => "named by an older recovery point that is kept",
            Self::Removed => "removed within the retention of the table",
            Self::Source => "named by a version of the source that may be planned",
            Self::Young => "too young",
            Self::Hidden => "hidden, the log included",
            Self::OtherTable => "in a table below this one",
            Self::Unknown => "neither data nor deletion vectors",
        }
    }
}

/// Objects and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Objects.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    /// One more object.
    pub fn add(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }
}

/// What is kept, by reason.
pub type Counts = BTreeMap<Reason, Count>;

/// The keys that something needs, in a few bytes each. Two keys of one fingerprint would keep an object too many.
#[derive(Debug, Default)]
pub struct Needed {
    keys: HashMap<u128, Reason>,
}

impl Needed {
    /// Notes a key below the root of the table. The first reason is the one that counts.
    pub fn insert(&mut self, key: &Path, reason: Reason) {
        self.keys.entry(text_id(key.as_ref())).or_insert(reason);
    }

    /// Why a key is needed, if it is.
    #[must_use]
    pub fn reason(&self, key: &Path) -> Option<Reason> {
        self.keys.get(&text_id(key.as_ref())).copied()
    }
}

/// Why an object is kept; none when nothing speaks for it. `key` is its key below the root of the table, `modified_ms`
/// when it was written, `period` how old it has to be.
#[must_use]
pub fn kept_for(
    key: &Path,
    modified_ms: i64,
    needed: &Needed,
    period: Period,
    now_ms: i64,
) -> Option<Reason> {
    if is_hidden(key) {
        return Some(Reason::Hidden);
    }
    needed
        .reason(key)
        .or_else(|| (!is_of_table(key)).then_some(Reason::Unknown))
        .or_else(|| period.holds(modified_ms, now_ms).then_some(Reason::Young))
}

/// Whether Delta's own clean-up passes a key over: a part of it begins with `_` or `.` and is no partition
/// (`_column=value`).
fn is_hidden(key: &Path) -> bool {
    key.parts().any(|part| {
        let part = part.as_ref();
        part == LOG_DIRECTORY || (part.starts_with(['_', '.']) && !part.contains('='))
    })
}

/// Whether a key is one of a data file or a file of deletion vectors, or lies where lakedr puts adopted files.
pub(crate) fn is_of_table(key: &Path) -> bool {
    let name = key.filename().unwrap_or_default();
    name.ends_with(".parquet")
        || (name.starts_with("deletion_vector_") && name.ends_with(".bin"))
        || (key.parts().count() > 1
            && key.parts().next().is_some_and(|first| first.as_ref() == ADOPTED_DIRECTORY))
}

/// The root of another table that a key below the root of this one gives away: the folder that holds its log.
#[must_use]
pub fn nested_table(key: &Path) -> Option<Path> {
    let depth = key.parts().position(|part| part.as_ref() == LOG_DIRECTORY)?;
    (depth > 0).then(|| key.parts().take(depth).collect())
}

/// Whether a key lies below a folder.
#[must_use]
pub fn is_below(key: &Path, folder: &Path) -> bool {
    key.prefix_match(folder).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;
    const OLD: i64 = NOW - 8 * 86_400_000;

    #[test]
    fn nothing_is_removed_that_something_speaks_for() {
        let mut needed = Needed::default();
        needed.insert(&"p=1/live.parquet".into(), Reason::Live);
        needed.insert(&"p=1/live.parquet".into(), Reason::Source);
        needed.insert(&"oddly named".into(), Reason::RecoveryPoint);
        needed.insert(&"ab/deletion_vector_1.bin".into(), Reason::Removed);
        let cases = [
            ("p=1/live.parquet", OLD, Some(Reason::Live)),
            ("oddly named", OLD, Some(Reason::RecoveryPoint)),
            ("ab/deletion_vector_1.bin", OLD, Some(Reason::Removed)),
            ("p=1/gone.parquet", OLD, None),
            ("p=1/gone.parquet", NOW, Some(Reason::Young)),
            // the clock of the store may be ahead
            ("p=1/gone.parquet", NOW + 1, Some(Reason::Young)),
            ("deletion_vector_2.bin", OLD, None),
            ("cd/deletion_vector_2.bin", OLD, None),
            ("abs-files/0f1e2d3c4b5a6978/x", OLD, None),
            ("abs-files", OLD, Some(Reason::Unknown)),
            ("_p=1/gone.parquet", OLD, None),
            ("_delta_log/00000000000000000000.json", OLD, Some(Reason::Hidden)),
            ("_delta_log/00000000000000000010.checkpoint.parquet", OLD, Some(Reason::Hidden)),
            ("_delta_log/_sidecars/x.parquet", OLD, Some(Reason::Hidden)),
            ("_change_data/cdc-1.parquet", OLD, Some(Reason::Hidden)),
            (".staging/x.parquet", OLD, Some(Reason::Hidden)),
            ("p=1/.x.parquet", OLD, Some(Reason::Hidden)),
            ("README.md", OLD, Some(Reason::Unknown)),
            ("deletion_vector_list.txt", OLD, Some(Reason::Unknown)),
        ];
        for (key, modified, expected) in cases {
            let found = kept_for(&key.into(), modified, &needed, Period::days(7), NOW);
            assert_eq!(found, expected, "{key} of {modified}");
        }
    }

    #[test]
    fn a_table_below_a_table_is_given_away_by_its_log() {
        let cases = [
            ("_delta_log/0.json", None),
            ("p=1/x.parquet", None),
            ("sub/_delta_log/0.json", Some("sub")),
            ("a/b/_delta_log/_sidecars/x", Some("a/b")),
        ];
        for (key, expected) in cases {
            assert_eq!(nested_table(&key.into()), expected.map(Path::from), "{key}");
        }
        assert!(is_below(&"a/b/x".into(), &"a/b".into()) && !is_below(&"a/bc/x".into(), &"a/b".into()));
    }
}
