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
        let look = |object: Object| async move {
            let found = object.look().await?;
            Ok(found.map(|meta| Located::new(object, &meta)))
        };
        self.checked(self.find(look).await?)
    }

    /// Finds the source file and begins to read it.
    pub(super) async fn open(&self) -> Result<(Located, GetResult), CopyError> {
        let open = |object: Object| async move {
            let answer = object.open(None, None).await?;
            Ok(answer.map(|answer| (Located::new(object, &answer.meta), answer)))
        };
        let (found, answer) = self.find(open).await?;
        Ok((self.checked(found)?, answer))
    }

    /// Looks for the source file under every key that it may have. Only a store that answers says that it is gone: a
    /// look that failed counts for nothing, and is patience's to repeat.
    async fn find<T, F>(&self, look: impl Fn(Object) -> F) -> Result<T, CopyError>
    where
        F: Future<Output = Result<Option<T>, CopyError>>,
    {
        let mut missed = 0;
        while missed < LOOKS {
            match self.look_everywhere(&look).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {
                    tokio::time::sleep(BETWEEN_LOOKS * missed).await;
                    missed += 1;
                }
                Err(error) => self.patience.after(error).await?,
            }
        }
        Err(CopyError::Gone { url: self.source.url.clone() })
    }

    async fn look_everywhere<T, F>(&self, look: &impl Fn(Object) -> F) -> Result<Option<T>, CopyError>
    where
        F: Future<Output = Result<Option<T>, CopyError>>,
    {
        for object in self.candidates() {
            if let Some(found) = look(object).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn checked(&self, found: Located) -> Result<Located, CopyError> {
        if self.transfer.fits(found.size) {
            return Ok(found);
        }
        let (expected, found, url) = (self.transfer.size, found.size, found.object.url);
        Err(CopyError::SizeMismatch { url, expected, found })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use lakedr_control::group_log::FailureClass;
    use lakedr_control::store::OpenedStore;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;
    use crate::copy::manifest::FileKind;
    use crate::copy::means::Copying;
    use crate::copy::place::Place;
    use crate::error::Classify as _;
    use crate::report::Progress;

    fn job(undecoded: Option<&str>) -> Job {
        let place = |root: &str| Place { root: root.parse().expect("url"), key: Path::from("a%20b") };
        let (source, target) = (place("s3://east/t"), place("s3://west/t"));
        let object = |place: &Place| {
            let store = Arc::new(InMemory::new());
            let opened = OpenedStore { store, root: Path::from("t"), url: place.root.clone(), cloud: None };
            Object::new(&opened, place)
        };
        Job {
            presence: Presence::Unknown,
            source: object(&source),
            target: object(&target),
            means: Copying::default().alone(None),
            meter: Progress::silent().meter(),
            patience: Patience::default(),
            transfer: Transfer {
                table: "c.s.t".parse().expect("name"),
                source,
                undecoded: undecoded.map(Path::from),
                target,
                size: 1,
                kind: FileKind::Data,
            },
        }
    }

    /// What a store answers to a look.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Answer {
        Here,
        Absent,
        Busy,
        Denied,
    }

    use Answer::{Absent, Busy, Denied, Here};

    /// Looks at a store that gives these answers, the last one for ever; what came of it, and how many looks it took.
    async fn looked(job: &Job, answers: &[Answer]) -> (Result<(), CopyError>, usize) {
        let looks = Mutex::new(0);
        let look = |object: Object| {
            let mut looks = looks.lock().expect("lock");
            let answer = answers.get(*looks).or(answers.last()).copied();
            *looks += 1;
            async move {
                let path = object.path.to_string();
                let source = || "as scripted".into();
                match answer {
                    Some(Here) => Ok(Some(())),
                    Some(Busy) => {
                        let cause = object_store::Error::Generic { store: "test", source: source() };
                        Err(object.error("look at", cause))
                    }
                    Some(Denied) => {
                        let cause = object_store::Error::PermissionDenied { path, source: source() };
                        Err(object.error("look at", cause))
                    }
                    Some(Absent) | None => Ok(None),
                }
            }
        };
        let found = job.find(look).await;
        let looks = *looks.lock().expect("lock");
        (found, looks)
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_gone_only_if_the_store_says_so() {
        for (answers, expected) in [
            (&[Here][..], 1),
            (&[Absent, Absent, Here], 3),
            (&[Busy, Busy, Busy, Here], 4),
            (&[Absent, Busy, Absent, Busy, Busy, Here], 6),
        ] {
            let (found, looks) = looked(&job(None), answers).await;
            assert!(found.is_ok() && looks == expected, "{answers:?}: {found:?} after {looks}");
        }
        for (undecoded, answers, expected) in
            [(None, &[Absent][..], 3), (Some("a b"), &[Absent], 6), (None, &[Busy, Busy, Busy, Absent], 6)]
        {
            let (found, looks) = looked(&job(undecoded), answers).await;
            assert!(matches!(found, Err(CopyError::Gone { .. })), "{answers:?}: {found:?}");
            assert_eq!(looks, expected, "{answers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_out_of_reach_is_no_missing_file() {
        for (answers, class) in [
            (&[Busy][..], FailureClass::Unreachable),
            (&[Absent, Absent, Busy], FailureClass::Unreachable),
            (&[Absent, Denied], FailureClass::Denied),
        ] {
            for undecoded in [None, Some("a b")] {
                let (found, looks) = looked(&job(undecoded), answers).await;
                let error = found.expect_err("nothing is there");
                assert_eq!(error.class(), class, "{answers:?}: {error} after {looks}");
                assert!(matches!(error, CopyError::Data(_)), "{answers:?}: {error}");
            }
        }
    }
}
