//! Carrying a log into the other location.
//!
//! Behind `moved` the log goes on at the next sequence number in the other location. The `moved` entry and a head come
//! along, so that the location is enough to know the state of the group when the one that the log left is lost. Both
//! follow from the log: whoever appends the next entry writes them if they are not there.

use super::super::head::Head;
use super::{EntryObject, GroupLog, HeadObject, History, LogError};
use crate::digest;
use crate::layout;
use crate::store::Written;

impl GroupLog {
    /// Makes the location that takes the next entry hold the newest one and a head, if the log moves there.
    pub(super) async fn carry(&self, history: &mut History) -> Result<(), LogError> {
        let (Some(state), Some(newest)) = (&history.state, &history.newest) else { return Ok(()) };
        let (from, to, seq) = (newest.home, history.home, state.seq());
        if from == to {
            return Ok(());
        }
        let entry_digest = newest.digest.clone();
        let forked = |home: usize| LogError::Forked {
            group: self.group.clone(),
            url: self.homes[home].store.url().to_owned(),
            seq,
        };
        let key = layout::group_log_entry(&self.group, seq);
        let entry = self.homes[from].store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
        let entry = entry.filter(|entry| digest::of_bytes(&entry.bytes) == entry_digest);
        let entry = entry.ok_or_else(|| forked(from))?;
        let store = &self.homes[to].store;
        if store.create(&key, &entry.bytes).await.map_err(|cause| self.out_of_reach(cause))? == Written::Lost
        {
            return Err(forked(to));
        }
        let head = Head::new(self.group.clone(), entry_digest.clone(), state.clone());
        let encode = |cause| LogError::Encode { group: self.group.clone(), cause };
        let bytes = head.and_then(|head| head.encode()).map_err(encode)?;
        history.heads[to] = self.carry_head(to, seq, &bytes).await?;
        history.newest = Some(EntryObject { home: to, digest: entry_digest });
        Ok(())
    }

    /// Writes the head of a state that ends with entry `seq`, unless there is one of it or of a later entry.
    async fn carry_head(&self, home: usize, seq: u64, bytes: &[u8]) -> Result<HeadObject, LogError> {
        let (key, store) = (layout::group_log_head(&self.group), &self.homes[home].store);
        loop {
            let found = store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
            let written = match &found {
                None => store.create(&key, bytes).await,
                Some(object) => {
                    let held = Head::decode(&self.group, &object.bytes);
                    if held.is_ok_and(|held| held.state.seq() >= seq) {
                        return Ok(HeadObject::Found(object.tag.clone()));
                    }
                    store.replace(&key, bytes, &object.tag).await
                }
            };
            if let Written::Done(tag) = written.map_err(|cause| self.out_of_reach(cause))? {
                return Ok(HeadObject::Found(tag));
            }
        }
    }
}
