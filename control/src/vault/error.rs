use std::fmt;
use std::sync::Arc;

use crate::message::chain;
use crate::secret::SecretRef;
use crate::service::ServiceError;

/// Why a secret cannot be had. The reference is shown, the value never.
#[derive(Debug, Clone, thiserror::Error)]
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
        cause: Arc<std::io::Error>,
    },
    /// Nothing says which workspace holds the scope, or who asks it.
    #[error(
        "the secret {reference} cannot be had: {problem}; set DATABRICKS_HOST, and DATABRICKS_TOKEN or \
         DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, in the environment of this process"
    )]
    NoWorkspace {
        /// The reference.
        reference: SecretRef,
        /// What is missing or wrong.
        problem: &'static str,
    },
    /// The workspace has no such secret.
    #[error(
        "the secret {reference} cannot be had: the workspace has no such scope or key, or it may not be read; grant \
         READ on the scope"
    )]
    Absent {
        /// The reference.
        reference: SecretRef,
        /// What the workspace says.
        #[source]
        cause: Arc<ServiceError>,
    },
    /// The workspace does not answer as it should.
    #[error("the secret {reference} cannot be had")]
    Service {
        /// The reference.
        reference: SecretRef,
        /// Why.
        #[source]
        cause: Arc<ServiceError>,
    },
    /// The secret is no text.
    #[error("the secret {reference} cannot be used: its value is not base64 of UTF-8 text")]
    NotText {
        /// The reference.
        reference: SecretRef,
    },
    /// No vault holds references of this kind.
    #[error("the secret {reference} cannot be had: nothing here resolves references of this kind")]
    NoVault {
        /// The reference.
        reference: SecretRef,
    },
}

impl SecretError {
    /// Whether the secret may be had in a while.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Service { cause, .. } if cause.passes())
    }

    /// Whether the caller is refused.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Service { cause, .. } | Self::Absent { cause, .. } if cause.is_denied())
    }
}

/// Every secret that something needs and that cannot be had.
#[derive(Debug, Clone)]
pub struct MissingSecrets {
    /// At least one.
    pub errors: Vec<SecretError>,
}

impl fmt::Display for MissingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.errors.iter().map(|error| chain(error)).collect();
        f.write_str(&errors.join("; "))
    }
}

impl std::error::Error for MissingSecrets {}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(error: &SecretError) -> &'static str {
        match error {
            SecretError::NotSet { .. } => "NotSet",
            SecretError::File { .. } => "File",
            SecretError::NoWorkspace { .. } => "NoWorkspace",
            SecretError::Absent { .. } => "Absent",
            SecretError::Service { .. } => "Service",
            SecretError::NotText { .. } => "NotText",
            SecretError::NoVault { .. } => "NoVault",
        }
    }
    const NAMES: usize = 7;

    #[test]
    fn texts_show_the_reference_and_what_to_do() {
        let reference = |text: &str| -> SecretRef { text.parse().unwrap() };
        let of_scope = || reference("databricks://dr/key");
        let status = |status| {
            Arc::new(ServiceError::Status {
                url: "https://w/api/2.0/secrets/get".to_owned(),
                status,
                code: "NO".to_owned(),
                message: "not you".to_owned(),
                retry_after: None,
            })
        };
        let cause = Arc::new(std::io::Error::from(std::io::ErrorKind::NotFound));
        let all = [
            SecretError::NotSet { reference: reference("env://TOKEN") },
            SecretError::File { reference: reference("file:///run/secrets/x"), cause },
            SecretError::NoWorkspace {
                reference: of_scope(),
                problem: "nothing says which workspace holds it",
            },
            SecretError::Absent { reference: of_scope(), cause: status(StatusCode::NOT_FOUND) },
            SecretError::Service { reference: of_scope(), cause: status(StatusCode::BAD_GATEWAY) },
            SecretError::NotText { reference: of_scope() },
            SecretError::NoVault { reference: of_scope() },
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let missing = MissingSecrets { errors: all[..2].to_vec() };
        let mut texts: Vec<String> =
            all.iter().map(|error| format!("{}: {}", name(error), chain(error))).collect();
        texts.push(format!("MissingSecrets: {missing}"));
        insta::assert_snapshot!(texts.join("\n"));
    }
}
