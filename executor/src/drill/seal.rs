//! Signing reports, so that `ssh-keygen -Y verify` can tell whose they are.

use lakedr_control::group_log::FailureClass;
use lakedr_control::secret::SecretRef;
use lakedr_control::vault::{SecretError, Secrets};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use crate::error::Classify;

/// What the signatures are for: `ssh-keygen -Y verify -n lakedr-drill …`.
const NAMESPACE: &str = "lakedr-drill";

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key cannot be had.
    #[error("the signing key")]
    Secret(#[from] SecretError),
    /// The secret is no key that can be used.
    #[error(
        "{reference} holds no private key in the format of OpenSSH; make one with `ssh-keygen -t ed25519 -N '' -f FILE`"
    )]
    NoKey {
        /// The reference.
        reference: String,
        /// Why; it repeats nothing of the secret.
        #[source]
        cause: ssh_key::Error,
    },
    /// The key is of another kind, or encrypted.
    #[error("{reference} holds a key that is {what}; take an ed25519 key without a passphrase")]
    Unusable {
        /// The reference.
        reference: String,
        /// What it is.
        what: String,
    },
    /// Signing fails; a bug.
    #[error("the report cannot be signed")]
    Unsigned(#[source] ssh_key::Error),
}

impl Classify for SealError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Secret(error) if error.passes() => FailureClass::Unreachable,
            Self::Secret(error) if error.is_denied() => FailureClass::Denied,
            Self::Secret(_) | Self::NoKey { .. } | Self::Unusable { .. } => FailureClass::Configuration,
            Self::Unsigned(_) => FailureClass::Internal,
        }
    }
}

/// Signs reports.
#[derive(Debug, Clone)]
pub struct Sealer(PrivateKey);

impl Sealer {
    /// Fetches the key.
    ///
    /// # Errors
    /// When it cannot be had or used. Nothing of it is repeated.
    pub async fn of(reference: &SecretRef, secrets: &Secrets) -> Result<Self, SealError> {
        let secret = secrets.get(reference).await?;
        let named = || reference.to_string();
        let key = PrivateKey::from_openssh(secret.reveal())
            .map_err(|cause| SealError::NoKey { reference: named(), cause })?;
        if key.is_encrypted() {
            return Err(SealError::Unusable { reference: named(), what: "encrypted".to_owned() });
        }
        match key.algorithm() {
            Algorithm::Ed25519 => Ok(Self(key)),
            other => Err(SealError::Unusable { reference: named(), what: other.to_string() }),
        }
    }

    /// The signature of some bytes, as OpenSSH writes it.
    ///
    /// # Errors
    /// [`SealError::Unsigned`]
    pub fn sign(&self, bytes: &[u8]) -> Result<String, SealError> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, bytes).map_err(SealError::Unsigned)?;
        signature.to_pem(LineEnding::LF).map_err(SealError::Unsigned)
    }
}
