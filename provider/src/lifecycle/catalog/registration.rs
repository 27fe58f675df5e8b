//! What a registration holds, and how it differs from what it should hold.

use lakedr_control::spec::{ExternalLocationSpec, UnityCatalogRegistration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An external location as the catalog has it: the fields that a specification decides about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registered {
    pub(super) url: String,
    pub(super) credential_name: String,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

/// What a registration should hold.
pub(super) fn wanted(spec: &ExternalLocationSpec, catalog: &UnityCatalogRegistration) -> Registered {
    Registered {
        url: spec.url.clone(),
        credential_name: catalog.credential_name.clone(),
        read_only: spec.read_only,
        comment: spec.comment.clone(),
    }
}

/// The fields that have to change, with the values that they should have. A comment that the specification does not give
/// is the catalog's own affair.
pub(super) fn differences(wanted: &Registered, found: &Registered) -> Map<String, Value> {
    let mut changes = Map::new();
    let place = |url: &str| url.trim_end_matches('/').to_owned();
    if place(&wanted.url) != place(&found.url) {
        changes.insert("url".to_owned(), wanted.url.as_str().into());
    }
    if wanted.credential_name != found.credential_name {
        changes.insert("credential_name".to_owned(), wanted.credential_name.as_str().into());
    }
    if wanted.read_only != found.read_only {
        changes.insert("read_only".to_owned(), wanted.read_only.into());
    }
    if let Some(comment) = wanted.comment.as_ref().filter(|_| wanted.comment != found.comment) {
        changes.insert("comment".to_owned(), comment.as_str().into());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered() -> Registered {
        Registered {
            url: "s3://b/x/".to_owned(),
            credential_name: "c".to_owned(),
            read_only: false,
            comment: None,
        }
    }

    #[test]
    fn only_what_the_specification_decides_about_differs() {
        let found =
            Registered { url: "s3://b/x".to_owned(), comment: Some("theirs".to_owned()), ..registered() };
        assert!(differences(&registered(), &found).is_empty());
        let wanted = Registered {
            url: "s3://b/y".to_owned(),
            credential_name: "d".to_owned(),
            read_only: true,
            comment: Some("ours".to_owned()),
        };
        let changes: Vec<String> = differences(&wanted, &found).keys().cloned().collect();
        assert_eq!(changes, ["comment", "credential_name", "read_only", "url"]);
    }
}
