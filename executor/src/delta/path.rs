//! Paths of the log → object keys below the table root (protocol, "Add File and Remove File").
//!
//! `path` is a URI reference: decoded exactly once it is the key. The raw string is the identity of a file
//! and is never re-encoded.

use std::borrow::Cow;

use object_store::path::Path;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::log_name::LOG_DIRECTORY;
use super::root::{TableRoot, is_absolute};

/// Why a file of a table cannot be cloned under its path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathRefusal {
    /// The file belongs to another table or directory: a shallow clone's source, for example.
    #[error(
        "file `{path}` lies outside of its table `{root}`; shallow clones are not carried, deep-clone the \
         table first"
    )]
    OutsideRoot {
        /// The path as logged.
        path: String,
        /// Url of the table.
        root: String,
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

/// A file of the log, located.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<'a> {
    /// The path relative to the table root, encoded as it was logged.
    pub relative: Cow<'a, str>,
    /// Its object key below the table root.
    pub key: Path,
    /// The key that a writer which forgot to encode `%` would have used; worth a try on "not found".
    pub undecoded: Option<Path>,
}

/// Locates a logged path below the table root.
///
/// # Errors
/// A [`PathRefusal`] when the file lies elsewhere, or where no data file may lie.
pub fn locate<'a>(path: &'a str, root_url: &str, root: &TableRoot) -> Result<Located<'a>, PathRefusal> {
    let relative = if is_absolute(path) {
        root.relative(path)
            .ok_or_else(|| PathRefusal::OutsideRoot { path: path.to_owned(), root: root_url.to_owned() })?
    } else {
        path
    };
    let not_a_key = |problem: String| PathRefusal::NotAKey { path: path.to_owned(), problem };
    let decoded = percent_decode_str(relative)
        .decode_utf8()
        .map_err(|_| not_a_key("it does not decode to utf-8".to_owned()))?;
    let key = key(&decoded).map_err(not_a_key)?;
    if key.parts().next().is_some_and(|first| first.as_ref() == LOG_DIRECTORY) {
        return Err(PathRefusal::IntoLog { path: path.to_owned() });
    }
    let undecoded = self::key(relative).ok().filter(|raw| *raw != key);
    Ok(Located { relative: Cow::Borrowed(relative), key, undecoded })
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
    use super::*;

    const ROOT: &str = "s3://bucket/lake/t";

    fn located(path: &str) -> Result<(String, Option<String>), PathRefusal> {
        let root = TableRoot::parse(ROOT).expect("root");
        let located = locate(path, ROOT, &root)?;
        Ok((located.key.to_string(), located.undecoded.map(|key| key.to_string())))
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
            assert_eq!(located(path), Ok((key.to_owned(), undecoded.map(str::to_owned))), "{path}");
        }
    }

    #[test]
    fn refused_by_name() {
        let cases = [
            ("s3://other/x", "shallow clones are not carried"),
            ("//x/y", "lies outside"),
            ("/lake/t/x", "lies outside"),
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
        ];
        for (path, expected) in cases {
            let message = located(path).expect_err(path).to_string();
            assert!(message.contains(expected), "{path}: {message}");
        }
    }
}
