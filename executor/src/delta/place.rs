//! Absolute URIs of a log, taken apart: which kind of store, which bucket, which key.
//!
//! One place has many spellings (`/x`, `file:/x` and `file:///x`; `s3` and `s3a`; the case of a host; percent
//! escapes). They are compared, and named at a replica, in one canonical form.

use lakedr_control::location::StoreUrl;
use percent_encoding::percent_decode_str;

/// An absolute URI in comparable form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    family: Family,
    /// Bucket, or container and account; in lower case, empty for local files.
    authority: String,
    /// Decoded segments of the path.
    segments: Vec<Vec<u8>>,
}

/// Schemes that mean the same kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    File,
    S3,
    Azure,
    Gcs,
    Memory,
}

impl Family {
    fn of(scheme: &str) -> Option<Self> {
        Some(match scheme.to_ascii_lowercase().as_str() {
            "file" => Self::File,
            "s3" | "s3a" | "s3n" => Self::S3,
            "abfs" | "abfss" | "az" | "azure" | "adl" | "wasb" | "wasbs" => Self::Azure,
            "gs" | "gcs" => Self::Gcs,
            "memory" => Self::Memory,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::S3 => "s3",
            Self::Azure => "azure",
            Self::Gcs => "gs",
            Self::Memory => "memory",
        }
    }
}

impl Place {
    /// Takes an absolute URI apart; `None` when its scheme is unknown, or when it names an authority without a scheme.
    pub(crate) fn of(uri: &str) -> Option<Self> {
        if uri.starts_with("//") {
            return None;
        }
        let (prefix, path) = split(uri)?;
        let (scheme, authority) = prefix.split_once("://").or_else(|| prefix.split_once(':'))?;
        let family = Family::of(scheme)?;
        let segments = match below_authority(family, path) {
            "" => Vec::new(),
            path => path.split('/').map(|segment| percent_decode_str(segment).collect()).collect(),
        };
        Some(Self { family, authority: authority.to_ascii_lowercase(), segments })
    }

    /// The place without an empty end, which is what a trailing slash leaves.
    pub(crate) fn without_trailing_slash(mut self) -> Self {
        while self.segments.last().is_some_and(Vec::is_empty) {
            self.segments.pop();
        }
        self
    }

    /// Whether both are in the same bucket, or both are local.
    pub(crate) fn shares_bucket(&self, other: &Self) -> bool {
        (self.family, &self.authority) == (other.family, &other.authority)
    }

    /// Whether it is a file of the machine that looks at it.
    pub(crate) fn is_local(&self) -> bool {
        self.family == Family::File
    }

    /// Number of segments that lead to `below`, when that lies below this place in the same bucket.
    pub(crate) fn depth_above(&self, below: &Self) -> Option<usize> {
        let contains = self.shares_bucket(below)
            && below.segments.len() > self.segments.len()
            && below.segments.starts_with(&self.segments);
        contains.then_some(self.segments.len())
    }

    /// The text that all spellings of the place share: `<family>://<authority>/<decoded path>`. `None` when the path
    /// does not decode to UTF-8.
    pub(crate) fn canonical(&self) -> Option<String> {
        Some(format!("{}://{}/{}", self.family.name(), self.authority, self.decoded()?))
    }

    /// The decoded path below the authority.
    fn decoded(&self) -> Option<String> {
        String::from_utf8(self.segments.join(&b'/')).ok()
    }

