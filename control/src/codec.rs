//! The envelope of a document in the control store, and its versions.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |
//!
//! Unknown fields of a format this program knows are an error; a newer format is refused with the version of
//! lakedr to install.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::spec::{Kind, Spec};

/// Newest format of control documents that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// A document of the control store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Document<S> {
    /// Kind of the spec.
    pub kind: String,
    /// Version of the document format.
    pub format: u32,
    /// Name of the document; the same as in the spec.
    pub name: String,
    /// Rises by one with each change.
    pub generation: u64,
    /// `sha256:` digest over the canonical JSON of `spec`.
    pub digest: String,
    /// Who wrote it.
    pub written_by: Writer,
    /// When it was written.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub written_at: DateTime<Utc>,
    /// What the operator wants.
    pub spec: S,
}

/// Who wrote a control document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Writer {
    /// Version of the provider.
    pub provider: String,
    /// Region that the provider was configured for.
    pub region: String,
}

/// Why bytes are not a document that this program can use.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A format that only a newer program knows.
    #[error(
        "{key}: format {found} of this {what} is newer than this program knows (up to {known}); \
         written by lakedr {writer}, install that version or a newer one"
    )]
    NewerFormat {
        /// Where it lies.
        key: String,
        /// What it is.
        what: &'static str,
        /// Its format.
        found: u64,
        /// Newest known format.
        known: u32,
        /// Version that wrote it, as far as the document says.
        writer: String,
    },
    /// No document at all, or one with fields this program does not know.
    #[error("{key}: this {what} cannot be read; it was damaged or changed by hand, {}", remedy(what))]
    Malformed {
        /// Where it lies.
        key: String,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it, and where.
        #[source]
        cause: serde_json::Error,
    },
    /// The content does not match what the document says of itself.
    #[error(
        "{key}: {field} says {says:?} but the document holds {holds:?}; it was changed by hand or damaged, restore it with `terraform apply`"
    )]
    Inconsistent {
        /// Where it lies.
        key: String,
        /// Which field.
        field: &'static str,
        /// What the field says.
        says: String,
        /// What is true.
        holds: String,
    },
}

fn remedy(what: &str) -> &'static str {
    match what {
        "group log entry" => "restore that object from a version or a backup of the external location",
        "snapshot catalog" | "snapshot document" => {
            "restore that object from a version or a backup of the external location"
        }
        "run record" => "restore that object, or delete it if its run does not matter any more",
        "claim on a drill" => "delete it when no drill of the group is under way",
        "report of a drill" => {
            "restore that object from a version of the bucket, or delete its folder: it is evidence only"
        }
        "verification" => "it counts as none; verify again",
        _ => "restore it from Terraform with `terraform apply` or `lakedr state rebuild --overwrite`",
    }
}

/// What of a document can be read whatever its format.
#[derive(Deserialize)]
struct Header {
    format: u64,
    #[serde(default)]
    written_by: Option<HeaderWriter>,
    #[serde(default)]
    by: Option<HeaderWriter>,
}

#[derive(Deserialize)]
struct HeaderWriter {
    #[serde(default, alias = "executor")]
    provider: Option<String>,
}

/// Refuses a document of a newer format before anything else of it is looked at.
///
/// # Errors
/// [`DecodeError::NewerFormat`], or [`DecodeError::Malformed`] when there is no format to read.
pub fn check_format(key: &str, what: &'static str, known: u32, bytes: &[u8]) -> Result<(), DecodeError> {
    let header: Header = serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
        key: key.to_owned(),
        what,
        cause,
    })?;
    if header.format > u64::from(known) {
        let writer = header.written_by.or(header.by).and_then(|by| by.provider);
        return Err(DecodeError::NewerFormat {
            key: key.to_owned(),
            what,
            found: header.format,
            known,
            writer: writer.unwrap_or_else(|| "of an unknown version".to_owned()),
        });
    }
    Ok(())
}

impl<S: Spec> Document<S> {
    /// A document that holds `spec`.
    ///
    /// # Errors
    /// When the spec has no canonical form (a bug).
    pub fn new(
        spec: S,
        generation: u64,
        written_by: Writer,
        written_at: DateTime<Utc>,
    ) -> Result<Self, digest::NotCanonical> {
        Ok(Self {
            kind: S::KIND.tag().to_owned(),
            format: FORMAT,
            name: spec.name().to_owned(),
            generation,
            digest: digest::of_json(&spec)?,
            written_by,
            written_at,
            spec,
        })
    }

    /// Reads a document and checks everything it says of itself.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = document_noun(S::KIND);
        check_format(key, what, FORMAT, bytes)?;
        let document: Self = serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what,
            cause,
        })?;
        let digest = digest::of_json(&document.spec).unwrap_or_default();
        for (field, says, holds) in [
            ("kind", document.kind.as_str(), S::KIND.tag()),
            ("name", document.name.as_str(), document.spec.name()),
            ("digest", document.digest.as_str(), digest.as_str()),
        ] {
            if says != holds {
                let (says, holds) = (says.to_owned(), holds.to_owned());
                return Err(DecodeError::Inconsistent { key: key.to_owned(), field, says, holds });
            }
        }
        Ok(document)
    }

    /// The bytes that are stored: readable JSON with a final line end.
    ///
    /// # Errors
    /// When the spec has no JSON form (a bug).
    pub fn encode(&self) -> Result<Vec<u8>, digest::NotCanonical> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(digest::NotCanonical)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn document_noun(kind: Kind) -> &'static str {
    match kind {
        Kind::ExternalLocation => "external location document",
        Kind::SyncGroup => "sync group document",
        Kind::SnapshotSchedule => "snapshot schedule document",
    }
}
