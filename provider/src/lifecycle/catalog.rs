//! External locations in Unity Catalog: registered before their document is written, looked after on refresh,
//! deregistered before their document is deleted.
//!
//! Everything here may be done again: both regions apply the same configuration, so a location may be registered, or
//! gone, already.

mod drift;
mod registration;

use std::time::Duration;

use lakedr_control::secret::NotASecretRef;
use lakedr_control::service::{Call, Login, Service, ServiceError, unity_catalog_api};
use lakedr_control::spec::{ExternalLocationSpec, UnityCatalogRegistration};
use lakedr_control::vault::{SecretError, Secrets};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::drift::drift;
use self::registration::{Registered, differences, wanted};
use super::document::Facts;
use super::report::{explain, interrupted};
use super::session::unless_stopped;
use crate::wire::{Diagnostic, Diagnostics, Path};

/// Longest wait for the catalog: its client tries again by itself when the catalog has no time.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a location is not registered as it should be.
#[derive(Debug, thiserror::Error)]
enum CatalogError {
    /// The URL is none; validation finds it first.
    #[error("the workspace_url cannot be used")]
    Url(#[from] url::ParseError),
    /// The reference is none; validation finds it first.
    #[error("the token {0}")]
    Reference(#[from] NotASecretRef),
    /// The token cannot be had.
    #[error("the token cannot be resolved where Terraform runs")]
    Token(#[from] SecretError),
    /// The catalog does not do what it is asked.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A question has no JSON form.
    #[error("a question to the catalog cannot be written")]
    Question(#[from] serde_json::Error),
    /// Somebody else's location has the name.
    #[error(
        "the catalog has an external location {name:?} already, at {found} and not at {wanted}; choose another name, or \
         remove that one"
    )]
    Taken {
        /// The name.
        name: String,
        /// Where the catalog has it.
        found: String,
        /// Where the configuration has it.
        wanted: String,
    },
    /// The catalog took a change and did not make it.
    #[error(
        "the catalog does not keep {} of an external location, as the open-source server does not keep read_only; leave \
         that out, or take unity_catalog out of this location", fields.join(", ")
    )]
    NotKept {
        /// What it does not keep.
        fields: Vec<String>,
    },
}

/// Registers a location that is about to be written over `prior`, or changes its registration, or takes it back.
pub async fn establish(
    spec: &ExternalLocationSpec,
    prior: Option<&ExternalLocationSpec>,
    stop: &CancellationToken,
) -> Diagnostics {
    let before = prior.and_then(|prior| prior.unity_catalog.as_ref());
    let mut said = Diagnostics::new();
    // the name may be somebody else's in a catalog in which the location has not been so far
    let is_ours =
        before.zip(spec.unity_catalog.as_ref()).is_some_and(|(before, now)| same_catalog(before, now));
    if let Some(before) = before.filter(|_| !is_ours) {
        // the configuration has moved on: what stays behind in a catalog that is out of reach stops nothing
        match unless_stopped(stop, deregister(&spec.name, before)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => said.extend([still_registered(&spec.name, before, &error)]),
            Err(_) => return interrupted().into(),
        }
    }
    let Some(catalog) = &spec.unity_catalog else { return said };
    match unless_stopped(stop, register(spec, catalog, is_ours)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => said.extend([not_registered(spec, catalog, &error)]),
        Err(_) => said.extend([interrupted()]),
    }
    said
}

/// Deregisters a location whose document is about to be deleted.
pub async fn abolish(spec: &ExternalLocationSpec, stop: &CancellationToken) -> Diagnostics {
    let Some(catalog) = &spec.unity_catalog else { return Diagnostics::new() };
    match unless_stopped(stop, deregister(&spec.name, catalog)).await {
        Ok(Ok(())) => Diagnostics::new(),
        Ok(Err(error)) => Diagnostic::error(
            "External location not removed from Unity Catalog",
            format!(
                "{}: {}. Nothing has been deleted. If the catalog is lost for good, apply once without unity_catalog; \
                 that gives a warning only.",
                catalog.workspace_url,
                explain(&error)
            ),
        )
        .at(Path::attribute("unity_catalog"))
        .into(),
        Err(_) => interrupted().into(),
    }
}

