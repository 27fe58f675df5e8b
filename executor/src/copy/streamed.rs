use std::ops::Range;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::multipart::PartId;
use object_store::{ObjectMeta, PutPayload};

use super::compare::same_bytes;
use super::error::CopyError;
use super::job::{InPlace, Job, Located};
use super::read::Reading;
use super::receipt::Outcome;
use super::sizes::PARTS_AT_ONCE;
use super::upload::{Completed, Held, Upload};

/// Copies whose bytes go through this process.
impl Job {
    fn reading<'a>(&'a self, source: &'a Located) -> Reading<'a> {
        let e_tag = source.e_tag.as_deref();
        Reading { object: &source.object, e_tag, limit: &self.means.limit, patience: &self.patience }
    }

    /// One request each way.
    pub(super) async fn whole(&self) -> Result<InPlace, CopyError> {
        let mut memory = self.means.memory(self.transfer.size).await;
        let (source, answer) = self.open().await?;
        if source.size > self.means.sizes.whole {
            // a file of deletion vectors that is larger than the log lets on
            drop((answer, memory));
            return self.in_parts(&source).await;
        }
        if source.size > self.transfer.size {
            drop(memory.take());
            memory = self.means.memory(source.size).await;
        }
        let payload = self.reading(&source).all(0..source.size, Some(answer)).await?;
        let put = self.create(&source, payload).await;
        drop(memory);
        self.meter.add(self.transfer.size);
        put
    }

    async fn create(&self, source: &Located, payload: PutPayload) -> Result<InPlace, CopyError> {
        // after an error it is not known whether the object was written: then it is ours if it is there
        let mut perhaps_ours = false;
        loop {
            match self.target.create(payload.clone()).await {
                Ok(Some(put)) => {
                    return Ok(InPlace { size: source.size, outcome: Outcome::Moved, e_tag: put.e_tag });
                }
                Ok(None) => {
                    let Some(meta) = self.look_at_target().await? else {
                        self.patience.after(CopyError::Contended { url: self.target.url.clone() }).await?;
                        continue;
                    };
                    let mut found = self.settle(meta.size, Some(source.size))?;
                    same_bytes(&self.target, &meta, source.e_tag.as_deref(), &payload).await?;
                    if perhaps_ours {
                        found.outcome = Outcome::Moved;
                    }
                    return Ok(InPlace { e_tag: meta.e_tag, ..found });
                }
                Err(error) => {
                    perhaps_ours = true;
                    self.patience.after(error).await?;
                }
            }
        }
    }

    /// Parallel ranged reads into parallel parts.
    pub(super) async fn in_parts(&self, source: &Located) -> Result<InPlace, CopyError> {
        let _turn = self.means.turn_of_large().await;
        self.means.leftovers().clear(&self.target).await;
        loop {
            let (held, upload) = Held::new(self.begin_upload().await?, self.means.uploads());
            let parts = stream::iter(self.means.sizes.parts(source.size).enumerate())
                .map(|(index, range)| self.part(source, &upload, index, range))
                .buffered(PARTS_AT_ONCE)
                .try_collect()
                .await?;
            if upload.complete(parts, &self.patience).await? == Completed::Done {
                held.completed();
            }
            match self.uploaded(source.size).await? {
                Some(meta) => {
                    return Ok(InPlace { size: meta.size, outcome: Outcome::Moved, e_tag: meta.e_tag });
                }
                // somebody else is completing an upload of it, or has given up ours
                None => self.patience.after(CopyError::Contended { url: self.target.url.clone() }).await?,
            }
        }
    }

    pub(super) async fn begin_upload(&self) -> Result<Upload, CopyError> {
        loop {
            match Upload::begin(&self.target).await {
                Ok(upload) => return Ok(upload),
                Err(error) => self.patience.after(error).await?,
            }
        }
    }

    /// What an upload has become: its size has to be right.
    pub(super) async fn uploaded(&self, expected: u64) -> Result<Option<ObjectMeta>, CopyError> {
        match self.look_at_target().await? {
            Some(meta) if meta.size != expected => {
                let (url, found) = (self.target.url.clone(), meta.size);
                Err(CopyError::Occupied { url, expected, found })
            }
            found => Ok(found),
        }
    }

    async fn part(
        &self,
        source: &Located,
        upload: &Upload,
        index: usize,
        range: Range<u64>,
    ) -> Result<PartId, CopyError> {
        let length = range.end - range.start;
        let memory = self.means.memory(length).await;
        let at = range.start;
        let payload = self.reading(source).all(range, None).await?;
        let part = loop {
            match upload.part(index, at, payload.clone()).await {
                Ok(part) => break part,
                Err(error) => self.patience.after(error).await?,
            }
        };
        drop(memory);
        self.patience.regain();
        self.meter.add(length);
        Ok(part)
    }
}
