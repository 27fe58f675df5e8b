use std::collections::BTreeMap;

use super::Violation;
use super::rules::Report;
use crate::id::Name;
use crate::location::StoreUrl;
use crate::secret::SecretRef;
use crate::spec::ExternalLocationSpec;

/// An external location that keeps every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidLocation {
    /// Name.
    pub name: Name,
    /// Region.
    pub region: String,
    /// Place.
    pub url: StoreUrl,
    /// Nothing may be written here.
    pub read_only: bool,
    /// Options of the store.
    pub storage_options: BTreeMap<String, String>,
    /// Options of the store that are secrets.
    pub secret_options: BTreeMap<String, SecretRef>,
}

/// Checks an external location by itself.
///
/// # Errors
/// All violations.
pub fn external_location(spec: &ExternalLocationSpec) -> Result<ValidLocation, Vec<Violation>> {
    let mut found = Vec::new();
    let mut report = Report::new(&mut found);
    let name = report.at("name").name(&spec.name);
    let region = report.at("region").region(&spec.region);
    let url = report.at("url").store_url(&spec.url);
    let storage_options = spec.storage_options.clone().unwrap_or_default();
    report.at("storage_options").storage_options(&storage_options);
    let secret_options = spec.secret_options.clone().unwrap_or_default();
    let secret_options = report.at("secret_options").secret_options(&secret_options);
    for key in secret_options.keys().filter(|key| storage_options.contains_key(*key)) {
        report.at("secret_options").key(key).violation(
            format!("the option {key} stands in storage_options too"),
            "keep it in one of the two",
        );
    }
    if let Some(catalog) = &spec.unity_catalog {
        let mut report = report.at("unity_catalog");
        report.at("workspace_url").service_url(&catalog.workspace_url);
        report.at("token").secret_ref(&catalog.token);
        if catalog.credential_name.is_empty() {
            report.at("credential_name").violation("is empty", "name a storage credential of the catalog");
        }
    }
    match (name, region, url) {
        (Some(name), Some(region), Some(url)) if found.is_empty() => Ok(ValidLocation {
            name,
            region,
            url,
            read_only: spec.read_only,
            storage_options,
            secret_options,
        }),
        _ => Err(found),
    }
}
