//! Writing the head of a log. Best effort: nothing rests on it.

use super::super::entry::Event;
use super::super::head::Head;
use super::{GroupLog, HeadObject, History};
use crate::digest::NotCanonical;
use crate::layout;
use crate::store::Written;

/// Entries that a head may lag behind its log before a reader that may write brings it up to date.
pub(super) const LAG: usize = 16;

/// Whether a head is written with this event: those that a group rests on for a while.
pub(super) fn is_milestone(event: &Event) -> bool {
    matches!(event, Event::Published { .. } | Event::Role { .. } | Event::Moved { .. })
}

impl GroupLog {
    /// Writes the head of a history beside its newest entry, unless somebody else has written one meanwhile.
    pub(super) async fn keep_head(&self, history: &mut History) {
        let Some(home) = history.newest.as_ref().map(|newest| newest.home) else { return };
        let bytes = match self.head_bytes(history) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "the head of the group log has no JSON form");
                return;
            }
        };
        let (key, store) = (layout::group_log_head(&self.group), &self.homes[home].store);
        let written = match &history.heads[home] {
            HeadObject::Found(tag) => store.replace(&key, &bytes, tag).await,
            HeadObject::Unseen | HeadObject::Absent => store.create(&key, &bytes).await,
        };
        history.heads[home] = match written {
            Ok(Written::Done(tag)) => {
                history.behind_head = 0;
                HeadObject::Found(tag)
            }
            Ok(Written::Lost) => HeadObject::Unseen,
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "the head of the group log is not up to date");
                HeadObject::Unseen
            }
        };
    }

    fn head_bytes(&self, history: &History) -> Result<Option<Vec<u8>>, NotCanonical> {
        let (Some(state), Some(newest)) = (&history.state, &history.newest) else { return Ok(None) };
        Head::new(self.group.clone(), newest.digest.clone(), state.clone())?.encode().map(Some)
    }
}
