use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::future::join;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::entry::{Author, Entry, Event, FIRST_EPOCH, FIRST_SEQ, FORMAT};
use super::fold::{FoldError, GroupState, fold};
use crate::codec::DecodeError;
use crate::digest::NotCanonical;
use crate::id::Name;
use crate::layout;
use crate::store::{DocStoreRef, StoreError, Written};

/// Entries that are read at the same time.
const READS_IN_FLIGHT: usize = 16;

/// Why a group log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store that holds the log cannot be used.
    #[error("the log of group {group} is out of reach")]
    Store {
        /// The group.
        group: Name,
        /// What the store says.
        #[source]
        cause: StoreError,
    },
    /// An entry cannot be understood.
    #[error("the log of group {group} holds an entry that cannot be read")]
    Entry {
        /// The group.
        group: Name,
        /// What is wrong with it.
        #[source]
        cause: DecodeError,
    },
    /// The entries make no history.
    #[error("the log of group {group} in {url} is damaged")]
    Damaged {
        /// The group.
        group: Name,
        /// Where it lies.
        url: String,
        /// What is wrong with it.
        #[source]
        cause: FoldError,
    },
    /// An entry cannot be written as JSON; a bug.
    #[error("an entry for the log of group {group} cannot be written")]
    Encode {
        /// The group.
        group: Name,
        /// Why.
        #[source]
        cause: NotCanonical,
    },
}

impl LogError {
    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { cause, .. } if cause.is_retryable())
    }
}

/// What listing a home came to; the error is taken when it is reported.
type Listing = Result<Vec<String>, Option<StoreError>>;

/// One of the two places where the log of a group can live.
#[derive(Debug, Clone)]
struct Home {
    region: String,
    store: DocStoreRef,
}

/// The log of one group.
#[derive(Debug, Clone)]
pub struct GroupLog {
    group: Name,
    homes: [Home; 2],
}

/// A history as it was read, and what it means.
#[derive(Debug, Clone)]
pub struct History {
    /// All entries, in order.
    pub entries: Vec<Entry>,
    /// Their meaning; `None` for a group that does not exist yet.
    pub state: Option<GroupState>,
    /// Index of the home that takes the next entry.
    home: usize,
}

impl History {
    fn next_seq(&self) -> u64 {
        self.entries.last().map_or(FIRST_SEQ, |entry| entry.seq + 1)
    }
}

/// What became of an append.
#[derive(Debug)]
#[must_use]
pub enum Appended {
    /// The entry is the newest one of this history.
    Done(Box<History>),
    /// Somebody else was first: read on and decide again.
    Lost,
}

impl GroupLog {
    /// The log of a group. It begins in the location of the region that is standby when the group is created
    /// (`first`), and may go on in the location of the other region.
    #[must_use]
    pub fn new(group: Name, first: (String, DocStoreRef), other: (String, DocStoreRef)) -> Self {
        let home = |(region, store)| Home { region, store };
        Self { group, homes: [home(first), home(other)] }
    }

    /// Where the next entry goes.
    #[must_use]
    pub fn home_url(&self, history: &History) -> &str {
        self.homes[history.home].store.url()
    }

    /// The store of the location that takes the next entry; intents keep the bodies of their commits there.
    #[must_use]
    pub fn home_store(&self, history: &History) -> &DocStoreRef {
        &self.homes[history.home].store
    }

    /// The store of a region's location, for reading what an intent left there.
    #[must_use]
    pub fn store_of(&self, region: &str) -> Option<&DocStoreRef> {
        self.homes.iter().find(|home| home.region == region).map(|home| &home.store)
    }

    /// Reads the whole log.
    ///
    /// # Errors
    /// When the home of the log is out of reach, or the log is damaged. The other location may be out of reach as
    /// long as the log does not go on there.
    pub async fn read(&self) -> Result<History, LogError> {
        self.read_on(History { entries: Vec::new(), state: None, home: 0 }).await
    }

    /// Reads what was appended since `known`.
    ///
    /// # Errors
    /// As [`GroupLog::read`].
    pub async fn read_on(&self, mut known: History) -> Result<History, LogError> {
        let folder = layout::group_log(&self.group);
        let (first, other) = join(self.homes[0].store.list(&folder), self.homes[1].store.list(&folder)).await;
        let mut listings = [first.map_err(Some), other.map_err(Some)];
        if known.entries.is_empty() {
            known.home = self.first_home(&mut listings)?;
        }
        loop {
            let home = known.home;
            let keys = match &mut listings[home] {
                Ok(keys) => keys,
                Err(cause) => {
                    let Some(cause) = cause.take() else { break };
                    return Err(LogError::Store { group: self.group.clone(), cause });
                }
            };
            let stretch = self.stretch(home, keys, known.next_seq()).await?;
            let moved = append_stretch(&mut known, stretch);
            match moved.and_then(|region| self.homes.iter().position(|home| home.region == region)) {
                Some(next) if next != home => known.home = next,
                _ => break,
            }
        }
        known.state = fold(&known.entries).map_err(|cause| LogError::Damaged {
            group: self.group.clone(),
            url: self.homes[known.home].store.url().to_owned(),
            cause,
        })?;
        Ok(known)
    }

