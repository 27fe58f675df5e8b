//! How a registration that somebody changed in the catalog shows in Terraform's state.

use lakedr_control::spec::{ExternalLocationSpec, UnityCatalogRegistration};

use super::registration::{Registered, differences, wanted};
use crate::wire::Value;

/// A registration that is not as it should be.
#[derive(Debug, PartialEq)]
pub(super) struct Drift {
    /// The attributes that do not show what the document says, and what they show.
    pub(super) shown: Vec<(&'static str, Value)>,
    /// What is wrong, said of the location.
    pub(super) what: String,
}

/// How a location's registration differs from what it should be; none if it does not.
///
/// A comment, `read_only` and the credential show as the catalog has them. Without a registration, and with one of another
/// place, the credential shows as empty: a state without `unity_catalog` would not know what to deregister, and one with
/// the other place as its `url` would not say where the location's objects are.
pub(super) fn drift(
    spec: &ExternalLocationSpec,
    catalog: &UnityCatalogRegistration,
    found: Option<&Registered>,
) -> Option<Drift> {
    let with_credential = |credential: &str| {
        let registration = Value::object([
            ("workspace_url", catalog.workspace_url.as_str().into()),
            ("token", catalog.token.as_str().into()),
            ("credential_name", credential.into()),
        ]);
        ("unity_catalog", registration)
    };
    let Some(found) = found else {
        return Some(Drift { shown: vec![with_credential("")], what: "is not registered".to_owned() });
    };
    let differences = differences(&wanted(spec, catalog), found);
    if differences.is_empty() {
        return None;
    }
    let mut shown = Vec::new();
    if differences.contains_key("url") {
        shown.push(with_credential(""));
    } else if differences.contains_key("credential_name") {
        shown.push(with_credential(&found.credential_name));
    }
    if differences.contains_key("comment") {
        shown.push(("comment", found.comment.as_deref().map_or(Value::Null, Value::from)));
    }
    if differences.contains_key("read_only") {
        shown.push(("read_only", found.read_only.into()));
    }
    let fields = differences.keys().cloned().collect::<Vec<_>>().join(", ");
    let place = if differences.contains_key("url") { format!(", at {}", found.url) } else { String::new() };
    Some(Drift { shown, what: format!("has another {fields} there{place}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drift_is_a_change_and_none_forgets_the_catalog() {
        let spec: ExternalLocationSpec = serde_json::from_str(
            r#"{"name":"west","region":"w","url":"s3://b","comment":"ours","unity_catalog":
                {"workspace_url":"https://w","token":"env://T","credential_name":"dr"}}"#,
        )
        .unwrap();
        let catalog = spec.unity_catalog.clone().unwrap();
        let registered = wanted(&spec, &catalog);
        assert_eq!(drift(&spec, &catalog, Some(&registered)), None);
        assert_eq!(drift(&spec, &catalog, None).unwrap().what, "is not registered");
        let credential = |name: &str| {
            Value::object([
                ("workspace_url", "https://w".into()),
                ("token", "env://T".into()),
                ("credential_name", name.into()),
            ])
        };
        let theirs = || Registered { comment: None, read_only: true, ..registered.clone() };
        let elsewhere =
            || Registered { url: "s3://c".to_owned(), credential_name: "x".to_owned(), ..registered.clone() };
        let other = || Registered { credential_name: "x".to_owned(), ..registered.clone() };
        let table = [
            (None, vec![("unity_catalog", credential(""))]),
            (Some(elsewhere()), vec![("unity_catalog", credential(""))]),
            (Some(other()), vec![("unity_catalog", credential("x"))]),
            (Some(theirs()), vec![("comment", Value::Null), ("read_only", Value::Bool(true))]),
        ];
        for (found, shown) in table {
            assert_eq!(drift(&spec, &catalog, found.as_ref()).unwrap().shown, shown, "{found:?}");
        }
    }
}
