use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{GetResult, GetResultPayload, PutPayload};

use super::error::CopyError;
use super::limit::RateLimit;
use super::object::Object;
use super::retry::Patience;

/// What is read from a local file at a time: short enough that a copy can be cut short in between.
const BLOCK: u64 = 1 << 20;

/// Reads a range of an object, resuming where a connection breaks off.
pub(super) struct Reading<'a> {
    pub(super) object: &'a Object,
    /// The object may not change while it is read.
    pub(super) e_tag: Option<&'a str>,
    pub(super) limit: &'a RateLimit,
    pub(super) patience: &'a Patience,
}

impl Reading<'_> {
    /// All of `range`, beginning with an answer that is there already, if there is one.
    ///
    /// # Errors
    /// When patience is at an end, or the object changes or ends before the range does.
    pub(super) async fn all(
        &self,
        range: Range<u64>,
        begun: Option<GetResult>,
    ) -> Result<PutPayload, CopyError> {
        let (mut chunks, mut at, mut begun) = (Vec::new(), range.start, begun);
        while at < range.end {
            let answer = match begun.take() {
                Some(answer) => Ok(answer),
                None => self.open(at..range.end).await,
            };
            let read = match answer {
                Ok(answer) => self.drain(answer, &mut at, range.end, &mut chunks).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(()) if at < range.end => self.patience.after(self.truncated(&range, at)).await?,
                Ok(()) => {}
                Err(error) => self.patience.after(error).await?,
            }
        }
        Ok(PutPayload::from_iter(chunks))
    }

    async fn open(&self, range: Range<u64>) -> Result<GetResult, CopyError> {
        // it was there a moment ago: what a store forgets for a moment is asked for again
        let missing =
            || CopyError::Truncated { url: self.object.url.clone(), expected: range.end, got: range.start };
        self.object.open(Some(range.clone()), self.e_tag).await?.ok_or_else(missing)
    }

    async fn drain(
        &self,
        answer: GetResult,
        at: &mut u64,
        end: u64,
        chunks: &mut Vec<Bytes>,
    ) -> Result<(), CopyError> {
        let mut stream = match answer.payload {
            GetResultPayload::File(file, _) => return self.blocks(file, at, end, chunks).await,
            GetResultPayload::Stream(stream) => stream,
        };
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|cause| self.object.error("read", cause))?;
            self.limit.take(chunk.len() as u64).await;
            *at += chunk.len() as u64;
            if *at > end {
                return Err(CopyError::Changed { url: self.object.url.clone() });
            }
            chunks.push(chunk);
        }
        Ok(())
    }

    async fn blocks(
        &self,
        file: File,
        at: &mut u64,
        end: u64,
        chunks: &mut Vec<Bytes>,
    ) -> Result<(), CopyError> {
        let file = Arc::new(file);
        let failed = |cause| CopyError::Disk { verb: "read", path: self.object.path.to_string(), cause };
        while *at < end {
            let length = BLOCK.min(end - *at);
            self.limit.take(length).await;
            let (file, from) = (Arc::clone(&file), *at);
            let read = tokio::task::spawn_blocking(move || {
                let mut block = vec![0; usize::try_from(length).unwrap_or_default()];
                let read = file.read_at(&mut block, from)?;
                block.truncate(read);
                Ok(Bytes::from(block))
            });
            let block = read.await.map_err(|gone| failed(gone.into()))?.map_err(failed)?;
            if block.is_empty() {
                return Ok(());
            }
            *at += block.len() as u64;
            chunks.push(block);
        }
        Ok(())
    }

    fn truncated(&self, range: &Range<u64>, at: u64) -> CopyError {
        let (expected, got) = (range.end - range.start, at - range.start);
        CopyError::Truncated { url: self.object.url.clone(), expected, got }
    }
}
