mod behind;
mod carry;
mod keep;
mod read;
mod verification;

use chrono::{DateTime, Utc};

use super::entry::{Author, Entry, Event, FIRST_EPOCH, FIRST_SEQ, FORMAT};
use super::fold::{FoldError, GroupState};
use crate::codec::DecodeError;
use crate::digest::{self, NotCanonical};
use crate::id::Name;
use crate::layout;
use crate::store::{DocStoreRef, StoreError, Tag, Written};
use read::Read;

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
    /// The location that the log moves to holds another entry in the place of the newest one.
    #[error(
        "the log of group {group} cannot go on in {url}: entry {seq} is another one there; that location holds another log \
         of a group of this name, move its folder meta/groups/{group} away"
    )]
    Forked {
        /// The group.
        group: Name,
        /// The location.
        url: String,
        /// The entry.
        seq: u64,
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
    keeps_head: bool,
}

/// What is known of the object at the place of a head.
#[derive(Debug, Clone, Default)]
enum HeadObject {
    /// Nobody has looked.
    #[default]
    Unseen,
    /// There was none.
    Absent,
    /// There was one, usable or not.
    Found(Tag),
}

/// The object that holds an entry.
#[derive(Debug, Clone)]
struct EntryObject {
    home: usize,
    digest: String,
}

/// A history up to the newest entry that was read, and what it means.
#[derive(Debug, Clone)]
pub struct History {
    /// Its meaning; `None` for a group that does not exist yet. Of the recovery points, [`GroupLog::read`] keeps the
    /// newest ones only ([`GroupState::without_old_points`]).
    pub state: Option<GroupState>,
    /// Index of the home that takes the next entry.
    home: usize,
    newest: Option<EntryObject>,
    heads: [HeadObject; 2],
    /// Entries that the head does not hold.
    behind_head: usize,
}

impl History {
    /// The history before the first entry.
    fn beginning(home: usize) -> Self {
        let heads = [HeadObject::Unseen, HeadObject::Unseen];
        Self { state: None, home, newest: None, heads, behind_head: 0 }
    }

    fn next_seq(&self) -> u64 {
        self.state.as_ref().map_or(FIRST_SEQ, |state| state.next_seq)
    }
}

/// A log from its first entry on.
#[derive(Debug, Clone)]
pub struct WholeLog {
    /// All entries, in order.
    pub entries: Vec<Entry>,
    /// What they come to, with all recovery points.
    pub history: History,
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
        Self { group, homes: [home(first), home(other)], keeps_head: false }
    }

    /// The same log, for a caller that may write: reading brings a head up to date that is missing, unusable or far
    /// behind.
    #[must_use]
    pub fn keeping_head(self) -> Self {
        Self { keeps_head: true, ..self }
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

    /// Region of the location that takes the next entry.
    #[must_use]
    pub fn home_region(&self, history: &History) -> &str {
        &self.homes[history.home].region
    }

    /// The store of a region's location, for reading what an intent left there.
    #[must_use]
    pub fn store_of(&self, region: &str) -> Option<&DocStoreRef> {
        self.homes.iter().find(|home| home.region == region).map(|home| &home.store)
    }

    /// Reads the log for a decision: its head and the entries behind it, or all entries where there is no head that
    /// fits the log. Old recovery points are left out either way, so the head makes no difference to the result.
    ///
    /// # Errors
    /// When the home of the log is out of reach, or what was read of the log is damaged. The other location may be out
    /// of reach as long as the log does not go on there.
    pub async fn read(&self) -> Result<History, LogError> {
        let history = self.newest().await?;
        let mut history = History { state: history.state.map(GroupState::without_old_points), ..history };
        if self.keeps_head && history.behind_head > keep::LAG {
            self.keep_head(&mut history).await;
        }
        Ok(history)
    }

    /// Reads what was appended since `known`.
    ///
    /// # Errors
    /// As [`GroupLog::read`].
    pub async fn read_on(&self, known: History) -> Result<History, LogError> {
        if known.state.is_none() {
            return self.read().await;
        }
        self.go_on(known).await
    }

    /// Reads every entry, whatever the head says: for showing all of the log, and for finding out whether all of it is
    /// still there.
    ///
    /// # Errors
    /// When the home of the log is out of reach, or the log is damaged.
    pub async fn read_all(&self) -> Result<WholeLog, LogError> {
        let mut entries = Vec::new();
        let take = &mut read::Take::Entries(&mut entries);
        let history = self.whole(History::beginning(0), [None, None], take).await?;
        Ok(WholeLog { entries, history })
    }

    /// Appends one event behind `history`. Where the log moves, the entry that says so is carried along first.
    ///
    /// # Errors
    /// When the home of the log is out of reach. Losing the race for the sequence number is not an error.
    pub async fn append(
        &self,
        mut history: History,
        event: Event,
        at: DateTime<Utc>,
        by: Author,
    ) -> Result<Appended, LogError> {
        self.carry(&mut history).await?;
        let raised = u64::from(matches!(event, Event::Role { .. }));
        let epoch = history.state.as_ref().map_or(FIRST_EPOCH, |state| state.epoch + raised);
        let seq = history.next_seq();
        let entry = Entry { format: FORMAT, group: self.group.clone(), seq, epoch, at, by, event };
        let encode = |cause| LogError::Encode { group: self.group.clone(), cause };
        let mut bytes = serde_json::to_vec(&entry).map_err(NotCanonical).map_err(encode)?;
        bytes.push(b'\n');
        let key = layout::group_log_entry(&self.group, seq);
        let home = history.home;
        let written =
            self.homes[home].store.create(&key, &bytes).await.map_err(|cause| self.out_of_reach(cause))?;
        if written == Written::Lost {
            return Ok(Appended::Lost);
        }
        // what counts is what others read: documents hold milliseconds, for example
        let entry = Entry::decode(&key, &bytes).map_err(|cause| self.unreadable(cause))?;
        let milestone = keep::is_milestone(&entry.event);
        let read = Read { entry, digest: digest::of_bytes(&bytes) };
        let mut history = self.fold_on(history, home, vec![read], &mut read::Take::Heads)?;
        if milestone || history.behind_head > keep::LAG {
            self.keep_head(&mut history).await;
        }
        Ok(Appended::Done(Box::new(history)))
    }

    fn out_of_reach(&self, cause: StoreError) -> LogError {
        LogError::Store { group: self.group.clone(), cause }
    }

    fn unreadable(&self, cause: DecodeError) -> LogError {
        LogError::Entry { group: self.group.clone(), cause }
    }
}
