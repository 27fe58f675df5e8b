//! The root of a table, and which absolute URIs lie under it.

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

use super::place::{Place, below, split};

/// Where a table lives, comparable with the absolute URIs of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRoot {
    place: Place,
    files_elsewhere: bool,
}

/// The url of a table is not one that a table can live at.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("table url `{url}` is not usable: {problem}; give file:///…, s3://…, abfss://… or gs://…")]
pub struct RootError {
    /// The url.
    pub url: String,
    /// What is wrong with it.
    pub problem: String,
}

impl TableRoot {
    /// Parses the url of a table.
    ///
    /// # Errors
    /// [`RootError`] when the text is no absolute url of a storage that this program knows.
    pub fn parse(url: &str) -> Result<Self, RootError> {
        let refuse = |problem: String| RootError { url: url.to_owned(), problem };
        let parsed = Url::parse(url).map_err(|error| refuse(error.to_string()))?;
        let place = Place::of(parsed.as_str())
            .ok_or_else(|| refuse(format!("unknown scheme `{}`", parsed.scheme())))?;
        Ok(Self { place: place.without_trailing_slash(), files_elsewhere: false })
    }

    /// Says whether the log may name files outside of this root. It may not unless the table is declared to be a
    /// shallow clone: a log must not make its reader fetch arbitrary files.
    #[must_use]
    pub fn with_files_elsewhere(self, files_elsewhere: bool) -> Self {
        Self { files_elsewhere, ..self }
    }

    /// Whether the log may name files outside of this root.
    #[must_use]
    pub fn may_have_files_elsewhere(&self) -> bool {
        self.files_elsewhere
    }

    /// The part of an absolute URI below this root, still percent-encoded as it was written; `None` when
    /// the URI points elsewhere or at the root itself.
    #[must_use]
    pub fn relative<'a>(&self, uri: &'a str) -> Option<&'a str> {
        below(uri, self.place.depth_above(&Place::of(uri)?)?)
    }

    /// Whether the table is in a directory of this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.place.is_local()
    }
}

/// Whether a path of the log is an absolute URI or an absolute path, and not relative to the table root.
///
/// `a:b/c` is a relative file name with a colon: a scheme counts only when `:/` follows it.
#[must_use]
pub fn is_absolute(path: &str) -> bool {
    if path.starts_with('/') {
        return true;
    }
    path.split_once(':').is_some_and(|(scheme, rest)| {
        let mut letters = scheme.bytes();
        let first = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
        let others = letters.all(|letter| letter.is_ascii_alphanumeric() || b"+-.".contains(&letter));
        first && others && rest.starts_with('/')
    })
}

/// The form in which absolute URIs are compared: `/x`, `file:/x` and `file:///x` are one file, and percent
/// escapes do not matter. Relative paths are returned as they are: their identity is the raw string.
#[must_use]
pub fn canonical(path: &str) -> String {
    if !is_absolute(path) {
        return path.to_owned();
    }
    let Some((prefix, rest)) = split(path) else { return path.to_owned() };
    let (scheme, authority) =
        prefix.split_once("://").or_else(|| prefix.split_once(':')).unwrap_or((prefix, ""));
    let decoded = percent_decode_str(rest).decode_utf8();
    let segments = decoded.as_deref().unwrap_or(rest).trim_start_matches('/');
    format!("{}://{authority}/{segments}", scheme.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_local_file_has_one_canonical_form() {
        for alias in ["/a/p@%23h x", "file:/a/p@%23h%20x", "file:///a/p@%23h%20x"] {
            assert_eq!(canonical(alias), "file:///a/p@#h x", "{alias}");
        }
        for relative in ["a%20b", "a:b/c", "part=1/x+y", "ts=2021-01-01 00:00/x", ""] {
            assert_eq!(canonical(relative), relative);
        }
        assert_eq!(canonical("s3://b/x"), "s3://b/x");
    }

    #[test]
    fn below_the_root_or_elsewhere() {
        let cases = [
            ("file:///lake/t%20a", "/lake/t a/x%2By", Some("x%2By")),
            ("file:///lake/t", "file:/lake/t/p=1/x", Some("p=1/x")),
            ("file:///lake/t/", "file:///lake/t/x", Some("x")),
            ("s3://b/lake/t", "s3a://b/lake/t/x", Some("x")),
            ("s3://b/lake/t", "s3a://other/lake/t/x", None),
            ("s3://b/lake/t", "s3://b/lake/t2/x", None),
            ("s3://b/lake/t", "s3://b/lake/t", None),
            ("s3://b/lake/t", "/lake/t/x", None),
            ("s3://b/lake/t", "s3://b/lake//t/x", None),
            ("s3://b/lake/t", "s3://b//lake/t/x", None),
            ("file:///lake/t", "file:////lake/t/x", Some("x")),
            ("s3://b", "S3A://B/p=1/x", Some("p=1/x")),
            ("abfss://c@a.dfs.core.windows.net/t", "abfs://c@a.dfs.core.windows.net/t/x", Some("x")),
        ];
        for (root, uri, expected) in cases {
            assert_eq!(TableRoot::parse(root).expect("root").relative(uri), expected, "{root} {uri}");
        }
        let error = TableRoot::parse("hdfs://a/b").expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "table url `hdfs://a/b` is not usable: unknown scheme `hdfs`; give file:///…, s3://…, abfss://… or gs://…"
        );
        assert!(TableRoot::parse("lake/t").is_err());
    }
}
