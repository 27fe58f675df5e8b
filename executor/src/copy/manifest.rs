use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::ops::Range;

use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::merge::Merged;
use super::place::{Place, read_optional_key};
use super::spool::{Spool, SpoolReader};
use crate::error::Classify;

/// The format that is written, and the newest that is read.
pub(super) const FORMAT: u32 = 1;

/// Transfers that are sorted in memory at a time.
const RUN: usize = 16_384;

/// What kind of object a copy moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A data file.
    Data,
    /// A file with deletion vectors.
    DeletionVector,
}

/// One object to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The table that needs it.
    pub table: TableName,
    /// From where.
    pub source: Place,
    /// The key below `source.root` under which a writer that does not percent-encode keeps it; tried when
    /// `source.key` is not there.
    pub undecoded: Option<Path>,
    /// To where.
    pub target: Place,
    /// Bytes: exact for data, a lower bound for deletion vectors, whose files the log does not size.
    pub size: u64,
    /// What it is.
    pub kind: FileKind,
}

impl Transfer {
    /// Whether an object of this size can be the one that is meant.
    #[must_use]
    pub fn fits(&self, size: u64) -> bool {
        match self.kind {
            FileKind::Data => size == self.size,
            FileKind::DeletionVector => size >= self.size,
        }
    }

    /// Order of a sorted manifest.
    pub(super) fn by_target(&self, other: &Self) -> Ordering {
        // the largest lower bound first: it is the one that stays
        self.target.cmp(&other.target).then_with(|| other.size.cmp(&self.size))
    }
}

/// Why a manifest cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The directory for temporary files does not take it, or standard input broke off.
    #[error(
        "the list of files to copy cannot be kept in the directory for temporary files; make room there or set TMPDIR"
    )]
    Spool(#[from] io::Error),
    /// A line is no transfer.
    #[error("line {number} of the manifest is no transfer of format {FORMAT}")]
    Line {
        /// Which line, from 1.
        number: u64,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
}

impl Classify for ManifestError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Spool(_) => FailureClass::Internal,
            Self::Line { .. } => FailureClass::Configuration,
        }
    }
}

#[derive(Serialize)]
struct LineRef<'a> {
    format: u32,
    table: &'a TableName,
    source: &'a Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecoded: Option<&'a str>,
    target: &'a Place,
    size: u64,
    kind: FileKind,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: u32,
    table: TableName,
    source: Place,
    #[serde(default, deserialize_with = "read_optional_key")]
    undecoded: Option<Path>,
    target: Place,
    size: u64,
    kind: FileKind,
}

/// The transfers of a copy, one JSON object a line (docs/formats.md, "Manifests"), in bounded memory however many.
#[derive(Debug, Default)]
pub struct Manifest {
    lines: Spool,
    len: u64,
    bytes: u64,
    targets: BTreeMap<StoreUrl, u64>,
    /// The newest target, and whether all came in order and once.
    last: Option<Place>,
    disorder: bool,
}

impl Manifest {
    /// An empty manifest.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transfer at the end.
    ///
    /// # Errors
    /// When the directory for temporary files does not take it.
    pub fn push(&mut self, transfer: &Transfer) -> Result<(), ManifestError> {
        self.lines.append(transfer_line(transfer)?.as_bytes())?;
        self.len += 1;
        self.bytes += transfer.size;
        self.disorder |= self.last.as_ref().is_some_and(|last| *last >= transfer.target);
        self.last = Some(transfer.target.clone());
        match self.targets.get_mut(&transfer.target.root) {
            Some(files) => *files += 1,
            None => drop(self.targets.insert(transfer.target.root.clone(), 1)),
        }
        Ok(())
    }

    /// Transfers.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing to move.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes to move, deletion vectors by their lower bound.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files for each table root that is written to.
    #[must_use]
    pub fn targets(&self) -> &BTreeMap<StoreUrl, u64> {
        &self.targets
    }

    /// Whether the transfers are by target, each target once.
    #[must_use]
    pub fn is_by_target(&self) -> bool {
        !self.disorder
    }

    /// The transfers, in the order in which they were added.
    #[must_use]
    pub fn iter(&self) -> Transfers<'_> {
        self.part(0..self.lines.len())
    }

    fn part(&self, range: Range<u64>) -> Transfers<'_> {
        Transfers { lines: BufReader::new(self.lines.reader(range)), line: String::new(), number: 0 }
    }

    /// The same transfers by target, each target once: adds may share a file of deletion vectors, and the largest
    /// lower bound of its size stays.
    ///
    /// # Errors
    /// When the directory for temporary files does not take them.
    pub fn by_target(&self) -> Result<Self, ManifestError> {
        let (sorted, runs) = self.sorted_runs()?;
        let runs = runs.into_iter().map(|range| sorted.part(range)).collect();
        let mut merged = Self::new();
        for transfer in Merged::new(runs)? {
            let transfer = transfer?;
            if merged.last.as_ref() != Some(&transfer.target) {
                merged.push(&transfer)?;
            }
        }
        Ok(merged)
    }

    /// Pieces of the manifest, each sorted, one behind the other.
    fn sorted_runs(&self) -> Result<(Self, Vec<Range<u64>>), ManifestError> {
        let mut sorted = Self::new();
        let mut runs = Vec::new();
        let mut transfers = self.iter();
        loop {
            let mut run = transfers.by_ref().take(RUN).collect::<Result<Vec<_>, _>>()?;
            if run.is_empty() {
                return Ok((sorted, runs));
            }
            run.sort_by(Transfer::by_target);
            let from = sorted.lines.len();
            for transfer in &run {
                sorted.push(transfer)?;
            }
            runs.push(from..sorted.lines.len());
        }
    }
}

