//! Claims on drills: one is under way at a time, and shows signs of life.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use lakedr_control::drill::DrillClaim;
use lakedr_control::store::{DocStoreRef, Tag, Written};

use crate::error::chain;
use crate::world::World;

/// Time between two signs of life.
const EVERY: Duration = Duration::from_secs(60);

/// A claim as it was written last.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) store: DocStoreRef,
    pub(super) key: String,
    pub(super) claim: DrillClaim,
    pub(super) tag: Tag,
}

/// The drills of this call that are under way: an interrupted call says that they are over before it ends. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<BTreeMap<String, Claimed>>>);

impl Claims {
    /// Says that all of them are over, within this time. Best effort: without it others wait until they are silent.
    pub async fn give_up(&self, within: Duration) {
        let claimed = std::mem::take(&mut *self.lock());
        let ends = claimed.into_values().map(|claimed| async move {
            let claim = DrillClaim { over: true, ..claimed.claim.clone() };
            rewrite(&claimed, claim).await;
        });
        if tokio::time::timeout(within, join_all(ends)).await.is_err() {
            tracing::warn!("a drill that is over still counts as under way for five minutes");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Claimed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out a drill that has been claimed, gives signs of life meanwhile, and says in the end that it is over.
pub(super) async fn alive<T>(world: &World, claimed: Claimed, work: impl Future<Output = T>) -> T {
    let id = format!("{}/{}", claimed.store.url(), claimed.key);
    world.drills.lock().insert(id.clone(), claimed);
    let beats = async {
        loop {
            tokio::time::sleep(EVERY).await;
            beat(world, &id, world.now()).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = beats => never,
    };
    let claimed = world.drills.lock().remove(&id);
    if let Some(claimed) = claimed {
        let claim = DrillClaim { over: true, ..claimed.claim.clone() };
        rewrite(&claimed, claim).await;
    }
    done
}

async fn beat(world: &World, id: &str, now: DateTime<Utc>) {
    let Some(claimed) = world.drills.lock().get(id).cloned() else { return };
    let claim = DrillClaim { alive_at: now, ..claimed.claim.clone() };
    if let Some(written) = rewrite(&claimed, claim).await
        && let Some(known) = world.drills.lock().get_mut(id)
    {
        *known = written;
    }
}

/// Best effort: whoever finds a claim silent takes it for over.
async fn rewrite(claimed: &Claimed, claim: DrillClaim) -> Option<Claimed> {
    let bytes = encode(&claim).ok()?;
    match claimed.store.replace(&claimed.key, &bytes, &claimed.tag).await {
        Ok(Written::Done(tag)) => Some(Claimed { claim, tag, ..claimed.clone() }),
        Ok(Written::Lost) => None,
        Err(error) => {
            tracing::debug!("no sign of life: {}", chain(&error));
            None
        }
    }
}

/// The bytes of a claim.
pub(super) fn encode(claim: &DrillClaim) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(claim)?;
    bytes.push(b'\n');
    Ok(bytes)
}
