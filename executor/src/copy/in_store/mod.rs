//! Copies that the store makes itself: no bytes go through this process.

mod pair;
mod parts;

use super::error::CopyError;
use super::job::{InPlace, Job, Located};
use super::receipt::Outcome;
use super::upload::taken;
pub(super) use pair::Pair;

/// The two buckets of a job, if their store may copy between them, as far as is known.
pub(super) fn pair(job: &Job) -> Option<Pair<'_>> {
    Pair::of(&job.source.opened, &job.target.opened).filter(|pair| !job.means.refused(&pair.names()))
}

/// Copies inside the store; none when the store will not.
///
/// # Errors
/// See [`CopyError`]: what is wrong with the file, not with this way of copying it.
pub(super) async fn copy(job: &Job, pair: &Pair<'_>) -> Result<Option<InPlace>, CopyError> {
    let source = job.locate().await?;
    let copied = if source.size > pair.whole() {
        parts::copy(job, pair, &source).await
    } else {
        pair.copy(&source, &job.target.path, &job.patience).await.map_err(CopyError::from)
    };
    match copied {
        Ok(e_tag) => Ok(Some(InPlace { size: source.size, outcome: Outcome::CopiedInStore, e_tag })),
        Err(CopyError::Wire(error)) if taken(&error) => settle_taken(job, &source).await,
        Err(CopyError::Wire(error)) if Pair::refuses(&error) => {
            let (from, to) = pair.names();
            if job.means.refuse((from.clone(), to.clone())) {
                let reason = crate::error::chain(&error);
                tracing::warn!(
                    "{from} and {to} are one store, but it does not copy between them with these \
                                credentials ({reason}); the bytes go through lakedr instead"
                );
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The target is there, or the source is not what it was.
async fn settle_taken(job: &Job, source: &Located) -> Result<Option<InPlace>, CopyError> {
    match job.look_at_target().await? {
        Some(meta) => job.settle(meta.size, Some(source.size)).map(Some),
        None => Err(CopyError::Changed { url: source.object.url.clone() }),
    }
}
