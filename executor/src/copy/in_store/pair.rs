use lakedr_control::store::{AzureHandle, CloudHandle, GcsHandle, OpenedStore, S3Handle};
use object_store::path::Path;

use crate::copy::error::WireError;
use crate::copy::job::Located;
use crate::copy::retry::Patience;
use crate::copy::wire::azure::Azure;
use crate::copy::wire::gcs::rewrite;
use crate::copy::wire::s3::{CopySource, S3};

/// The largest object that S3 and Azure are asked to copy in one request: Azure allows no more, and S3 is faster in
/// parts.
const WHOLE: u64 = 256 << 20;

/// Two places between which one provider may copy.
#[derive(Debug, Clone, Copy)]
pub(in crate::copy) enum Pair<'a> {
    S3(&'a S3Handle, &'a S3Handle),
    Azure(&'a AzureHandle, &'a AzureHandle),
    Gcs(&'a GcsHandle, &'a GcsHandle),
}

/// All regions of Amazon are one server, but for the partitions that are cut off from the others.
fn same_server(source: &S3Handle, target: &S3Handle) -> bool {
    let partition = |handle: &S3Handle| match handle.region.split_once('-') {
        Some(("cn", _)) => "cn",
        Some(("us", rest)) if rest.starts_with("gov-") || rest.starts_with("iso") => "us-gov",
        _ => "aws",
    };
    let server =
        |handle: &S3Handle| handle.endpoint.clone().map(|url| url.trim_end_matches('/').to_lowercase());
    match (server(source), server(target)) {
        (None, None) => partition(source) == partition(target),
        (source, target) => source == target,
    }
}

impl<'a> Pair<'a> {
    /// Two places that one provider holds. Local directories are no such pair: a link is no copy.
    pub(super) fn of(source: &'a OpenedStore, target: &'a OpenedStore) -> Option<Self> {
        match (source.cloud.as_ref()?, target.cloud.as_ref()?) {
            (CloudHandle::S3(source), CloudHandle::S3(target)) => {
                let plain = |handle: &S3Handle| handle.plain_signatures && !handle.customer_key;
                let one = same_server(source, target) && plain(source) && plain(target);
                one.then_some(Self::S3(source, target))
            }
            (CloudHandle::Azure(source), CloudHandle::Azure(target)) => Some(Self::Azure(source, target)),
            (CloudHandle::Gcs(source), CloudHandle::Gcs(target)) => {
                (source.service == target.service).then_some(Self::Gcs(source, target))
            }
            _ => None,
        }
    }

    /// Source and target, for messages and to remember them by.
    pub(super) fn names(&self) -> (String, String) {
        match self {
            Self::S3(source, target) => {
                (format!("s3://{}", source.bucket), format!("s3://{}", target.bucket))
            }
            Self::Gcs(source, target) => {
                (format!("gs://{}", source.bucket), format!("gs://{}", target.bucket))
            }
            Self::Azure(source, target) => {
                let name = |handle: &AzureHandle| format!("{}/{}", handle.service, handle.container);
                (name(source), name(target))
            }
        }
    }

    /// The largest object to copy in one request.
    pub(super) fn whole(&self) -> u64 {
        match self {
            Self::S3(..) | Self::Azure(..) => WHOLE,
            Self::Gcs(..) => u64::MAX,
        }
    }

    /// Whether an error means that this store does not copy for us, rather than that the copy failed: the
    /// credentials of the target cannot read the source, or the server does not know the request.
    pub(super) fn refuses(error: &WireError) -> bool {
        matches!(error, WireError::Sign { .. })
            || matches!(error.status(), Some(400 | 401 | 403 | 404 | 405 | 501))
    }

    /// Copies in one request, if the target is absent; gives its tag.
    pub(super) async fn copy(
        &self,
        source: &Located,
        to: &Path,
        patience: &Patience,
    ) -> Result<Option<String>, WireError> {
        let from = &source.object.path;
        match *self {
            Self::S3(handle, target) => {
                S3 { handle: target, patience }.copy(&copy_source(handle, source), to).await
            }
            Self::Azure(handle, target) => {
                let readable = Azure::readable(handle, from, source.e_tag.clone()).await?;
                Azure { handle: target, patience }.copy(&readable, to).await
            }
            Self::Gcs(handle, target) => rewrite(handle, from, target, to, patience).await,
        }
    }
}

pub(super) fn copy_source(handle: &S3Handle, source: &Located) -> CopySource {
    CopySource {
        bucket: handle.bucket.clone(),
        path: source.object.path.clone(),
        e_tag: source.e_tag.clone(),
    }
}
