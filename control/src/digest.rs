//! Digests of documents: SHA-256 over RFC 8785 canonical JSON.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A value that has no JSON form. Documents are made of strings, numbers, lists and maps with string keys, so
/// this is a bug of lakedr.
#[derive(Debug, thiserror::Error)]
#[error("a document has no canonical JSON form; this is a bug of lakedr, please report it")]
pub struct NotCanonical(#[source] pub(crate) serde_json::Error);

/// Canonical JSON (RFC 8785) of a value: equal values have equal bytes.
///
/// # Errors
/// When the value has no JSON form.
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(NotCanonical)
}

/// `sha256:` and 64 hex digits over the canonical JSON of a value.
///
/// # Errors
/// When the value has no JSON form.
pub fn of_json(value: &impl Serialize) -> Result<String, NotCanonical> {
    Ok(of_bytes(&canonical_json(value)?))
}

/// `sha256:` and 64 hex digits over bytes.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    text.push_str(&hex(&Sha256::digest(bytes)));
    text
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing into a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_ignores_order_and_space() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":[0.02,"x"]}"#).unwrap();
        let b: serde_json::Value = serde_json::from_str(r#"{ "a" : [ 0.020, "x" ], "b" : 1 }"#).unwrap();
        assert_eq!(canonical_json(&a).unwrap(), br#"{"a":[0.02,"x"],"b":1}"#);
        assert_eq!(of_json(&a).unwrap(), of_json(&b).unwrap());
        assert_eq!(of_bytes(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
