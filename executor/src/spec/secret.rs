use lakedr_control::group_log::FailureClass;
use lakedr_control::secret::{Secret, SecretRef};

use crate::error::Classify;

/// Why a secret cannot be had. The reference is shown, the value never.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the secret {reference} cannot be had: the environment variable is not set")]
    NotSet {
        /// The reference.
        reference: SecretRef,
    },
    /// The file cannot be read.
    #[error("the secret {reference} cannot be had")]
    File {
        /// The reference.
        reference: SecretRef,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// No resolver for this kind of reference.
    #[error(
        "the secret {reference} cannot be had: this version of lakedr resolves env:// and file:// references only"
    )]
    Unsupported {
        /// The reference.
        reference: SecretRef,
    },
}

impl Classify for SecretError {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

/// Resolves a secret reference.
///
/// # Errors
/// See [`SecretError`].
pub fn resolve(reference: &SecretRef) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) => std::env::var(name)
            .map(Secret::new)
            .map_err(|_| SecretError::NotSet { reference: reference.clone() }),
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| SecretError::File { reference: reference.clone(), cause })?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        SecretRef::Databricks { .. } => Err(SecretError::Unsupported { reference: reference.clone() }),
    }
}
