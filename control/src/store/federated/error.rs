use std::path::PathBuf;

use crate::service::ServiceError;
use crate::store::NotLent;

/// Why a token of this process is not exchanged for credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FederationError {
    /// Some of the variables are set, and some are not.
    #[error("{switch} is set, but {missing} is not: set it too, or unset {switch}")]
    Incomplete {
        /// The variable that asks for federation.
        switch: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// A configuration file is not understood.
    #[error("{} is no configuration of an external account: {problem}", file.display())]
    Configuration {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A URL that no secret may be sent to.
    #[error("{what} is {url:?}, and a token is only sent over https, or over http to this machine")]
    Insecure {
        /// What the URL is for.
        what: &'static str,
        /// The URL.
        url: String,
    },
    /// The token of this process cannot be read.
    #[error("the token of this process cannot be read from {}", file.display())]
    Token {
        /// Where it should be.
        file: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// What should hold the token of this process does not.
    #[error("{place} holds no token of this process{}", field.as_deref().map(|name| format!(" in the field {name:?}")).unwrap_or_default())]
    NoToken {
        /// The file or URL.
        place: String,
        /// The field of a JSON document that should hold it.
        field: Option<String>,
    },
    /// A service does not give what it is asked for.
    #[error("{step}")]
    Service {
        /// What was asked of it.
        step: &'static str,
        /// Why not.
        #[source]
        cause: ServiceError,
    },
}

impl From<FederationError> for NotLent {
    fn from(error: FederationError) -> Self {
        match &error {
            FederationError::Service { cause, .. } if cause.is_denied() => Self::Denied(Box::new(error)),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
