//! Storage URLs: `file:///…`, `s3://bucket/prefix`, `abfss://container@account.dfs.core.windows.net/prefix`,
//! `az://container/prefix`, `gs://bucket/prefix`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::id::TableName;
use crate::local_path;

/// Kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// A local directory.
    File,
    /// Amazon S3 and servers that speak its protocol.
    S3,
    /// Azure Data Lake Storage and Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

/// Why a text is not a [`StoreUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL at all.
    #[error("{given:?} is not a URL ({cause}): {EXPECTED}")]
    Malformed {
        /// The text as it was given.
        given: String,
        /// What the URL parser says.
        cause: url::ParseError,
    },
    /// A scheme that names no store that lakedr can use.
    #[error("{given:?} has the scheme {scheme:?}: {EXPECTED}")]
    Scheme {
        /// The text as it was given.
        given: String,
        /// Its scheme.
        scheme: String,
    },
    /// The part that names bucket, container or directory is missing or wrong.
    #[error("{given:?} {problem}: {EXPECTED}")]
    Authority {
        /// The text as it was given.
        given: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A password, a query or a fragment. The text is not repeated, it may hold a secret.
    #[error(
        "the URL holds {what}, which is not allowed because it may be a secret (the URL is not shown): \
         give credentials through the environment, storage_options or secret_options"
    )]
    Extra {
        /// Password, query or fragment.
        what: &'static str,
    },
}

const EXPECTED: &str = "write file:///dir, s3://bucket/prefix, abfss://container@account.dfs.core.windows.net/prefix, \
                        az://container/prefix or gs://bucket/prefix";

