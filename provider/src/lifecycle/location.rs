//! External locations as seen from where the provider runs.

use std::collections::BTreeMap;
use std::time::Duration;

use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::spec::ExternalLocationSpec;
use lakedr_control::store::{DocStoreRef, OpenError, ProbeFailure, open_doc_store, probe as probe_store};
use lakedr_control::validate;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::report::explain;
use super::session::unless_stopped;
use crate::wire::{Diagnostic, Diagnostics, Path};

/// Longest wait for the facts of an external location. Terraform has to work during an outage, so refreshing must not
/// wait for retries against a region that is gone.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Why an external location cannot be used from here.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// A secret option points to what only the executor can see.
    #[error("the secret option {key} refers to {reference}, which cannot be resolved where Terraform runs")]
    Secret {
        /// The option.
        key: String,
        /// Its reference; never the secret.
        reference: SecretRef,
    },
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

/// Opens an external location. Nothing is sent.
///
/// # Errors
///
/// [`LocationError`]
pub fn open(spec: &ExternalLocationSpec) -> Result<DocStoreRef, LocationError> {
    let location = validate::external_location(spec).map_err(|violations| LocationError::Invalid {
        name: spec.name.clone(),
        violations: violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })?;
    let mut options = location.storage_options;
    options.extend(resolve(location.secret_options, |name| std::env::var(name).ok())?);
    Ok(open_doc_store(&location.url, &options)?)
}

/// Resolves secret references as far as that is possible here: environment and files.
fn resolve(
    references: BTreeMap<String, SecretRef>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, LocationError> {
    let mut resolved = BTreeMap::new();
    for (key, reference) in references {
        let secret = match &reference {
            SecretRef::Env(name) => environment(name).map(Secret::new),
            SecretRef::File(path) => std::fs::read_to_string(path)
                .ok()
                .map(|text| Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
            SecretRef::Databricks { .. } => None,
        };
        match secret {
            Some(secret) => resolved.insert(key, secret.reveal().to_owned()),
            None => return Err(LocationError::Secret { key, reference }),
        };
    }
    Ok(resolved)
}

/// Probes a location that is about to be written to the control store. A location that is only read is just opened:
/// the probe writes.
pub async fn probe(spec: &ExternalLocationSpec, stop: &CancellationToken) -> Diagnostics {
    let store = match open(spec) {
        Ok(store) => store,
        Err(cause @ LocationError::Secret { .. }) => return not_probed(spec, &cause).into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn references(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretRef> {
        pairs.iter().map(|(key, reference)| ((*key).to_owned(), reference.parse().unwrap())).collect()
    }

    #[test]
    fn secrets_are_resolved_as_far_as_possible_from_here() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from file\n").unwrap();
        let in_file = format!("file://{}", file.path().display());
        let resolved = resolve(references(&[("a", "env://A"), ("b", &in_file)]), |_| {
            Some("from environment".to_owned())
        });
        let resolved: Vec<(String, String)> = resolved.unwrap().into_iter().collect();
        assert_eq!(resolved[0].1, "from environment");
        assert_eq!(resolved[1].1, "from file");
    }

    #[test]
    fn what_cannot_be_resolved_is_named_by_its_reference() {
        for reference in ["env://MISSING", "file:///nowhere/at/all", "databricks://scope/key"] {
            let error = resolve(references(&[("k", reference)]), |_| None).unwrap_err();
            assert!(error.to_string().contains(reference), "{error}");
        }
    }
}