    /// The URL that a store is opened by, and the decoded key below it. For a local file that is the topmost
    /// directory, because a URL has to name one.
    pub(crate) fn bucket(&self) -> Result<(StoreUrl, String), String> {
        let decoded = self.decoded().ok_or("it does not decode to utf-8")?;
        let (root, key) = match self.family {
            Family::File => {
                let (top, key) = decoded.split_once('/').ok_or("it lies in no directory")?;
                (format!("file://{}/{top}", self.authority), key.to_owned())
            }
            Family::S3 => (format!("s3://{}", self.authority), decoded),
            Family::Gcs => (format!("gs://{}", self.authority), decoded),
            Family::Azure if self.authority.contains('@') => (format!("abfss://{}", self.authority), decoded),
            Family::Azure => (format!("az://{}", self.authority), decoded),
            Family::Memory => return Err("a store in memory belongs to the program that wrote it".to_owned()),
        };
        let root = root.parse::<StoreUrl>().map_err(|error| error.to_string())?;
        Ok((root, key))
    }
}

/// The key of [`Place::bucket`] as the URI spells it, without decoding.
pub(crate) fn undecoded_key(uri: &str) -> Option<&str> {
    let (prefix, _) = split(uri)?;
    let local = Family::of(prefix.split(':').next()?)? == Family::File;
    below(uri, usize::from(local))
}

/// Local paths may begin with any number of slashes; elsewhere a second one belongs to the key.
fn below_authority(family: Family, path: &str) -> &str {
    match family {
        Family::File => path.trim_start_matches('/'),
        _ => path.strip_prefix('/').unwrap_or(path),
    }
}

/// The part of an absolute URI behind its first `depth` segments, as it was written.
pub(crate) fn below(uri: &str, depth: usize) -> Option<&str> {
    let (prefix, path) = split(uri)?;
    let family = Family::of(prefix.split(':').next()?)?;
    let mut rest = below_authority(family, path);
    for _ in 0..depth {
        rest = rest.split_once('/')?.1;
    }
    Some(rest)
}

/// Splits an absolute URI into `scheme:[//authority]` and path. A path without a scheme is a local file,
/// as it is for Hadoop's default file system.
pub(crate) fn split(uri: &str) -> Option<(&str, &str)> {
    if uri.starts_with('/') {
        return Some(("file:", uri));
    }
    let colon = uri.find(':')?;
    let after = uri.get(colon + 1..)?;
    match after.strip_prefix("//") {
        Some(rest) => {
            let authority = rest.find('/').unwrap_or(rest.len());
            Some(uri.split_at(colon + 3 + authority))
        }
        None => Some(uri.split_at(colon + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(uri: &str) -> Option<String> {
        Place::of(uri)?.canonical()
    }

    #[test]
    fn spellings_of_one_place_share_a_text() {
        let cases = [
            (&["/a/b c", "file:/a/b%20c", "file:///a/b%20c", "FILE:///a/%62 c"][..], "file:///a/b c"),
            (&["s3://B/x/%C3%BC", "s3a://b/x/ü", "S3N://b/x/%c3%bc"], "s3://b/x/ü"),
            (&["gs://b/x", "gcs://b/x"], "gs://b/x"),
            (
                &["abfss://c@A.dfs.core.windows.net/x", "abfs://c@a.dfs.core.windows.net/x"],
                "azure://c@a.dfs.core.windows.net/x",
            ),
        ];
        for (spellings, expected) in cases {
            for spelling in spellings {
                assert_eq!(canonical(spelling).as_deref(), Some(expected), "{spelling}");
            }
        }
        for other in ["hdfs://n/x", "dbfs:/x", "//h/x", "x", "s3://b/%FF"] {
            assert_eq!(canonical(other), None, "{other}");
        }
        assert_ne!(canonical("s3://b/X"), canonical("s3://b/x"), "keys have a case");
        assert_ne!(canonical("s3://b//x"), canonical("s3://b/x"), "keys may have empty segments");
    }

    #[test]
    fn a_bucket_and_a_key() {
        let cases = [
            ("/lake/a/b", "file:///lake", "a/b"),
            ("s3a://b/a%20b/c", "s3://b", "a b/c"),
            ("gcs://b/a", "gs://b", "a"),
            ("wasbs://c@a.blob.core.windows.net/x/y", "abfss://c@a.blob.core.windows.net", "x/y"),
            ("azure://c/x", "az://c", "x"),
        ];
        for (uri, root, key) in cases {
            let (found, below) = Place::of(uri).expect(uri).bucket().expect(uri);
            assert_eq!((found.as_str(), below.as_str()), (root, key), "{uri}");
        }
        for (uri, problem) in [
            ("/x", "no directory"),
            ("memory:///x", "memory"),
            ("file://host/a/x", "names a host"),
            ("s3:/x", "names no bucket"),
            ("s3://b/%FF", "utf-8"),
        ] {
            let refused = Place::of(uri).expect(uri).bucket().expect_err(uri);
            assert!(refused.contains(problem), "{uri}: {refused}");
        }
    }
}
