use futures::stream::{Stream, StreamExt as _};
use lakedr_control::group_log::FailureClass;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::error::CopyError;
use super::job::{InPlace, Job};
use super::lanes::Lanes;
use super::manifest::Transfer;
use crate::error::{Classify as _, Failure, Stage};

/// A transfer that is over.
pub(super) struct Ended {
    pub(super) transfer: Transfer,
    pub(super) end: Result<InPlace, CopyError>,
}

impl Ended {
    /// The failure of the copy stage that this is, if it is one.
    pub(super) fn placed(self) -> Result<(Transfer, InPlace), Failure> {
        match self.end {
            Ok(placed) => Ok((self.transfer, placed)),
            Err(error) => Err(error.at(Stage::Copy, &self.transfer.table)),
        }
    }
}

/// Carries out jobs, many at a time, and tells of each as it ends. Ends with the first error of `jobs` or `told`;
/// what is under way is then dropped, and nothing of it runs any more when this returns.
pub(super) async fn carry_out_all(
    jobs: impl Stream<Item = Result<Job, Failure>>,
    mut told: impl FnMut(Ended) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut jobs = std::pin::pin!(jobs.fuse());
    let mut at_work = JoinSet::new();
    let (mut lanes, begin) = (Lanes::new(), Instant::now());
    let ended = loop {
        tokio::select! {
            next = jobs.next(), if !jobs.is_done() && at_work.len() < lanes.width() => match next {
                Some(Ok(job)) => drop(at_work.spawn(work(job))),
                Some(Err(failure)) => break Err(failure),
                None => {}
            },
            Some(done) = at_work.join_next() => {
                lanes.finished(begin.elapsed());
                if let Err(failure) = done.map_err(lost).and_then(&mut told) {
                    break Err(failure);
                }
            }
            else => break Ok(()),
        }
    };
    at_work.shutdown().await;
    ended
}

async fn work(job: Job) -> Ended {
    let end = job.carry_out().await;
    Ended { transfer: job.transfer, end }
}

fn lost(error: JoinError) -> Failure {
    Failure {
        stage: Stage::Copy,
        subject: "a transfer".to_owned(),
        class: FailureClass::Internal,
        retryable: false,
        cause: Box::new(error),
    }
}
