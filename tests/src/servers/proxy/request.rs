//! What a request asks of an S3 server, read from its line alone.

use std::fmt;

use hyper::Method;
use hyper::header::CONTENT_LENGTH;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Reads an object or a range of it.
    Get,
    /// Asks for the facts of an object.
    Head,
    /// Lists a page of keys.
    List,
    /// Writes a whole object.
    Put,
    /// Copies an object, or a range of it, inside the server.
    Copy,
    /// Begins an upload in parts.
    BeginUpload,
    /// Writes one part of an upload.
    Part,
    /// Makes the parts of an upload one object.
    CompleteUpload,
    /// Gives an upload up.
    AbortUpload,
    /// Lists uploads, or the parts of one.
    ListUploads,
    /// Deletes one object or several.
    Delete,
    /// Anything else, such as making a bucket.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Get,
        Self::Head,
        Self::List,
        Self::Put,
        Self::Copy,
        Self::BeginUpload,
        Self::Part,
        Self::CompleteUpload,
        Self::AbortUpload,
        Self::ListUploads,
        Self::Delete,
        Self::Other,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Put => "put",
            Self::Copy => "copy",
            Self::BeginUpload => "begin upload",
            Self::Part => "part",
            Self::CompleteUpload => "complete upload",
            Self::AbortUpload => "abort upload",
            Self::ListUploads => "list uploads",
            Self::Delete => "delete",
            Self::Other => "other",
        })
    }
}

/// A request, as far as counting and faults go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// What it does.
    pub(super) kind: Kind,
    /// Bucket and key, or bucket and listed prefix, decoded.
    pub(super) place: String,
    /// Bytes that it brings to the server.
    pub(super) bytes: u64,
}

impl Asked {
    /// Reads the parts of a request.
    pub(super) fn of(parts: &Parts) -> Self {
        let query = Query(parts.uri.query().unwrap_or_default());
        let path = decoded(parts.uri.path());
        let path = path.trim_start_matches('/');
        let of_object = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
        let copies = parts.headers.contains_key("x-amz-copy-source");
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            kind: kind(&parts.method, &query, of_object, copies),
            place: match query.value("prefix").filter(|_| !of_object) {
                Some(prefix) => format!("{}/{prefix}", path.trim_end_matches('/')),
                None => path.to_owned(),
            },
            bytes: length.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.place)
    }
}

fn kind(method: &Method, query: &Query<'_>, of_object: bool, copies: bool) -> Kind {
    let upload = query.has("uploadId");
    match (method.as_str(), of_object) {
        ("GET", true) if upload => Kind::ListUploads,
        ("GET", true) => Kind::Get,
        ("HEAD", true) => Kind::Head,
        ("PUT", true) if copies => Kind::Copy,
        ("PUT", true) if upload => Kind::Part,
        ("PUT", true) => Kind::Put,
        ("POST", true) if upload => Kind::CompleteUpload,
        ("POST", true) if query.has("uploads") => Kind::BeginUpload,
        ("DELETE", true) if upload => Kind::AbortUpload,
        ("DELETE", true) => Kind::Delete,
        ("GET", false) if query.has("uploads") => Kind::ListUploads,
        ("GET", false) => Kind::List,
        ("POST", false) if query.has("delete") => Kind::Delete,
        _ => Kind::Other,
    }
}

struct Query<'a>(&'a str);

impl Query<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    fn has(&self, name: &str) -> bool {
        self.pairs().any(|(key, _)| key == name)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.pairs().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn asked(method: &str, uri: &str) -> (Kind, String) {
        let (parts, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        let Asked { kind, place, .. } = Asked::of(&parts);
        (kind, place)
    }

    #[test]
    fn a_request_is_known_by_its_line() {
        for (method, uri, kind, place) in [
            ("GET", "/b/t/a%3D1/x.parquet", Kind::Get, "b/t/a=1/x.parquet"),
            ("HEAD", "/b/x", Kind::Head, "b/x"),
            ("GET", "/b?list-type=2&prefix=t%2F_delta_log%2F", Kind::List, "b/t/_delta_log/"),
            ("GET", "/b/?list-type=2&prefix=t%2F", Kind::List, "b/t/"),
            ("PUT", "/b/x", Kind::Put, "b/x"),
            ("PUT", "/b/x?partNumber=1&uploadId=7", Kind::Part, "b/x"),
            ("POST", "/b/x?uploads", Kind::BeginUpload, "b/x"),
            ("POST", "/b/x?uploadId=7", Kind::CompleteUpload, "b/x"),
            ("DELETE", "/b/x?uploadId=7", Kind::AbortUpload, "b/x"),
            ("GET", "/b/?uploads", Kind::ListUploads, "b/"),
            ("POST", "/b/?delete", Kind::Delete, "b/"),
            ("PUT", "/b", Kind::Other, "b"),
        ] {
            assert_eq!(asked(method, uri), (kind, place.to_owned()), "{method} {uri}");
        }
    }

    #[test]
    fn a_copy_and_a_size_are_known_by_their_headers() {
        let request = Request::put("/b/x").header("x-amz-copy-source", "/a/x").body(()).unwrap();
        assert_eq!(Asked::of(&request.into_parts().0).kind, Kind::Copy);
        let request = Request::put("/b/x").header("content-length", "7").body(()).unwrap();
        assert_eq!(Asked::of(&request.into_parts().0).bytes, 7);
    }
}
