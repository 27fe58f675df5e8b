//! Paths of the log → object keys below the table root (protocol, "Add File and Remove File").
//!
//! `path` is a URI reference: decoded exactly once it is the key. The raw string is the identity of a file
//! and is never re-encoded.

use lakedr_control::digest;
use lakedr_control::location::StoreUrl;
use object_store::path::{Path, PathPart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::log_name::LOG_DIRECTORY;
use super::place::{Place, undecoded_key};
use super::root::{TableRoot, is_absolute};

/// Directory of a replica, directly under its root, with the files that its source has elsewhere. It has no leading
/// `_` or `.`: directories so named are hidden from VACUUM.
pub const ADOPTED_DIRECTORY: &str = "abs-files";
/// Hex digits of the digest that names a place under [`ADOPTED_DIRECTORY`].
const ADOPTED_DIGITS: usize = 16;
/// What a path of our own writing encodes: all but the unreserved characters of URIs, `/` and the `=` of partitions.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'=');

/// Why a file of a table cannot be cloned under its path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathRefusal {
    /// The file lies elsewhere, and the table is not declared to be a shallow clone.
    #[error(
        "file `{path}` lies outside of its table `{root}`, and a log alone must not make lakedr read other places; \
         if the table is a shallow clone, set `shallow_clone = true` on it in the sync group"
    )]
    OutsideRoot {
        /// The path as logged.
        path: String,
        /// Url of the table.
        root: String,
    },
    /// The file lies in a store that this program cannot open.
    #[error("file `{path}` lies where lakedr cannot read it: {problem}; deep-clone the table first")]
    OutOfReach {
        /// The path as logged.
        path: String,
        /// Why it cannot.
        problem: String,
    },
    /// The path is not a key that every object store can hold.
    #[error("file `{path}` has no portable object key: {problem}; rewrite the file under another name")]
    NotAKey {
        /// The path as logged.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The path points into the transaction log.
    #[error("file `{path}` points into `_delta_log`, where no data file may be; the log is damaged")]
    IntoLog {
        /// The path as logged.
        path: String,
    },
}

/// Where the source keeps a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceObject {
    /// At a key below the root of the table.
    InTable(Path),
    /// In a place of its own: another table, another bucket.
    Elsewhere {
        /// What the store is opened by: the bucket, or the topmost directory of a local file.
        root: StoreUrl,
        /// Key below it.
        key: Path,
    },
}

impl SourceObject {
    /// The key below the root of the table, or of the other place.
    #[must_use]
    pub fn key(&self) -> &Path {
        match self {
            Self::InTable(key) | Self::Elsewhere { key, .. } => key,
        }
    }

    /// Another key in the same place.
    #[must_use]
    pub fn with_key(&self, key: Path) -> Self {
        match self {
            Self::InTable(_) => Self::InTable(key),
            Self::Elsewhere { root, .. } => Self::Elsewhere { root: root.clone(), key },
        }
    }
}

/// A file of the source, and where its replica keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Where the source keeps it.
    pub source: SourceObject,
    /// The key, in the same place, that a writer which forgot to encode `%` would have used; worth a try on "not
    /// found".
    pub undecoded: Option<Path>,
    /// Its key below the root of the replica.
    pub target: Path,
}

/// A path of the log, located.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The path that a replica logs, when it is another than the source's: relative, encoded, and the same for all
    /// spellings of an absolute URI.
    pub relative: Option<String>,
    /// The file.
    pub file: StoredFile,
}

/// Locates a logged path: below the table root, or elsewhere if the root allows that.
///
/// # Errors
/// A [`PathRefusal`] when the file lies where it must or can not be read, or where no data file may lie.
pub fn locate(path: &str, root_url: &str, root: &TableRoot) -> Result<Located, PathRefusal> {
    if !is_absolute(path) {
        let (key, undecoded) = keys(path, path)?;
        outside_of_log(path, key.parts().next())?;
        let file = StoredFile { source: SourceObject::InTable(key.clone()), undecoded, target: key };
        return Ok(Located { relative: None, file });
    }
    let Some(relative) = root.relative(path) else { return elsewhere(path, root_url, root) };
    let (key, undecoded) = keys(path, relative)?;
    outside_of_log(path, key.parts().next())?;
    let relative = Some(encoded(key.as_ref()));
    let file = StoredFile { source: SourceObject::InTable(key.clone()), undecoded, target: key };
    Ok(Located { relative, file })
}