/// What has become of a registration: drift shows as a change, which the next apply mends. The workspace and the token
/// are shown as they are known, whatever has become of the rest: a destruction has to find the way there.
pub async fn facts(spec: &ExternalLocationSpec) -> Facts {
    let Some(catalog) = &spec.unity_catalog else { return Facts::default() };
    let looked = timeout(PATIENCE, find(&spec.name, catalog)).await;
    let found = match looked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return unknown(spec, catalog, &explain(&error)),
        Err(_) => return unknown(spec, catalog, &format!("no answer within {} seconds", PATIENCE.as_secs())),
    };
    let Some(drift) = drift(spec, catalog, found.as_ref()) else { return Facts::default() };
    let warning = Diagnostic::warning(
        "External location differs in Unity Catalog",
        format!(
            "{}: external location {:?} {}. The next apply mends it.",
            catalog.workspace_url, spec.name, drift.what
        ),
    );
    Facts { values: drift.shown, warnings: vec![warning] }
}

fn unknown(spec: &ExternalLocationSpec, catalog: &UnityCatalogRegistration, cause: &str) -> Facts {
    let warning = Diagnostic::warning(
        "Unity Catalog out of reach",
        format!(
            "{}: {cause}. The registration of external location {:?} is shown as it was last known.",
            catalog.workspace_url, spec.name
        ),
    );
    Facts { values: Vec::new(), warnings: vec![warning] }
}

fn not_registered(
    spec: &ExternalLocationSpec,
    catalog: &UnityCatalogRegistration,
    error: &CatalogError,
) -> Diagnostic {
    Diagnostic::error(
        "External location not registered in Unity Catalog",
        format!(
            "{}: {}. The document of external location {:?} has not been written.",
            catalog.workspace_url,
            explain(error),
            spec.name
        ),
    )
    .at(Path::attribute("unity_catalog"))
}

fn still_registered(name: &str, catalog: &UnityCatalogRegistration, error: &CatalogError) -> Diagnostic {
    Diagnostic::warning(
        "External location still registered in Unity Catalog",
        format!(
            "{}: {}. Remove external location {name:?} there by hand.",
            catalog.workspace_url,
            explain(error)
        ),
    )
    .at(Path::attribute("unity_catalog"))
}

/// Whether two registrations are in the same catalog.
fn same_catalog(one: &UnityCatalogRegistration, other: &UnityCatalogRegistration) -> bool {
    one.workspace_url.trim_end_matches('/') == other.workspace_url.trim_end_matches('/')
}

async fn service(catalog: &UnityCatalogRegistration) -> Result<Service, CatalogError> {
    let token = Secrets::of_process().get(&catalog.token.parse()?).await?;
    Ok(Service::new(&unity_catalog_api(&catalog.workspace_url.parse()?), Login::Bearer(token))?)
}

/// Where a location lies in the API. Names hold nothing that needs to be encoded.
fn path(name: &str) -> String {
    format!("/external-locations/{name}")
}

async fn get(service: &Service, name: &str) -> Result<Option<Registered>, CatalogError> {
    match service.ask(&Call::get(path(name))).await {
        Err(error) if error.is_absent() => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

async fn find(name: &str, catalog: &UnityCatalogRegistration) -> Result<Option<Registered>, CatalogError> {
    get(&service(catalog).await?, name).await
}

async fn register(
    spec: &ExternalLocationSpec,
    catalog: &UnityCatalogRegistration,
    is_ours: bool,
) -> Result<(), CatalogError> {
    let service = service(catalog).await?;
    let wanted = wanted(spec, catalog);
    let Some(found) = get(&service, &spec.name).await? else {
        let mut body = serde_json::to_value(&wanted)?;
        body["name"] = spec.name.as_str().into();
        body["skip_validation"] = spec.skip_validation.into();
        return kept(&wanted, &service.ask(&Call::post("/external-locations").with_json(&body)?).await?);
    };
    let mut differences = differences(&wanted, &found);
    if !is_ours && differences.contains_key("url") {
        return Err(CatalogError::Taken { name: spec.name.clone(), found: found.url, wanted: wanted.url });
    }
    if !differences.is_empty() {
        differences.insert("skip_validation".to_owned(), spec.skip_validation.into());
        return kept(&wanted, &service.ask(&Call::patch(path(&spec.name)).with_json(&differences)?).await?);
    }
    Ok(())
}

/// Whether the catalog has made of a registration what it should be.
fn kept(wanted: &Registered, made: &Registered) -> Result<(), CatalogError> {
    let fields: Vec<String> = differences(wanted, made).keys().cloned().collect();
    if fields.is_empty() { Ok(()) } else { Err(CatalogError::NotKept { fields }) }
}

async fn deregister(name: &str, catalog: &UnityCatalogRegistration) -> Result<(), CatalogError> {
    match service(catalog).await?.tell(&Call::delete(path(name))).await {
        Err(error) if !error.is_absent() => Err(error.into()),
        _ => Ok(()),
    }
}
