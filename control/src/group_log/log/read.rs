//! Reading a log: from a head where one fits, from the first entry where none does, and on into the other home.

use std::collections::BTreeMap;

use futures::future::join;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::entry::{Entry, FIRST_SEQ};
use super::super::fold::{GroupState, fold_from};
use super::super::head::{Head, HeadIgnored};
use super::{EntryObject, GroupLog, HeadObject, History, LogError};
use crate::digest;
use crate::layout;
use crate::store::StoreError;

/// Entries that are read at the same time.
const READS_IN_FLIGHT: usize = 16;

/// An entry as it was read.
#[derive(Debug)]
pub(super) struct Read {
    /// The entry.
    pub(super) entry: Entry,
    /// Digest of the object that holds it.
    pub(super) digest: String,
}

/// What a reader is after.
pub(super) enum Take<'a> {
    /// The state: heads save it the way there.
    Heads,
    /// The state, by the entries alone.
    State,
    /// Every entry.
    Entries(&'a mut Vec<Entry>),
}

/// What listing a home came to; the error is taken when it is reported.
type Listing = Result<Vec<String>, Option<StoreError>>;

/// A state to begin with instead of the first entry.
struct Start {
    state: GroupState,
    newest: EntryObject,
    /// Keys of the entries behind it in the home of its newest entry.
    keys: Vec<String>,
}

impl GroupLog {
    /// The newest state, from the head in the first home if there is one: a log that has ever been there goes on from
    /// there, wherever it is.
    pub(super) async fn newest(&self) -> Result<History, LogError> {
        let mut history = History::beginning(0);
        let (object, start) = match self.look_for_head(0, FIRST_SEQ).await {
            Ok(looked) => looked,
            Err(cause) => return self.whole(history, [Some(cause), None], &mut Take::Heads).await,
        };
        history.heads[0] = object;
        let Some(start) = start else {
            return self.whole(history, [None, None], &mut Take::Heads).await;
        };
        let heads = history.heads.clone();
        match self.follow_from(history, start, &mut Take::Heads).await {
            // either the log is damaged or the head is: the log says which
            Err(LogError::Damaged { cause, .. }) => {
                tracing::debug!(group = %self.group, %cause, "the group log does not go on from its head");
                let history = History { heads, ..History::beginning(0) };
                self.whole(history, [None, None], &mut Take::State).await
            }
            read => read,
        }
    }

    /// Reads from the first entry on. `lost` are errors of homes that have shown themselves to be out of reach.
    pub(super) async fn whole(
        &self,
        mut history: History,
        lost: [Option<StoreError>; 2],
        take: &mut Take<'_>,
    ) -> Result<History, LogError> {
        let [first, other] = lost;
        let (first, other) = join(self.listing(0, first), self.listing(1, other)).await;
        let mut listings = [first, other];
        let home = self.first_home(&listings);
        if home == 1 && matches!(take, Take::Heads) {
            let looked = self.look_for_head(home, FIRST_SEQ).await;
            let (object, start) = looked.map_err(|cause| self.out_of_reach(cause))?;
            history.heads[home] = object;
            if let Some(start) = start {
                return self.follow_from(history, start, take).await;
            }
        }
        if !self.holds_first(&listings[home]) {
            // the first entry may be where nothing can be seen: there is no telling whether the log exists
            let unseen =
                listings.iter_mut().find_map(|listing| listing.as_mut().err().and_then(Option::take));
            if let Some(cause) = unseen {
                return Err(self.out_of_reach(cause));
            }
        }
        let keys = std::mem::replace(&mut listings[home], Ok(Vec::new())).unwrap_or_default();
        history.home = home;
        self.follow(history, home, keys, take).await
    }

    async fn listing(&self, home: usize, lost: Option<StoreError>) -> Listing {
        match lost {
            Some(cause) => Err(Some(cause)),
            None => self.homes[home].store.list(&layout::group_log(&self.group)).await.map_err(Some),
        }
    }

    /// The home that holds the first entry. A log that exists nowhere begins in the first home; which one that is
    /// may have changed in the specification since, so a log is never begun while the other home cannot be seen.
    /// Entries without a first one are a damaged log, not an absent one: reading it says what is missing.
    fn first_home(&self, listings: &[Listing; 2]) -> usize {
        let holds_any = |listing: &Listing| {
            let seq = |key: &String| layout::group_log_seq(&self.group, key);
            listing.as_ref().is_ok_and(|keys| keys.iter().any(|key| seq(key).is_some()))
        };
        let first = listings.iter().position(|listing| self.holds_first(listing));
        first.or_else(|| listings.iter().position(holds_any)).unwrap_or(0)
    }

    fn holds_first(&self, listing: &Listing) -> bool {
        let first = layout::group_log_entry(&self.group, FIRST_SEQ);
        listing.as_ref().is_ok_and(|keys| keys.contains(&first))
    }

    /// The object at the place of a home's head; and the state that it holds, if that fits the log there and its
    /// newest entry is `from` or a later one.
    async fn look_for_head(&self, home: usize, from: u64) -> Result<(HeadObject, Option<Start>), StoreError> {
        let store = &self.homes[home].store;
        let Some(object) = store.read(&layout::group_log_head(&self.group)).await? else {
            return Ok((HeadObject::Absent, None));
        };
        let start = match Head::decode(&self.group, &object.bytes) {
            Ok(head) if head.state.seq() < from => Ok(None),
            Ok(head) => self.start(home, head).await?.map(Some),
            Err(cause) => Err(cause),
        };
        let start = start.unwrap_or_else(|cause| {
            tracing::debug!(group = %self.group, url = store.url(), %cause, "the head of the group log is ignored");
            None
        });
        Ok((HeadObject::Found(object.tag), start))
    }

