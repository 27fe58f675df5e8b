//! A live file in a few bytes, so that two tables of millions of files can be compared in bounded memory.
//!
//! Fingerprints live within one process: they are hashes without secrets and prove nothing to anybody else.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use twox_hash::XxHash3_128;

use super::replica::file::canonical;
use super::state::AddFile;

/// Fields that a fingerprint leaves out: the path is the key that it is kept under, `dataChange` says nothing about
/// the file, statistics are compared by rules of their own.
const APART: [&str; 3] = ["path", "dataChange", "stats"];

/// What the log says of a live file. Two fingerprints are the same iff
/// [`differing_fields`](super::replica::file::differing_fields) finds none.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint {
    fields: u128,
    stats: u64,
    rows: i64,
    synthesised: bool,
}

impl Fingerprint {
    /// The fingerprint of a live file.
    #[must_use]
    pub fn of(add: &AddFile) -> Self {
        let fields = add.raw.fields();
        let told = fields.iter().filter(|(name, value)| !APART.contains(name) && value.get() != "null");
        // a sum, so that the order of the fields does not matter
        let combined = told.map(|(name, value)| field(name, value)).fold(0_u128, u128::wrapping_add);
        let stats = fields.get("stats");
        let opened: Option<Cow<'_, str>> = stats.and_then(text);
        let rows = opened.as_deref().and_then(rows).unwrap_or(-1);
        let stats = match (opened, stats) {
            (Some(text), _) => text_field("stats", &text),
            (None, Some(other)) => field("stats", other),
            (None, None) => 0,
        };
        Self { fields: combined, stats: short(stats), rows, synthesised: add.stats_synthesised }
    }

    /// Whether two live files of one path say the same. Statistics that were put together from struct columns are
    /// compared by the number of rows.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let by_rows = (self.synthesised || other.synthesised) && self.rows == other.rows;
        self.fields == other.fields && (self.stats == other.stats || by_rows)
    }
}

/// The identity of a text, for keys of maps.
#[must_use]
pub fn text_id(text: &str) -> u128 {
    XxHash3_128::oneshot(text.as_bytes())
}

fn field(name: &str, value: &RawValue) -> u128 {
    match (value.get().as_bytes().first(), text(value)) {
        (_, Some(text)) => text_field(name, &text),
        (Some(b'{' | b'['), None) => hash(&[name.as_bytes(), &[0], canonical(value).as_bytes()]),
        // numbers and booleans have one spelling
        (_, None) => hash(&[name.as_bytes(), &[0], value.get().as_bytes()]),
    }
}

/// A text has another hash than a value of another kind, because none of those begins with a quote.
fn text_field(name: &str, text: &str) -> u128 {
    hash(&[name.as_bytes(), &[0], b"\"", text.as_bytes()])
}

fn hash(parts: &[&[u8]]) -> u128 {
    XxHash3_128::oneshot(&parts.concat())
}

/// The text that a JSON string means, whatever its spelling.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if !quoted.contains('\\') {
        return Some(Cow::Borrowed(quoted));
    }
    serde_json::from_str(value.get()).ok().map(Cow::Owned)
}

fn short(hash: u128) -> u64 {
    u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default()
}

/// `numRecords` of statistics.
fn rows(stats: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Rows {
        #[serde(rename = "numRecords")]
        rows: Option<i64>,
    }
    serde_json::from_str::<Rows>(stats).ok()?.rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::json::RawObject;
    use crate::delta::replica::file::differing_fields;

    fn add(text: &str) -> AddFile {
        AddFile::parse(RawObject::parse(text).expect("json")).expect("add").1
    }

    #[test]
    fn fingerprints_are_the_same_iff_no_field_differs() {
        let texts = [
            r#"{"path":"x","size":1,"dataChange":true,"stats":"{\"numRecords\":1}","partitionValues":{"a":"1","b":null}}"#,
            r#"{"size":1,"path":"x","dataChange":false,"stats":"{\"numRecords\":1}","partitionValues":{"b":null,"a":"1"},"tags":null}"#,
            r#"{"path":"x","size":1,"stats":"{\"numRecords\":1}","partitionValues":{"a":"1"}}"#,
            r#"{"path":"x","size":1,"stats":"{\"numRecords\": 1}","partitionValues":{"a":"1"}}"#,
            r#"{"path":"x","size":1,"stats":"{\"numRecords\":2}","partitionValues":{"a":"1"}}"#,
            r#"{"path":"x","size":1,"partitionValues":{"a":"1"}}"#,
            r#"{"path":"x","size":2,"partitionValues":{"a":"1"}}"#,
            r#"{"path":"x","size":2,"partitionValues":{"a":"ü"}}"#,
            r#"{"path":"x","size":2,"partitionValues":{"a":"\u00fc"},"later":{"deep":[1,{"x":1.50}]}}"#,
            r#"{"path":"x","size":2,"partitionValues":{"a":"ü"},"later":{"deep":[1,{"x":1.50,"y":null}]}}"#,
        ];
        for (a, b) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            for (synthesised_a, synthesised_b) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let (mut a, mut b) = (add(a), add(b));
                (a.stats_synthesised, b.stats_synthesised) = (synthesised_a, synthesised_b);
                let same = Fingerprint::of(&a).same(&Fingerprint::of(&b));
                assert_eq!(same, differing_fields(&a, &b).is_empty(), "{a:?} {b:?}");
            }
        }
    }
}
