//! Verifications lie beside the log: evidence about its recovery points.

use std::collections::BTreeMap;

use futures::future::join;
use futures::stream::{self, StreamExt as _};

use super::{GroupLog, History, LogError};
use crate::digest::NotCanonical;
use crate::layout;
use crate::store::{DocStoreRef, StoreError};
use crate::verification::Verification;

/// Verifications that are read at the same time.
const READS_IN_FLIGHT: usize = 16;

impl GroupLog {
    /// Keeps a verification beside the log, for good.
    ///
    /// # Errors
    /// When the home of the log cannot be written.
    pub async fn record_verification(
        &self,
        history: &History,
        verification: &Verification,
    ) -> Result<(), LogError> {
        let encode = |cause| LogError::Encode { group: self.group.clone(), cause: NotCanonical(cause) };
        let bytes = serde_json::to_vec(verification).map_err(encode)?;
        let at_ms = verification.at.timestamp_millis();
        let key = layout::verification(&self.group, verification.seq, at_ms);
        let written = self.home_store(history).create(&key, &bytes).await;
        // another one of the same millisecond says as much
        written.map(drop).map_err(|cause| self.out_of_reach(cause))
    }

    /// The newest verification of the newest recovery point that has one, in the location that takes the next entry. One
    /// that cannot be read counts as none.
    ///
    /// # Errors
    /// When the location is out of reach.
    pub async fn last_verification(&self, history: &History) -> Result<Option<Verification>, LogError> {
        let points = history.state.as_ref().map(|state| state.recovery_points.as_slice()).unwrap_or_default();
        let Some(oldest) = points.first() else { return Ok(None) };
        let store = self.home_store(history);
        // of those at hand, which are few if there are many in all
        let after = layout::verifications_of(&self.group, oldest.seq);
        let mut newest = self.newest_key(store, &after).await?;
        if newest.is_none() {
            newest = self.newest_key(store, "").await?;
        }
        let Some(newest) = newest else { return Ok(None) };
        self.verification(store, &newest).await.map_err(|cause| self.out_of_reach(cause))
    }

    async fn newest_key(&self, store: &DocStoreRef, after: &str) -> Result<Option<String>, LogError> {
        let listed = store.list_after(&layout::verifications(&self.group), after).await;
        let listed = listed.map_err(|cause| self.out_of_reach(cause))?;
        let ours = |key: &String| layout::verification_seq(&self.group, key).is_some();
        Ok(listed.into_iter().map(|object| object.key).rfind(ours))
    }

    /// The newest verification of every recovery point that has one, in both locations. A location that is out of
    /// reach, and a verification that cannot be read, count as none.
    pub async fn last_verifications(&self) -> BTreeMap<u64, Verification> {
        let [first, other] = &self.homes;
        let (first, other) = join(self.newest_keys(&first.store), self.newest_keys(&other.store)).await;
        let mut newest: BTreeMap<u64, Verification> = BTreeMap::new();
        let reads: Vec<_> =
            first.iter().chain(&other).map(|(store, key)| self.verification(store, key)).collect();
        let mut found = stream::iter(reads).buffer_unordered(READS_IN_FLIGHT);
        while let Some(read) = found.next().await {
            let Ok(Some(verification)) = read else { continue };
            let known = newest.get(&verification.seq);
            if known.is_none_or(|known| known.at < verification.at) {
                newest.insert(verification.seq, verification);
            }
        }
        newest
    }

    /// For every recovery point the key of its newest verification in one store.
    async fn newest_keys<'a>(&self, store: &'a DocStoreRef) -> Vec<(&'a DocStoreRef, String)> {
        let keys = match store.list(&layout::verifications(&self.group)).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "verifications are out of reach");
                return Vec::new();
            }
        };
        let by_seq = keys.into_iter().filter_map(|key| {
            let seq = layout::verification_seq(&self.group, &key)?;
            Some((seq, key))
        });
        // in the order of the keys: the newest of a recovery point stays
        by_seq.collect::<BTreeMap<u64, String>>().into_values().map(|key| (store, key)).collect()
    }

    async fn verification(&self, store: &DocStoreRef, key: &str) -> Result<Option<Verification>, StoreError> {
        let Some(object) = store.read(key).await? else { return Ok(None) };
        let decoded = Verification::decode(key, &object.bytes);
        Ok(decoded
            .inspect_err(|error| tracing::debug!(group = %self.group, %error, "a verification is ignored"))
            .ok())
    }
}
