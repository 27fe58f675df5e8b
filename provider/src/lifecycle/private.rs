//! What the provider remembers about a resource between calls, beside its state: which stored bytes the state shows.

use lakedr_control::store::Tag;
use serde::{Deserialize, Serialize};

/// The private state of a resource. Terraform stores it in its state file, unencrypted; no secret belongs here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Tag of the document that the state shows; an update replaces these bytes and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// The document was changed by hand or damaged, and has to be written again even if nothing else changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
}

impl Private {
    /// The state shows the document with this tag.
    #[must_use]
    pub fn of(tag: Tag) -> Self {
        Self { tag: Some(tag.0), damaged: false }
    }

    /// The document with this tag has to be written again.
    #[must_use]
    pub fn of_damaged(tag: Tag) -> Self {
        Self { damaged: true, ..Self::of(tag) }
    }

    /// Reads private state. What is absent, or not ours, is the same as none: the tag is looked up again then.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// The bytes that Terraform stores.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The tag of the document that the state shows.
    #[must_use]
    pub fn tag(&self) -> Option<Tag> {
        self.tag.clone().map(Tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_takes_strange_bytes_for_none() {
        for private in
            [Private::default(), Private::of(Tag("\"a-1\"".into())), Private::of_damaged(Tag("b".into()))]
        {
            assert_eq!(Private::decode(&private.encode()), private);
        }
        assert_eq!(Private::decode(b""), Private::default());
        assert_eq!(Private::decode(b"\xff"), Private::default());
    }
}