/// The URL of a place in a store, without trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The URL as text, without trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of store.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        match self.0.split(':').next() {
            Some("file") => StoreKind::File,
            Some("gs") => StoreKind::Gcs,
            Some("s3" | "s3a") => StoreKind::S3,
            _ => StoreKind::Azure,
        }
    }

    /// Bucket (S3, GCS) or container with its account (Azure); empty for local directories.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.split().0
    }

    /// Everything behind the authority, decoded, without leading and trailing slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split_once('/').unwrap_or((rest, ""))
    }

    /// The URL of something below this place. `below` is a key with `/` between its segments.
    #[must_use]
    pub fn join(&self, below: &str) -> Self {
        Self(format!("{}/{}", self.0, below.trim_matches('/')))
    }

    /// URL of a table below a table root: `<root>/<catalog>/<schema>/<table>`.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Self {
        self.join(&name.parts().join("/"))
    }

    /// Whether one of the two places lies in the other, or they are the same.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.holds(other) || other.holds(self)
    }

    /// Whether the other place is this one, or lies in it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        let ((scheme, place), (other_scheme, other)) = (self.comparable(), other.comparable());
        let below = other.strip_prefix(place);
        scheme == other_scheme && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// A text that begins those of all places in this one, and of no other, so that they stand together when sorted.
    pub(crate) fn ordered(&self) -> String {
        let (scheme, place) = self.comparable();
        format!("{scheme}://{place}/")
    }

    /// Scheme and place, the same for all spellings.
    fn comparable(&self) -> (&str, &str) {
        match self.0.split_once("://") {
            Some(("s3a", place)) => ("s3", place),
            Some(parsed) => parsed,
            // every URL has a scheme
            None => ("", &self.0),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = InvalidUrl;

    fn from_str(given: &str) -> Result<Self, InvalidUrl> {
        let url =
            Url::parse(given).map_err(|cause| InvalidUrl::Malformed { given: given.to_owned(), cause })?;
        let authority = |problem| InvalidUrl::Authority { given: given.to_owned(), problem };
        for (present, what) in [
            (url.password().is_some(), "a password"),
            (url.query().is_some(), "a query"),
            (url.fragment().is_some(), "a fragment"),
        ] {
            if present {
                return Err(InvalidUrl::Extra { what });
            }
        }
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "file" if !host.is_empty() => return Err(authority("names a host, a local directory has none")),
            "file" if url.path().len() < 2 => return Err(authority("names no directory")),
            "file" => {}
            "s3" | "s3a" | "gs" | "az" if host.is_empty() => {
                return Err(authority("names no bucket or container"));
            }
            "s3" | "s3a" | "gs" | "az" if !url.username().is_empty() => {
                return Err(authority("has a user part, which belongs to abfss URLs only"));
            }
            "s3" | "s3a" | "gs" | "az" => {}
            "abfss" | "abfs" if url.username().is_empty() || host.is_empty() => {
                return Err(authority("does not name a container and an account"));
            }
            "abfss" | "abfs" => {}
            other => return Err(InvalidUrl::Scheme { given: given.to_owned(), scheme: other.to_owned() }),
        }
        if !given.contains("://") {
            return Err(authority("lacks `//` behind its scheme"));
        }
        if url.scheme() == "file" && given.contains('\\') {
            return Err(authority("holds a backslash, write `/`"));
        }
        if given.split('/').skip(3).any(|segment| segment == "." || segment == "..") {
            return Err(authority("holds `.` or `..`"));
        }
        let given = given.trim_end_matches('/');
        Ok(Self(match given.strip_prefix("file://") {
            // what becomes of "file://${path.cwd}" on Windows
            Some(path) if local_path::begins_with_drive(path) => format!("file:///{path}"),
            _ => given.to_owned(),
        }))
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = InvalidUrl;
    fn try_from(given: String) -> Result<Self, InvalidUrl> {
        given.parse()
    }
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> Self {
        url.0
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        for (given, kind, authority, path) in [
            ("file:///srv/lake/", StoreKind::File, "", "srv/lake"),
            ("file:///C:/lake", StoreKind::File, "", "C:/lake"),
            ("file://C:/lake/", StoreKind::File, "", "C:/lake"),
            ("s3://bucket", StoreKind::S3, "bucket", ""),
            ("s3://bucket/a/b/", StoreKind::S3, "bucket", "a/b"),
            ("abfss://c@acc.dfs.core.windows.net/x", StoreKind::Azure, "c@acc.dfs.core.windows.net", "x"),
            ("az://container/p", StoreKind::Azure, "container", "p"),
            ("gs://bucket/p", StoreKind::Gcs, "bucket", "p"),
        ] {
            let url: StoreUrl = given.parse().unwrap();
            assert_eq!((url.kind(), url.authority(), url.path()), (kind, authority, path), "{given}");
        }
    }

    #[test]
    fn bad_urls_say_how_to_write_one() {
        for bad in [
            "",
            "lake",
            "/srv/lake",
            "ftp://x/y",
            "s3:///x",
            "file://host/x",
            "file:///",
            r"file:///C:\lake",
            r"file:///srv/a\..\b",
            "s3:bucket",
            "s3://b/../c",
            "abfss://acc.dfs.core.windows.net/x",
            "gs://user@bucket/x",
        ] {
            let message = bad.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(message.contains("s3://bucket/prefix"), "{bad}: {message}");
        }
    }

    #[test]
    fn secrets_in_urls_are_refused_and_not_repeated() {
        for bad in ["s3://key:hunter2@bucket/x", "az://c/x?sig=hunter2", "gs://b/x#hunter2"] {
            let message = bad.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn overlap() {
        let url = |text: &str| text.parse::<StoreUrl>().unwrap();
        assert!(url("s3://b/a").overlaps(&url("s3://b/a/b/")));
        assert!(url("s3a://b/a").overlaps(&url("s3://b/a")));
        assert!(!url("s3://b/a").overlaps(&url("s3://b/ab")));
        assert!(url("s3://b/a").holds(&url("s3a://b/a/b")) && !url("s3://b/a/b").holds(&url("s3://b/a")));
        assert_eq!(
            url("s3://b/lake/").table(&"cat.raw.t".parse().unwrap()).as_str(),
            "s3://b/lake/cat/raw/t"
        );
    }
}
