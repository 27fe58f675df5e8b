use std::collections::HashMap;
use std::num::NonZero;

use sha2::{Digest as _, Sha256};

use super::live_file::{LiveFile, Stats, Values};

/// The live files of one side, by what is needed to compare them: 32 bytes a file, whatever its statistics.
///
/// Fill it with one side, [`LiveSet::take`] the other: what is left is missing there. Digests stand for keys and
/// fields, so two different files pass for one with a probability that is of no concern; a difference that is found
/// is one.
#[derive(Debug, Default)]
pub struct LiveSet {
    files: HashMap<u128, Print>,
}

/// A file without its key.
#[derive(Debug, Clone, Copy)]
struct Print {
    /// None when the statistics were rebuilt.
    stats: Option<NonZero<u64>>,
    rest: u64,
}

/// How a file of the other side compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The set has it, with the same fields.
    Same,
    /// The set has it, with other fields.
    Different,
    /// The set does not have it, or it was taken already.
    Unknown,
}

impl LiveSet {
    /// Adds a file; false when the set has one of that key already.
    pub fn insert(&mut self, file: &LiveFile) -> bool {
        self.files.insert(key(file), Print::of(file)).is_none()
    }

    /// Takes a file of the other side out of the set.
    pub fn take(&mut self, file: &LiveFile) -> Match {
        match self.files.remove(&key(file)) {
            None => Match::Unknown,
            Some(print) if print.same(Print::of(file)) => Match::Same,
            Some(_) => Match::Different,
        }
    }

    /// Whether a file is (still) in the set.
    #[must_use]
    pub fn has(&self, file: &LiveFile) -> bool {
        self.files.contains_key(&key(file))
    }

    /// Number of files in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Print {
    fn of(file: &LiveFile) -> Self {
        let stats = match &file.stats {
            Stats::Logged(text) => Some(Parts::default().text(text.as_deref()).short() | NonZero::<u64>::MIN),
            Stats::Rebuilt => None,
        };
        let vector = file.vector;
        let rest = Parts::default()
            .number(Some(file.size))
            .number(file.modification_time)
            .number(vector.map(|vector| vector.size))
            .number(vector.map(|vector| vector.cardinality))
            .values(&file.partition_values)
            .values(&file.tags)
            .number(file.base_row_id)
            .number(file.default_row_commit_version)
            .text(file.clustering_provider.as_deref());
        Self { stats, rest: rest.short() }
    }

    fn same(self, other: Self) -> bool {
        let stats = self.stats.zip(other.stats).is_none_or(|(mine, theirs)| mine == theirs);
        stats && self.rest == other.rest
    }
}

fn key(file: &LiveFile) -> u128 {
    let [high, low] = Parts::default().text(Some(&file.key.path)).text(file.key.vector.as_deref()).digest();
    u128::from(high) << 64 | u128::from(low)
}

/// Values, each told apart from the next and from none.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn bytes(mut self, value: Option<&[u8]>) -> Self {
        match value {
            None => self.0.update([0]),
            Some(value) => {
                self.0.update([1]);
                self.0.update(value.len().to_le_bytes());
                self.0.update(value);
            }
        }
        self
    }

    fn text(self, value: Option<&str>) -> Self {
        self.bytes(value.map(str::as_bytes))
    }

    fn number(self, value: Option<i64>) -> Self {
        self.bytes(value.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    fn values(self, values: &Values) -> Self {
        let parts = self.bytes(Some(&values.len().to_le_bytes()));
        values.iter().fold(parts, |parts, (name, value)| parts.text(Some(name)).text(value.as_deref()))
    }

    fn digest(self) -> [u64; 2] {
        let mut words = [0; 2];
        for (word, bytes) in words.iter_mut().zip(self.0.finalize().chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        words
    }

    fn short(self) -> u64 {
        let [word, _] = self.digest();
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::json::RawObject;
    use crate::delta::state::AddFile;

    fn file(json: &str) -> LiveFile {
        let (key, add) = AddFile::parse(RawObject::parse(json).expect("json")).expect("add");
        LiveFile::of(key, &add).expect("file")
    }

    const ADD: &str = r#"{"path":"a","partitionValues":{"p":null,"q":"1"},"size":3,"modificationTime":1,"dataChange":true,"stats":"{}","tags":{"k":"v"},"deletionVector":{"storageType":"i","pathOrInlineDv":"x","sizeInBytes":2,"cardinality":1},"baseRowId":0,"defaultRowCommitVersion":3,"clusteringProvider":"liquid"}"#;

    #[test]
    fn equal_files_pass_whatever_the_order_of_their_fields() {
        let mut ours = LiveSet::default();
        assert!(ours.insert(&file(ADD)));
        assert!(!ours.insert(&file(ADD)));
        let again = ADD.replace(r#"{"p":null,"q":"1"}"#, r#"{"q":"1","p":null}"#).replace("true", "false");
        assert_eq!(ours.take(&file(&again)), Match::Same);
        assert_eq!(ours.take(&file(ADD)), Match::Unknown);
        assert!(ours.is_empty());
    }

    #[test]
    fn every_field_counts_and_is_named() {
        let cases = [
            ("\"size\":3", "\"size\":4", "size"),
            ("\"modificationTime\":1", "\"modificationTime\":2", "modificationTime"),
            ("\"cardinality\":1", "\"cardinality\":2", "deletionVector"),
            ("\"sizeInBytes\":2", "\"sizeInBytes\":3", "deletionVector"),
            ("\"p\":null", "\"p\":\"\"", "partitionValues"),
            ("\"p\":null,", "", "partitionValues"),
            ("\"k\":\"v\"", "\"k\":\"w\"", "tags"),
            ("\"stats\":\"{}\"", "\"stats\":\"{ }\"", "stats"),
            ("\"stats\":\"{}\"", "\"stats\":null", "stats"),
            ("\"baseRowId\":0", "\"baseRowId\":1", "baseRowId"),
            ("\"defaultRowCommitVersion\":3", "\"defaultRowCommitVersion\":4", "defaultRowCommitVersion"),
            ("\"liquid\"", "\"other\"", "clusteringProvider"),
        ];
        for (from, to, field) in cases {
            let (mine, theirs) = (file(ADD), file(&ADD.replace(from, to)));
            let mut ours = LiveSet::default();
            ours.insert(&mine);
            assert_eq!(ours.take(&theirs), Match::Different, "{to}");
            assert_eq!(mine.differing(&theirs), [field], "{to}");
        }
    }

    #[test]
    fn another_vector_is_another_file() {
        let mut ours = LiveSet::default();
        ours.insert(&file(ADD));
        let theirs = file(&ADD.replace("\"x\"", "\"y\""));
        assert!(!ours.has(&theirs));
        assert_eq!(ours.take(&theirs), Match::Unknown);
        assert_eq!((ours.len(), ours.has(&file(ADD))), (1, true));
    }

    #[test]
    fn rebuilt_statistics_are_not_compared() {
        let (mut mine, theirs) = (file(ADD), file(&ADD.replace("\"stats\":\"{}\"", "\"stats\":null")));
        mine.stats = Stats::Rebuilt;
        let mut ours = LiveSet::default();
        ours.insert(&mine);
        assert_eq!(ours.take(&theirs), Match::Same);
        assert_eq!(mine.differing(&theirs), Vec::<&str>::new());
    }
}
