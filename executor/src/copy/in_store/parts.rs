use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::multipart::PartId;

use super::pair::{Pair, copy_source};
use crate::copy::error::CopyError;
use crate::copy::job::{Job, Located};
use crate::copy::sizes::ranges;
use crate::copy::upload::{Completed, Held};
use crate::copy::wire::azure::Azure;
use crate::copy::wire::s3::S3;

/// Bytes that the store copies in one request; up to 10,000 of them, more than an object may have.
const PART: u64 = 512 << 20;

/// Requests under way for one object. They carry no bytes.
const AT_ONCE: usize = 8;

/// Copies a large object in ranges; gives its tag.
pub(super) async fn copy(job: &Job, pair: &Pair<'_>, source: &Located) -> Result<Option<String>, CopyError> {
    loop {
        let (held, upload) = Held::new(job.begin_upload().await?, job.means.uploads());
        let parts = parts(job, pair, source, upload.id()).await?;
        if upload.complete(parts, &job.patience).await? == Completed::Done {
            held.completed();
        }
        match job.uploaded(source.size).await? {
            Some(meta) => return Ok(meta.e_tag),
            None => job.patience.after(CopyError::Contended { url: job.target.url.clone() }).await?,
        }
    }
}

async fn parts(job: &Job, pair: &Pair<'_>, source: &Located, id: &str) -> Result<Vec<PartId>, CopyError> {
    stream::iter(ranges(source.size, PART).enumerate())
        .map(|(index, range)| async move {
            let (to, patience) = (&job.target.path, &job.patience);
            let part = match *pair {
                Pair::S3(handle, target) => {
                    let from = copy_source(handle, source);
                    S3 { handle: target, patience }.copy_part(&from, to, id, index, &range).await?
                }
                Pair::Azure(handle, target) => {
                    let from = Azure::readable(handle, &source.object.path, source.e_tag.clone()).await?;
                    Azure { handle: target, patience }.copy_part(&from, to, &range).await?
                }
                // copied in one request, whatever their size
                Pair::Gcs(..) => PartId { content_id: String::new() },
            };
            Ok::<_, CopyError>(part)
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}