/// Adopts a file from outside of the table under a key that is a function of its place alone.
fn elsewhere(path: &str, root_url: &str, root: &TableRoot) -> Result<Located, PathRefusal> {
    let out_of_reach = |problem: String| PathRefusal::OutOfReach { path: path.to_owned(), problem };
    let place = Place::of(path).ok_or_else(|| {
        let scheme = path.split_once(':').map_or("", |(scheme, _)| scheme);
        out_of_reach(format!("stores with the scheme `{scheme}` are unknown to it"))
    })?;
    if place.is_local() && !root.is_local() {
        let problem = "it is a local file of the machine that wrote it, and the table is not";
        return Err(out_of_reach(problem.to_owned()));
    }
    if !root.may_have_files_elsewhere() {
        return Err(PathRefusal::OutsideRoot { path: path.to_owned(), root: root_url.to_owned() });
    }
    let (bucket, literal) = place.bucket().map_err(out_of_reach)?;
    let not_a_key = |problem: String| PathRefusal::NotAKey { path: path.to_owned(), problem };
    let key = key(&literal).map_err(not_a_key)?;
    for part in key.parts() {
        outside_of_log(path, Some(part))?;
    }
    let canonical = place.canonical().ok_or_else(|| not_a_key("it does not decode to utf-8".to_owned()))?;
    let name = key.filename().unwrap_or_default();
    let target = format!("{ADOPTED_DIRECTORY}/{}/{name}", short_digest(&canonical));
    let target = self::key(&target).map_err(not_a_key)?;
    let undecoded = undecoded_key(path).and_then(|raw| self::key(raw).ok()).filter(|raw| *raw != key);
    let source = SourceObject::Elsewhere { root: bucket, key };
    Ok(Located { relative: Some(encoded(target.as_ref())), file: StoredFile { source, undecoded, target } })
}

/// The decoded key of a relative path, and the undecoded one if it is another.
fn keys(path: &str, relative: &str) -> Result<(Path, Option<Path>), PathRefusal> {
    let not_a_key = |problem: String| PathRefusal::NotAKey { path: path.to_owned(), problem };
    let decoded = percent_decode_str(relative)
        .decode_utf8()
        .map_err(|_| not_a_key("it does not decode to utf-8".to_owned()))?;
    let key = key(&decoded).map_err(not_a_key)?;
    if *decoded == *relative {
        return Ok((key, None));
    }
    let undecoded = self::key(relative).ok().filter(|raw| *raw != key);
    Ok((key, undecoded))
}

