//! Secrets by reference. A document, a Terraform state and a log hold references only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a secret lies. The executor resolves it when it runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// `env://NAME`: an environment variable of the executor.
    Env(String),
    /// `file:///run/secrets/x`: the content of a file, without its final line end.
    File(String),
    /// `databricks://scope/key`: a key of a Databricks secret scope.
    Databricks {
        /// Secret scope.
        scope: String,
        /// Key in the scope.
        key: String,
    },
}

/// A text that is not a secret reference. It is never repeated: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a secret reference (the value is not shown, it may be a secret): write env://NAME, file:///path or \
     databricks://scope/key, and keep the secret itself where the reference points"
)]
pub struct NotASecretRef;

impl FromStr for SecretRef {
    type Err = NotASecretRef;

    fn from_str(given: &str) -> Result<Self, NotASecretRef> {
        if let Some(name) = given.strip_prefix("env://") {
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let ok = !name.is_empty()
                && name.chars().all(valid)
                && !name.starts_with(|c: char| c.is_ascii_digit());
            return if ok { Ok(Self::Env(name.to_owned())) } else { Err(NotASecretRef) };
        }
        if let Some(path) = given.strip_prefix("file://") {
            return if path.starts_with('/') && path.len() > 1 {
                Ok(Self::File(path.to_owned()))
            } else {
                Err(NotASecretRef)
            };
        }
        let rest = given.strip_prefix("databricks://").ok_or(NotASecretRef)?;
        match rest.split_once('/') {
            Some((scope, key)) if !scope.is_empty() && !key.is_empty() && !key.contains('/') => {
                Ok(Self::Databricks { scope: scope.to_owned(), key: key.to_owned() })
            }
            _ => Err(NotASecretRef),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = NotASecretRef;
    fn try_from(given: String) -> Result<Self, NotASecretRef> {
        given.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env://{name}"),
            Self::File(path) => write!(f, "file://{path}"),
            Self::Databricks { scope, key } => write!(f, "databricks://{scope}/{key}"),
        }
    }
}

/// A resolved secret. It cannot be printed, compared or stored.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for handing it to the service that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for good in ["env://UC_TOKEN", "file:///run/secrets/x", "databricks://dr-scope/dr-pat-key"] {
            assert_eq!(good.parse::<SecretRef>().unwrap().to_string(), good);
        }
        for bad in [
            "dapi0123",
            "",
            "env://",
            "env://A-B",
            "env://1A",
            "file://x",
            "file:///",
            "databricks://s",
            "databricks:///k",
        ] {
            assert!(bad.parse::<SecretRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!"dapi-hunter2".parse::<SecretRef>().unwrap_err().to_string().contains("hunter2"));
    }
}