    async fn start(&self, home: usize, head: Head) -> Result<Result<Start, HeadIgnored>, StoreError> {
        let (store, seq) = (&self.homes[home].store, head.state.seq());
        let key = layout::group_log_entry(&self.group, seq);
        let (keys, entry) = join(self.listed_from(home, seq), store.read(&key)).await;
        let keys = keys?;
        let entry = entry?.filter(|_| keys.contains(&key)).map(|object| digest::of_bytes(&object.bytes));
        let fits = head.check_entry(entry.as_deref());
        let Head { state, entry_digest: digest, .. } = head;
        Ok(fits.map(|()| Start { state, newest: EntryObject { home, digest }, keys }))
    }

    /// Where the log goes on after an entry in `home`.
    fn next_home(&self, home: usize, moving_to: Option<&str>) -> usize {
        let moved = moving_to.and_then(|region| self.homes.iter().position(|home| home.region == region));
        moved.unwrap_or(home)
    }

    /// Keys in the log folder of a home from entry `from` on.
    pub(super) async fn listed_from(&self, home: usize, from: u64) -> Result<Vec<String>, StoreError> {
        let before = layout::group_log_entry(&self.group, from.saturating_sub(1));
        let listed = self.homes[home].store.list_after(&layout::group_log(&self.group), &before).await?;
        Ok(listed.into_iter().map(|object| object.key).collect())
    }

    async fn follow_from(
        &self,
        history: History,
        start: Start,
        take: &mut Take<'_>,
    ) -> Result<History, LogError> {
        let at = start.newest.home;
        let (history, keys) = self.begin_at(history, start);
        self.follow(history, at, keys, take).await
    }

    fn begin_at(&self, history: History, start: Start) -> (History, Vec<String>) {
        let Start { state, newest, keys } = start;
        let home = self.next_home(newest.home, state.moving_to.as_deref());
        let history = History { state: Some(state), home, newest: Some(newest), behind_head: 0, ..history };
        (history, keys)
    }

    /// Reads what comes behind `history` in the home where it goes on, and wherever that leads.
    pub(super) async fn go_on(&self, history: History) -> Result<History, LogError> {
        let home = history.home;
        let keys = self.listed_from(home, history.next_seq()).await;
        let keys = keys.map_err(|cause| self.out_of_reach(cause))?;
        self.follow(history, home, keys, &mut Take::Heads).await
    }

    /// Reads what comes behind `history`: in home `at`, of which `keys` are known, and wherever the log goes on.
    async fn follow(
        &self,
        mut history: History,
        mut at: usize,
        mut keys: Vec<String>,
        take: &mut Take<'_>,
    ) -> Result<History, LogError> {
        loop {
            if history.home == at {
                let stretch = self.stretch(at, &keys, history.next_seq()).await?;
                history = self.fold_on(history, at, stretch, take)?;
            }
            if history.home == at {
                return Ok(history);
            }
            at = history.home;
            if matches!(take, Take::Heads) {
                let looked = self.look_for_head(at, history.next_seq()).await;
                let (object, start) = looked.map_err(|cause| self.out_of_reach(cause))?;
                history.heads[at] = object;
                if let Some(start) = start {
                    (history, keys) = self.begin_at(history, start);
                    continue;
                }
            }
            keys =
                self.listed_from(at, history.next_seq()).await.map_err(|cause| self.out_of_reach(cause))?;
        }
    }

    /// Entries of one home from `from` on, in order.
    pub(super) async fn stretch(
        &self,
        home: usize,
        keys: &[String],
        from: u64,
    ) -> Result<Vec<Read>, LogError> {
        let by_seq: BTreeMap<u64, &String> = keys
            .iter()
            .filter_map(|key| layout::group_log_seq(&self.group, key).map(|seq| (seq, key)))
            .filter(|(seq, _)| *seq >= from)
            .collect();
        // collected first: a lazy iterator over borrowed keys would make this future impossible to send
        let reads: Vec<_> = by_seq.into_values().map(|key| self.entry(home, key)).collect();
        let entries: Vec<Option<Read>> = stream::iter(reads).buffered(READS_IN_FLIGHT).try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    pub(super) async fn entry(&self, home: usize, key: &str) -> Result<Option<Read>, LogError> {
        let object = self.homes[home].store.read(key).await.map_err(|cause| self.out_of_reach(cause))?;
        let Some(object) = object else { return Ok(None) };
        let entry = Entry::decode(key, &object.bytes).map_err(|cause| self.unreadable(cause))?;
        Ok(Some(Read { entry, digest: digest::of_bytes(&object.bytes) }))
    }

    /// Folds entries of home `at` into a history, up to and including the first `moved` that leads elsewhere.
    pub(super) fn fold_on(
        &self,
        mut history: History,
        at: usize,
        stretch: Vec<Read>,
        take: &mut Take<'_>,
    ) -> Result<History, LogError> {
        for Read { entry, digest } in stretch {
            let state = fold_from(history.state.take(), [&entry]);
            history.state = state.map_err(|cause| LogError::Damaged {
                group: self.group.clone(),
                url: self.homes[at].store.url().to_owned(),
                cause,
            })?;
            history.newest = Some(EntryObject { home: at, digest });
            history.behind_head += 1;
            let moving_to = history.state.as_ref().and_then(|state| state.moving_to.as_deref());
            history.home = self.next_home(at, moving_to);
            if let Take::Entries(entries) = take {
                entries.push(entry);
            }
            if history.home != at {
                break;
            }
        }
        Ok(history)
    }
}