fn outside_of_log(path: &str, part: Option<PathPart<'_>>) -> Result<(), PathRefusal> {
    match part {
        Some(part) if part.as_ref() == LOG_DIRECTORY => Err(PathRefusal::IntoLog { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// A key as a path of the log.
fn encoded(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

fn short_digest(canonical: &str) -> String {
    let mut hex = digest::hex(&Sha256::digest(canonical.as_bytes()));
    hex.truncate(ADOPTED_DIGITS);
    hex
}

/// A literal key: no leading, trailing or doubled `/`, no `.` or `..` segment, no control character.
pub(crate) fn key(literal: &str) -> Result<Path, String> {
    if literal.is_empty() {
        return Err("it is empty".to_owned());
    }
    if literal.starts_with('/') || literal.ends_with('/') {
        return Err("it begins or ends with `/`".to_owned());
    }
    Path::parse(literal).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const ROOT: &str = "s3://bucket/lake/t";

    fn root() -> TableRoot {
        TableRoot::parse(ROOT).expect("root")
    }

    fn in_table(path: &str) -> Result<(String, Option<String>), PathRefusal> {
        let file = locate(path, ROOT, &root())?.file;
        assert_eq!(file.source, SourceObject::InTable(file.target.clone()));
        Ok((file.target.to_string(), file.undecoded.map(|key| key.to_string())))
    }

    fn adopted(path: &str, root: &str) -> Result<Located, PathRefusal> {
        locate(path, root, &TableRoot::parse(root).expect("root").with_files_elsewhere(true))
    }

    #[test]
    fn decoded_exactly_once() {
        let cases = [
            ("part-1.parquet", "part-1.parquet", None),
            ("p=1/a+b.parquet", "p=1/a+b.parquet", None),
            ("_2=bar+%252521/x", "_2=bar+%2521/x", Some("_2=bar+%252521/x")),
            ("p=%C3%BC/x", "p=ü/x", Some("p=%C3%BC/x")),
            ("p=ü/a b", "p=ü/a b", None),
            ("a:b/c", "a:b/c", None),
            ("p=100%/x", "p=100%/x", None),
            ("s3a://bucket/lake/t/p=%20/x", "p= /x", Some("p=%20/x")),
        ];
        for (path, key, undecoded) in cases {
            assert_eq!(in_table(path), Ok((key.to_owned(), undecoded.map(str::to_owned))), "{path}");
        }
    }

    #[test]
    fn refused_by_name() {
        let cases = [
            ("s3://other/x", "outside of its table `s3://bucket/lake/t`"),
            ("s3://other/x", "set `shallow_clone = true`"),
            ("s3://bucket/lake/t", "outside of its table"),
            ("s3://bucket/lake/other/x", "outside of its table"),
            ("//x/y", "where lakedr cannot read it"),
            ("/lake/t/x", "local file of the machine that wrote it"),
            ("hdfs://n/x", "scheme `hdfs` are unknown"),
            ("../x", "no portable object key"),
            ("p/%2e%2e/x", "no portable object key"),
            ("%2Fetc/passwd", "begins or ends with `/`"),
            ("p/", "begins or ends with `/`"),
            ("a//b", "no portable object key"),
            ("a%0Ab", "no portable object key"),
            ("p=%FF/x", "does not decode to utf-8"),
            ("", "it is empty"),
            ("_delta_log/00000000000000000001.json", "points into `_delta_log`"),
            ("%5Fdelta_log/x", "points into `_delta_log`"),
            ("s3://bucket/lake/t/_delta_log/x", "points into `_delta_log`"),
            ("s3://bucket/lake/t/../t2/x", "no portable object key"),
        ];
        for (path, expected) in cases {
            let message = in_table(path).expect_err(path).to_string();
            assert!(message.contains(expected), "{path}: {message}");
        }
    }

    #[test]
    fn files_elsewhere_are_adopted_under_the_digest_of_their_place() {
        let cases = [
            // url of the table, uri, bucket, key there, undecoded key, key at the replica, path at the replica
            ("s3://b/t", "s3a://O/a/x.parquet", "s3://o", "a/x.parquet", None, "74aa/x.parquet", "x.parquet"),
            ("s3://b/t", "s3://b/x%2By", "s3://b", "x+y", Some("x%2By"), "x+y", "x%2By"),
            ("s3://b/t", "gs://o/p=%20/ü#1", "gs://o", "p= /ü#1", Some("p=%20/ü#1"), "ü#1", "%C3%BC%231"),
            (
                "file:///l/t",
                "/l/s/100%25.x",
                "file:///l",
                "s/100%.x",
                Some("s/100%25.x"),
                "100%.x",
                "100%25.x",
            ),
        ];
        for (root, uri, bucket, key, undecoded, name, logged) in cases {
            let located = adopted(uri, root).expect(uri);
            let digest = short_digest(&Place::of(uri).expect(uri).canonical().expect(uri));
            let name = name.rsplit('/').next().expect("name");
            let source = SourceObject::Elsewhere {
                root: bucket.parse().expect("url"),
                key: Path::parse(key).expect("key"),
            };
            assert_eq!(located.file.source, source, "{uri}");
            assert_eq!(located.file.undecoded.as_ref().map(Path::as_ref), undecoded, "{uri}");
            assert_eq!(located.file.target.as_ref(), format!("abs-files/{digest}/{name}"), "{uri}");
            assert_eq!(located.relative, Some(format!("abs-files/{digest}/{logged}")), "{uri}");
            assert_eq!(digest.len(), ADOPTED_DIGITS);
        }
    }

    #[test]
    fn spellings_of_one_place_are_adopted_as_one_file() {
        let spellings = ["file:/l/s/a%20b", "/l/s/a b", "file:///l/s/%61%20b", "FILE:///l/s/a b"];
        let names: BTreeSet<_> =
            spellings.map(|uri| adopted(uri, "file:///l/t").expect(uri).relative).into_iter().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let other = adopted("/l/s2/a b", "file:///l/t").expect("other").relative;
        assert!(!names.contains(&other), "the same name in another directory is another file");
    }

    #[test]
    fn a_declared_shallow_clone_is_not_read_from_anywhere() {
        let cases = [
            ("/etc/passwd", "local file of the machine"),
            ("file:///etc/passwd", "local file of the machine"),
            ("hdfs://n/x", "scheme `hdfs` are unknown"),
            ("dbfs:/x", "scheme `dbfs` are unknown"),
            ("memory:///x", "belongs to the program that wrote it"),
            ("s3://o/../x", "no portable object key"),
            ("s3://o/a/%2e%2e/x", "no portable object key"),
            ("s3://o/a//x", "no portable object key"),
            ("s3://o/a/", "begins or ends with `/`"),
            ("s3://o", "it is empty"),
            ("s3://o/a%0Ab", "no portable object key"),
            ("s3://o/%FF", "does not decode to utf-8"),
            ("s3:/x", "names no bucket"),
            ("s3://user:secret@o/x", "a password"),
            ("s3://o/t/_delta_log/0.json", "points into `_delta_log`"),
        ];
        for (path, expected) in cases {
            let message = adopted(path, ROOT).expect_err(path).to_string();
            assert!(message.contains(expected), "{path}: {message}");
        }
    }

    proptest! {
        /// What a replica logs decodes to the key that it keeps the file under, and is not renamed again.
        #[test]
        fn what_a_replica_logs_leads_to_its_file(
            names in proptest::collection::vec("[^/\\PC]{1,12}", 1..4),
            bucket in prop_oneof!["bucket", "other", "Bucket"],
        ) {
            let key = names.join("/");
            prop_assume!(super::key(&key).is_ok() && names.iter().all(|name| name != LOG_DIRECTORY));
            let place = if bucket == "bucket" { "s3://bucket/lake/t" } else { "s3a://other" };
            let encoded = utf8_percent_encode(&key, ENCODED);
            let located = adopted(&format!("{place}/{encoded}"), ROOT).unwrap();
            prop_assert_eq!(located.file.source.key().as_ref(), key.as_str());
            let logged = located.relative.unwrap();
            let again = locate(&logged, ROOT, &root()).unwrap();
            prop_assert_eq!(again.file.source, SourceObject::InTable(located.file.target));
            prop_assert_eq!(again.relative, None);
        }
    }
}
