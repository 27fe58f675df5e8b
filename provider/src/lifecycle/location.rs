//! External locations as seen from where the provider runs.

use std::time::Duration;

use lakedr_control::spec::ExternalLocationSpec;
use lakedr_control::store::{DocStoreRef, OpenError, ProbeFailure, open_doc_store, probe as probe_store};
use lakedr_control::validate;
use lakedr_control::vault::{MissingSecrets, Secrets};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::report::explain;
use super::session::unless_stopped;
use crate::wire::{Diagnostic, Diagnostics, Path};

/// Longest wait for a group log, or for what a plan could say beside its changes. Terraform has to work during an outage,
/// so refreshing must not wait for retries against a region that is gone.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// Why an external location cannot be used from here.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Secret options point to what only the executor can see.
    #[error("secret options cannot be resolved where Terraform runs: {0}")]
    Secrets(#[from] MissingSecrets),
    /// The document of the location breaks rules.
    #[error("the document of the external location {name:?} breaks rules: {violations}")]
    Invalid {
        /// The location.
        name: String,
        /// All of them.
        violations: String,
    },
    /// The options do not fit the store.
    #[error("the external location cannot be opened")]
    Open(#[from] OpenError),
}

/// Opens an external location with the secrets that it needs, as far as they can be had from here. Nothing else is
/// fetched.
///
/// # Errors
///
/// [`LocationError`]
pub async fn open(spec: &ExternalLocationSpec) -> Result<DocStoreRef, LocationError> {
    let location = validate::external_location(spec).map_err(|violations| LocationError::Invalid {
        name: spec.name.clone(),
        violations: violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })?;
    let secrets = Secrets::of_process().all(location.secret_options.values().cloned()).await?;
    let mut options = location.storage_options;
    options.extend(location.secret_options.into_iter().filter_map(|(key, reference)| {
        let secret = secrets.get(&reference)?;
        Some((key, secret.reveal().to_owned()))
    }));
    Ok(open_doc_store(&location.url, &options)?)
}

/// Probes a location that is about to be written to the control store. A location that is only read is just opened:
/// the probe writes.
pub async fn probe(spec: &ExternalLocationSpec, stop: &CancellationToken) -> Diagnostics {
    let store = match open(spec).await {
        Ok(store) => store,
        Err(cause @ LocationError::Secrets(_)) => return not_probed(spec, &cause).into(),
        Err(cause) => return unfit(spec, &cause).into(),
    };
    if spec.read_only {
        return Diagnostics::new();
    }
    let id = Uuid::new_v4().to_string();
    match unless_stopped(stop, probe_store(store.as_ref(), &id)).await {
        Ok(Ok(())) => Diagnostics::new(),
        Ok(Err(cause @ ProbeFailure::IgnoresConditions)) => refused(spec, &cause).into(),
        Ok(Err(cause)) => unfit(spec, &cause).into(),
        Err(_) => Diagnostic::error(
            "Interrupted",
            format!("The probe of {} was interrupted; the external location has not been written.", spec.url),
        )
        .into(),
    }
}

fn not_probed(spec: &ExternalLocationSpec, cause: &LocationError) -> Diagnostic {
    Diagnostic::warning(
        "External location not probed",
        format!(
            "{}: {}. Whether the location is fit for use will show when the executor runs. Set skip_validation = true \
             to silence this warning.",
            spec.url,
            explain(cause)
        ),
    )
    .at(Path::attribute("secret_options"))
}

fn unfit(spec: &ExternalLocationSpec, cause: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(
        "External location out of reach",
        format!(
            "{}: {}.\n\nIf the location cannot be reached from where Terraform runs, but can be from where the \
             executor runs, set skip_validation = true.",
            spec.url,
            explain(cause)
        ),
    )
    .at(Path::attribute("url"))
}

fn refused(spec: &ExternalLocationSpec, cause: &ProbeFailure) -> Diagnostic {
    Diagnostic::error("Unsafe external location", format!("{}: {}.", spec.url, explain(cause)))
        .at(Path::attribute("url"))
}
