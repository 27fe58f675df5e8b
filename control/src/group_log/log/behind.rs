//! Reading entries behind one that is known, for what is told of them.

use super::super::entry::{Entry, FIRST_SEQ};
use super::{GroupLog, History, LogError};
use crate::layout;

impl GroupLog {
    /// The entries behind `known` up to the newest one of a history, in order. Where all of them lie in the place that
    /// takes the next entry, only they are read; else the whole log is.
    ///
    /// # Errors
    /// When a location that holds some of them is out of reach, or the log is damaged.
    pub async fn entries_behind(&self, history: &History, known: u64) -> Result<Vec<Entry>, LogError> {
        let (from, until) = ((known + 1).max(FIRST_SEQ), history.next_seq());
        if from >= until {
            return Ok(Vec::new());
        }
        let keys = self.listed_from(history.home, from).await.map_err(|cause| self.out_of_reach(cause))?;
        let mut entries = self.stretch(history.home, &keys, from).await?;
        entries.retain(|read| read.entry.seq < until);
        if entries.iter().map(|read| read.entry.seq).eq(from..until) {
            return Ok(entries.into_iter().map(|read| read.entry).collect());
        }
        let whole = self.read_all().await?.entries.into_iter();
        Ok(whole.filter(|entry| (from..until).contains(&entry.seq)).collect())
    }

    /// One entry, wherever it lies; none when neither location has it.
    ///
    /// # Errors
    /// When the place that takes the next entry is out of reach, or the entry cannot be understood.
    pub async fn entry_at(&self, history: &History, seq: u64) -> Result<Option<Entry>, LogError> {
        let key = layout::group_log_entry(&self.group, seq);
        if let Some(read) = self.entry(history.home, &key).await? {
            return Ok(Some(read.entry));
        }
        let other = 1 - history.home;
        // what was told of long ago may do without it
        Ok(self.entry(other, &key).await.ok().flatten().map(|read| read.entry))
    }
}