    /// The home that holds the first entry. A log that exists nowhere begins in the first home; which one that is
    /// may have changed in the specification since, so a log is never begun while the other home cannot be seen.
    fn first_home(&self, listings: &mut [Listing; 2]) -> Result<usize, LogError> {
        let holds_first = |listing: &Listing| {
            let first = layout::group_log_entry(&self.group, FIRST_SEQ);
            listing.as_ref().is_ok_and(|keys| keys.contains(&first))
        };
        let holds_any = |listing: &Listing| {
            let seq = |key: &String| layout::group_log_seq(&self.group, key);
            listing.as_ref().is_ok_and(|keys| keys.iter().any(|key| seq(key).is_some()))
        };
        // entries without a first one are a damaged log, not an absent one: reading it says what is missing
        if let Some(home) =
            listings.iter().position(holds_first).or_else(|| listings.iter().position(holds_any))
        {
            return Ok(home);
        }
        match listings.iter_mut().find_map(|listing| listing.as_mut().err().and_then(Option::take)) {
            Some(cause) => Err(LogError::Store { group: self.group.clone(), cause }),
            None => Ok(0),
        }
    }

    /// Entries of one home from `from` on, in order.
    async fn stretch(&self, home: usize, keys: &[String], from: u64) -> Result<Vec<Entry>, LogError> {
        let by_seq: BTreeMap<u64, &String> = keys
            .iter()
            .filter_map(|key| layout::group_log_seq(&self.group, key).map(|seq| (seq, key)))
            .filter(|(seq, _)| *seq >= from)
            .collect();
        let store = &self.homes[home].store;
        // collected first: a lazy iterator over borrowed keys would make this future impossible to send
        let reads: Vec<_> = by_seq.into_values().map(|key| self.entry(store, key)).collect();
        let entries: Vec<Option<Entry>> = stream::iter(reads).buffered(READS_IN_FLIGHT).try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    async fn entry(&self, store: &DocStoreRef, key: &str) -> Result<Option<Entry>, LogError> {
        let object =
            store.read(key).await.map_err(|cause| LogError::Store { group: self.group.clone(), cause })?;
        object
            .map(|object| Entry::decode(key, &object.bytes))
            .transpose()
            .map_err(|cause| LogError::Entry { group: self.group.clone(), cause })
    }

    /// Appends one event behind `history`.
    ///
    /// # Errors
    /// When the home of the log is out of reach. Losing the race for the sequence number is not an error.
    pub async fn append(
        &self,
        history: History,
        event: Event,
        at: DateTime<Utc>,
        by: Author,
    ) -> Result<Appended, LogError> {
        let raised = u64::from(matches!(event, Event::Role { .. }));
        let epoch = history.state.as_ref().map_or(FIRST_EPOCH, |state| state.epoch + raised);
        let seq = history.next_seq();
        let entry = Entry { format: FORMAT, group: self.group.clone(), seq, epoch, at, by, event };
        let encode = |cause| LogError::Encode { group: self.group.clone(), cause };
        let mut bytes = serde_json::to_vec(&entry).map_err(NotCanonical).map_err(encode)?;
        bytes.push(b'\n');
        let key = layout::group_log_entry(&self.group, seq);
        let written = self.homes[history.home]
            .store
            .create(&key, &bytes)
            .await
            .map_err(|cause| LogError::Store { group: self.group.clone(), cause })?;
        if written == Written::Lost {
            return Ok(Appended::Lost);
        }
        let mut history = history;
        let moved = append_stretch(&mut history, vec![entry]);
        if let Some(next) = moved.and_then(|region| self.homes.iter().position(|home| home.region == region))
        {
            history.home = next;
        }
        history.state = fold(&history.entries).map_err(|cause| LogError::Damaged {
            group: self.group.clone(),
            url: self.homes[history.home].store.url().to_owned(),
            cause,
        })?;
        Ok(Appended::Done(Box::new(history)))
    }
}

/// Adds entries up to and including the first `moved`, and says where that one leads.
fn append_stretch(history: &mut History, stretch: Vec<Entry>) -> Option<String> {
    for entry in stretch {
        let moved = match &entry.event {
            Event::Moved { to_region } => Some(to_region.clone()),
            _ => None,
        };
        history.entries.push(entry);
        if moved.is_some() {
            return moved;
        }
    }
    None
}
