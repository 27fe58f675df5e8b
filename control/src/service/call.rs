use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::secret::Secret;

/// What stands for itself in a segment of a path (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One question.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) hidden: Option<Secret>,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
    pub(super) content_type: Option<&'static str>,
    pub(super) headers: Vec<(String, Secret)>,
}

impl Call {
    /// Reads something. `path` begins with a slash, and is encoded already.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Reads what lies at a path, of which each segment is encoded here.
    #[must_use]
    pub fn get_at(segments: &[&str]) -> Self {
        Self::get(encoded(segments))
    }

    /// Makes something at a path, of which each segment is encoded here.
    #[must_use]
    pub fn post_at(segments: &[&str]) -> Self {
        Self::post(encoded(segments))
    }

    /// Changes what lies at a path, of which each segment is encoded here.
    #[must_use]
    pub fn patch_at(segments: &[&str]) -> Self {
        Self::patch(encoded(segments))
    }

    /// Makes something.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Changes something.
    #[must_use]
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// Removes something.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        let (path, query) = (path.into(), String::new());
        Self { method, path, hidden: None, query, body: Vec::new(), content_type: None, headers: Vec::new() }
    }

    /// The question with the rest of path and query, which is a secret: no error and no log line shows it, nor what the
    /// service says of an error, which may repeat it.
    #[must_use]
    pub fn at_hidden(self, rest: Secret) -> Self {
        Self { hidden: Some(rest), ..self }
    }

    /// The question with a query; no error and no log line shows it.
    #[must_use]
    pub fn with_query(self, pairs: &[(&str, &str)]) -> Self {
        Self { query: form(pairs), ..self }
    }

    /// The question with a header of its own; no error and no log line shows its value.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Secret) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }

    /// The question with a JSON body.
    ///
    /// # Errors
    /// When the body has no JSON form.
    pub fn with_json(self, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { body: serde_json::to_vec(body)?, content_type: Some("application/json"), ..self })
    }

    /// The question with the body of a form.
    #[must_use]
    pub fn with_form(self, fields: &[(&str, &str)]) -> Self {
        let content_type = Some("application/x-www-form-urlencoded");
        Self { body: form(fields).into_bytes(), content_type, ..self }
    }
}

fn encoded(segments: &[&str]) -> String {
    segments.iter().map(|segment| format!("/{}", utf8_percent_encode(segment, SEGMENT))).collect()
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_encoded() {
        let call = Call::post("/t").with_form(&[("grant_type", "a b"), ("scope", "x&y")]);
        assert_eq!(call.body, b"grant_type=a+b&scope=x%26y");
        let call = Call::get_at(&["api", "v1", "dags", "a/b c", "dag.Runs"]).with_query(&[("q", "1&2")]);
        assert_eq!((call.path.as_str(), call.query.as_str()), ("/api/v1/dags/a%2Fb%20c/dag.Runs", "q=1%262"));
    }
}
