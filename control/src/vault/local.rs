use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Lookup, SecretError, Vault};
use crate::local_path;
use crate::secret::{Secret, SecretRef};

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct EnvironmentVault {
    lookup: Lookup,
}

impl EnvironmentVault {
    /// The environment as `lookup` shows it.
    #[must_use]
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup }
    }
}

#[async_trait]
impl Vault for EnvironmentVault {
    fn holds(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Env(_))
    }

    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let value = match reference {
            SecretRef::Env(name) => (self.lookup)(name),
            _ => None,
        };
        value.map(Secret::new).ok_or_else(|| SecretError::NotSet { reference: reference.clone() })
    }
}

/// Files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct FileVault;

#[async_trait]
impl Vault for FileVault {
    fn holds(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::File(_))
    }

    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let SecretRef::File(path) = reference else {
            return Err(SecretError::NoVault { reference: reference.clone() });
        };
        let text = match local_path::of_url(path) {
            Some(path) => tokio::fs::read_to_string(path).await,
            None => Err(io::Error::new(io::ErrorKind::InvalidFilename, "the path names no drive")),
        };
        let text =
            text.map_err(|cause| SecretError::File { reference: reference.clone(), cause: Arc::new(cause) })?;
        Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