impl<'a> IntoIterator for &'a Manifest {
    type Item = Result<Transfer, ManifestError>;
    type IntoIter = Transfers<'a>;

    fn into_iter(self) -> Transfers<'a> {
        self.iter()
    }
}

/// The transfers of a [`Manifest`].
#[derive(Debug)]
pub struct Transfers<'a> {
    lines: BufReader<SpoolReader<'a>>,
    line: String,
    number: u64,
}

impl Iterator for Transfers<'_> {
    type Item = Result<Transfer, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line.clear();
        self.number += 1;
        match self.lines.read_line(&mut self.line) {
            Ok(0) => None,
            Ok(_) => Some(parse_transfer(&self.line, self.number)),
            Err(cause) => Some(Err(cause.into())),
        }
    }
}

/// A transfer as a line, line end included.
///
/// # Errors
/// Never with transfers that can exist; serialization is fallible by its type.
pub fn transfer_line(transfer: &Transfer) -> Result<String, ManifestError> {
    let Transfer { table, source, undecoded, target, size, kind } = transfer;
    let undecoded = undecoded.as_ref().map(AsRef::as_ref);
    let line = LineRef { format: FORMAT, table, source, undecoded, target, size: *size, kind: *kind };
    let mut line = serde_json::to_string(&line).map_err(io::Error::from)?;
    line.push('\n');
    Ok(line)
}

/// Reads line `number` of a manifest.
///
/// # Errors
/// When it is no transfer, or one of a format that is not known here.
pub fn parse_transfer(line: &str, number: u64) -> Result<Transfer, ManifestError> {
    let failed = |cause| ManifestError::Line { number, cause };
    let Line { format, table, source, undecoded, target, size, kind } =
        serde_json::from_str(line).map_err(failed)?;
    if format != FORMAT {
        let message = format!("format {format} is not known to this version of lakedr; install a newer one");
        return Err(failed(serde::de::Error::custom(message)));
    }
    Ok(Transfer { table, source, undecoded, target, size, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(key: &str, size: u64, kind: FileKind) -> Transfer {
        let place = |root: &str| Place { root: root.parse().unwrap(), key: Path::parse(key).unwrap() };
        let (source, target) = (place("s3://east/t"), place("s3://west/t"));
        Transfer { table: "c.s.t".parse().unwrap(), source, undecoded: None, target, size, kind }
    }

    #[test]
    fn format_1() {
        let line = r#"{"format":1,"table":"c.s.t","source":{"root":"s3://east/t","key":"p=a b/ü%20#+.parquet"},"undecoded":"p=a%20b/x.parquet","target":{"root":"s3://west/t","key":"p=a b/ü%20#+.parquet"},"size":7,"kind":"data"}"#;
        let parsed = parse_transfer(line, 1).unwrap();
        assert_eq!(parsed.source.key.as_ref(), "p=a b/ü%20#+.parquet");
        assert_eq!(parsed.undecoded.as_ref().unwrap().as_ref(), "p=a%20b/x.parquet");
        assert_eq!(transfer_line(&parsed).unwrap(), format!("{line}\n"));
        let vector = transfer("deletion_vector_1.bin", 45, FileKind::DeletionVector);
        assert_eq!(parse_transfer(&transfer_line(&vector).unwrap(), 1).unwrap(), vector);
    }

    #[test]
    fn what_is_no_transfer_is_named_by_its_line() {
        let good = transfer_line(&transfer("a", 1, FileKind::Data)).unwrap();
        for bad in [
            good.replace(r#""format":1"#, r#""format":2"#),
            good.replace(r#""key":"a""#, r#""key":"../a""#),
            good.replace(r#""key":"a""#, r#""key":"/a""#),
            good.replace(r#""key":"a""#, r#""key":"""#),
            good.replace(r#""size":1"#, r#""size":-1"#),
            good.replace(r#""size":1"#, r#""size":1,"mode":"x""#),
            "nonsense".to_owned(),
        ] {
            let error = parse_transfer(&bad, 3).unwrap_err();
            assert!(error.to_string().contains("line 3"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_manifest_is_sorted_and_each_target_stays_once_with_its_largest_bound() {
        let mut manifest = Manifest::new();
        let count = RUN as u64 * 3 + 5;
        for n in 0..count {
            let key = format!("f{:08}", (n * 7919) % count);
            manifest.push(&transfer(&key, n % 11, FileKind::DeletionVector)).unwrap();
            manifest.push(&transfer("shared", n % 13, FileKind::DeletionVector)).unwrap();
        }
        let sorted = manifest.by_target().unwrap();
        assert_eq!((manifest.len(), sorted.len()), (2 * count, count + 1));
        let keys: Vec<_> = sorted.iter().map(|t| t.unwrap().target.key).collect();
        assert!(keys.is_sorted() && sorted.is_by_target() && !manifest.is_by_target());
        assert_eq!(sorted.iter().last().unwrap().unwrap().size, 12);
        assert_eq!(sorted.targets().values().copied().collect::<Vec<_>>(), [count + 1]);
    }
}
