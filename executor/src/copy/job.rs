use std::time::Duration;

use object_store::{GetResult, ObjectMeta};

use super::error::CopyError;
use super::in_store::{self, pair};
use super::manifest::Transfer;
use super::means::Means;
use super::object::Object;
use super::receipt::Outcome;
use super::retry::Patience;
use crate::report::Meter;

/// How often a file that is not found is looked for: stores may forget an object for a moment.
const LOOKS: u32 = 3;

/// Wait between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What is known of the target before a transfer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing.
    Unknown,
    /// A listing did not show it.
    Absent,
    /// A listing showed it, with so many bytes.
    There(u64),
}

/// An object is in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InPlace {
    pub(super) size: u64,
    pub(super) outcome: Outcome,
    pub(super) e_tag: Option<String>,
}

/// A source file that was found.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) object: Object,
    pub(super) size: u64,
    pub(super) e_tag: Option<String>,
}

impl Located {
    fn new(object: Object, meta: &ObjectMeta) -> Self {
        Self { object, size: meta.size, e_tag: meta.e_tag.clone() }
    }
}

/// One transfer, with everything it needs.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) transfer: Transfer,
    pub(super) presence: Presence,
    pub(super) source: Object,
    pub(super) target: Object,
    pub(super) means: Means,
    pub(super) meter: Meter,
    pub(super) patience: Patience,
}

impl Job {
    /// Puts the object in place, unless it is there. Never overwrites.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub(super) async fn carry_out(&self) -> Result<InPlace, CopyError> {
        let ended = self.place().await;
        // an upload that failed, or that somebody else's overtook
        self.means.uploads().abort_orphans().await;
        ended
    }

    async fn place(&self) -> Result<InPlace, CopyError> {
        let pair = pair(self);
        let large = self.transfer.size > self.means.sizes.whole;
        if let Some(found) = self.already_there(large, pair.is_some()).await? {
            self.meter.add(self.transfer.size);
            return Ok(found);
        }
        if let Some(pair) = pair
            && let Some(copied) = in_store::copy(self, &pair).await?
        {
            self.meter.add(self.transfer.size);
            return Ok(copied);
        }
        if large {
            let source = self.locate().await?;
            return self.in_parts(&source).await;
        }
        self.whole().await
    }

    /// Looks before a file is copied where that is worth a request, or where writing may not notice.
    async fn already_there(&self, large: bool, in_store: bool) -> Result<Option<InPlace>, CopyError> {
        let size = match self.presence {
            Presence::There(size) => Some(size),
            Presence::Absent if !large => None,
            Presence::Unknown if !large && !in_store && !self.means.suspects() => None,
            _ => self.look_at_target().await?.map(|meta| meta.size),
        };
        size.map(|size| self.settle(size, None)).transpose()
    }

    pub(super) async fn look_at_target(&self) -> Result<Option<ObjectMeta>, CopyError> {
        loop {
            match self.target.look().await {
                Ok(found) => return Ok(found),
                Err(error) => self.patience.after(error).await?,
            }
        }
    }

    /// What is at the target counts when it has the right size: names of data files are unique, and objects appear
    /// whole or not at all.
    pub(super) fn settle(&self, found: u64, expected: Option<u64>) -> Result<InPlace, CopyError> {
        if !expected.map_or_else(|| self.transfer.fits(found), |expected| expected == found) {
            let expected = expected.unwrap_or(self.transfer.size);
            return Err(CopyError::Occupied { url: self.target.url.clone(), expected, found });
        }
        self.means.suspect();
        Ok(InPlace { size: found, outcome: Outcome::Found, e_tag: None })
    }

    fn candidates(&self) -> impl Iterator<Item = Object> {
        let undecoded = self.transfer.undecoded.iter();
        let undecoded = undecoded.map(|key| self.source.at(&self.transfer.source.root, key));
        std::iter::once(self.source.clone()).chain(undecoded)
    }

    /// Finds the source file, and its size.
    pub(super) async fn locate(&self) -> Result<Located, CopyError> {
        for look in 0..LOOKS {
            for object in self.candidates() {
                match object.look().await {
                    Ok(Some(meta)) => return self.checked(Located::new(object, &meta)),
                    Ok(None) => {}
                    Err(error) => self.patience.after(error).await?,
                }
            }
            tokio::time::sleep(BETWEEN_LOOKS * look).await;
        }
        Err(CopyError::Gone { url: self.source.url.clone() })
    }

    /// Finds the source file and begins to read it.
    pub(super) async fn open(&self) -> Result<(Located, GetResult), CopyError> {
        for look in 0..LOOKS {
            for object in self.candidates() {
                match object.open(None, None).await {
                    Ok(Some(answer)) => {
                        return Ok((self.checked(Located::new(object, &answer.meta))?, answer));
                    }
                    Ok(None) => {}
                    Err(error) => self.patience.after(error).await?,
                }
            }
            tokio::time::sleep(BETWEEN_LOOKS * look).await;
        }
        Err(CopyError::Gone { url: self.source.url.clone() })
    }

    fn checked(&self, found: Located) -> Result<Located, CopyError> {
        if self.transfer.fits(found.size) {
            return Ok(found);
        }
        let (expected, found, url) = (self.transfer.size, found.size, found.object.url);
        Err(CopyError::SizeMismatch { url, expected, found })
    }
}
