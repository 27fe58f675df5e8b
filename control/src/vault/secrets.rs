use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use tokio::sync::OnceCell;

use super::{MissingSecrets, SecretError, Vault, of_process};
use crate::secret::{Secret, SecretRef};

type Fetched = Result<Secret, SecretError>;

/// The secrets of one run: each reference is resolved once, whoever asks for it and however often.
#[derive(Debug, Clone)]
pub struct Secrets {
    vaults: Arc<[Arc<dyn Vault>]>,
    fetched: Arc<Mutex<BTreeMap<SecretRef, Arc<OnceCell<Fetched>>>>>,
}

impl Secrets {
    /// Secrets out of these vaults. Nothing is fetched.
    #[must_use]
    pub fn new(vaults: Vec<Arc<dyn Vault>>) -> Self {
        Self { vaults: vaults.into(), fetched: Arc::default() }
    }

    /// Secrets out of the vaults that this process reaches by itself. Nothing is fetched.
    #[must_use]
    pub fn of_process() -> Self {
        Self::new(of_process())
    }

    /// One secret.
    ///
    /// # Errors
    /// When it cannot be had; the same for everybody who asks in this run.
    pub async fn get(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        self.cell(reference).get_or_init(|| self.fetch(reference)).await.clone()
    }

    /// Many secrets, fetched at the same time.
    ///
    /// # Errors
    /// All that cannot be had, not the first one only.
    pub async fn all(
        &self,
        references: impl IntoIterator<Item = SecretRef>,
    ) -> Result<BTreeMap<SecretRef, Secret>, MissingSecrets> {
        let asked = references.into_iter().map(|reference| async {
            let secret = self.get(&reference).await;
            (reference, secret)
        });
        let (mut had, mut errors) = (BTreeMap::new(), Vec::new());
        for (reference, secret) in join_all(asked).await {
            match secret {
                Ok(secret) => drop(had.insert(reference, secret)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(had) } else { Err(MissingSecrets { errors }) }
    }

    fn cell(&self, reference: &SecretRef) -> Arc<OnceCell<Fetched>> {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(fetched.entry(reference.clone()).or_default())
    }

    async fn fetch(&self, reference: &SecretRef) -> Fetched {
        match self.vaults.iter().find(|vault| vault.holds(reference)) {
            Some(vault) => vault.fetch(reference).await,
            None => Err(SecretError::NoVault { reference: reference.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicU32);

    #[async_trait]
    impl Vault for Counting {
        fn holds(&self, reference: &SecretRef) -> bool {
            matches!(reference, SecretRef::Env(_))
        }

        async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            match reference {
                SecretRef::Env(name) if name == "GOOD" => Ok(Secret::new("hunter2".to_owned())),
                _ => Err(SecretError::NotSet { reference: reference.clone() }),
            }
        }
    }

    fn references(texts: &[&str]) -> Vec<SecretRef> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn each_reference_is_fetched_once() {
        let vault = Arc::new(Counting::default());
        let secrets = Secrets::new(vec![Arc::<Counting>::clone(&vault)]);
        let had = secrets.all(references(&["env://GOOD", "env://GOOD"])).await.unwrap();
        assert_eq!(had.values().map(Secret::reveal).collect::<Vec<_>>(), ["hunter2"]);
        secrets.clone().all(references(&["env://GOOD"])).await.unwrap();
        assert_eq!(vault.0.load(Ordering::Relaxed), 1);
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn all_failures_are_told_at_once() {
        let secrets = Secrets::new(vec![Arc::new(Counting::default())]);
        let asked = references(&["env://A", "env://GOOD", "env://B", "databricks://s/k"]);
        let missing = secrets.all(asked).await.unwrap_err();
        insta::assert_snapshot!(missing.to_string(), @"the secret env://A cannot be had: the environment variable is not set; the secret env://B cannot be had: the environment variable is not set; the secret databricks://s/k cannot be had: nothing here resolves references of this kind");
    }

    #[tokio::test]
    async fn the_secrets_of_a_process() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from file\r\n").unwrap();
        let path = file.path().display().to_string().replace('\\', "/");
        let in_file = format!("file:///{}", path.trim_start_matches('/'));
        let secrets = Secrets::of_process();
        assert_eq!(secrets.get(&in_file.parse().unwrap()).await.unwrap().reveal(), "from file");
        for reference in ["env://LAKEDR_TEST_IS_NOT_SET", "file:///nowhere/at/all"] {
            let error = secrets.get(&reference.parse().unwrap()).await.unwrap_err();
            assert!(error.to_string().contains(reference), "{error}");
        }
    }
}
