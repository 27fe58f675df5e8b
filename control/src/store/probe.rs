use super::{DocStore, StoreError, Written};
use crate::layout;

/// A step of [`probe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStep {
    /// Creating an object.
    Create,
    /// Creating it again, with other bytes.
    CreateAgain,
    /// Reading it.
    Read,
    /// Listing its folder.
    List,
    /// Deleting it.
    Delete,
}

impl ProbeStep {
    fn verb(self) -> &'static str {
        match self {
            Self::Create => "create an object",
            Self::CreateAgain => "try to create an object that exists",
            Self::Read => "read an object",
            Self::List => "list objects",
            Self::Delete => "delete an object",
        }
    }
}

/// Why a place is not fit to be an external location.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFailure {
    /// A step cannot be done.
    #[error("the probe cannot {} there; lakedr needs to create, read, list and delete objects", step.verb())]
    Step {
        /// The step.
        step: ProbeStep,
        /// What the store said.
        #[source]
        cause: StoreError,
    },
    /// Of two conditional writes to one key both succeeded.
    #[error(
        "the store ignores conditional writes: a second put-if-absent replaced the first. Two executors could \
         overwrite each other there, so lakedr does not use it; use a store that honours `If-None-Match: *`"
    )]
    IgnoresConditions,
    /// The store does not give back what was written to it.
    #[error("the store does not {} as it should: {found}", step.verb())]
    Inconsistent {
        /// The step.
        step: ProbeStep,
        /// What was found.
        found: &'static str,
    },
}

/// Finds out whether a place can be an external location: put-if-absent twice (the second must lose), read, list,
/// delete. Writes one object of its own, named by `id`, and deletes it again whatever happens.
///
/// # Errors
/// See [`ProbeFailure`].
pub async fn probe(store: &dyn DocStore, id: &str) -> Result<(), ProbeFailure> {
    let key = layout::probe(id);
    let probed = steps(store, &key, id).await;
    let deleted = store.delete(&key).await;
    probed?;
    deleted.map_err(|cause| ProbeFailure::Step { step: ProbeStep::Delete, cause })
}

async fn steps(store: &dyn DocStore, key: &str, id: &str) -> Result<(), ProbeFailure> {
    let failed = |step| move |cause| ProbeFailure::Step { step, cause };
    let wrong = |step, found| Err(ProbeFailure::Inconsistent { step, found });
    let first = store.create(key, id.as_bytes()).await.map_err(failed(ProbeStep::Create))?;
    if first == Written::Lost {
        return wrong(ProbeStep::Create, "an object with a name that nobody else uses exists already");
    }
    let second = format!("{id} again");
    if let Written::Done(_) =
        store.create(key, second.as_bytes()).await.map_err(failed(ProbeStep::CreateAgain))?
    {
        return Err(ProbeFailure::IgnoresConditions);
    }
    let object = store.read(key).await.map_err(failed(ProbeStep::Read))?;
    if object.is_none_or(|object| object.bytes != id.as_bytes()) {
        return wrong(ProbeStep::Read, "the object does not hold what was written to it");
    }
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let keys = store.list(folder).await.map_err(failed(ProbeStep::List))?;
    if !keys.iter().any(|listed| listed == key) {
        return wrong(ProbeStep::List, "the object is not in the listing right after it was written");
    }
    Ok(())
}
