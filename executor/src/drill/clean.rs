//! Removing the copy of a drill: everything below its folder, and nothing else.

use futures::{StreamExt as _, stream};
use lakedr_control::store::OpenedStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _};

use crate::error::DataError;

/// Objects that are listed before they are deleted; as many as one request to S3 takes.
const AT_ONCE: usize = 1_000;

/// Removes every object below an opened folder; how many there were.
///
/// # Errors
/// When the store cannot be listed, or keeps what it should delete.
pub(super) async fn remove(folder: &OpenedStore) -> Result<u64, DataError> {
    let failed = |verb, cause| DataError { verb, url: folder.url.to_string(), cause };
    let mut listed = folder.store.list(Some(&folder.root)).ready_chunks(AT_ONCE);
    let mut removed = 0;
    while let Some(objects) = listed.next().await {
        let mut doomed: Vec<Path> = Vec::new();
        for object in objects {
            match object {
                Ok(object) => doomed.push(object.location),
                Err(Error::NotFound { .. }) => {}
                Err(cause) => return Err(failed("list", cause)),
            }
        }
        removed += doomed.len() as u64;
        let mut answers = folder.store.delete_stream(stream::iter(doomed.into_iter().map(Ok)).boxed());
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(cause) => return Err(failed("delete what lies below", cause)),
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt as _, PutPayload};

    use super::*;

    #[tokio::test]
    async fn only_what_lies_below_goes() {
        let store = Arc::new(InMemory::new());
        for key in ["d/copy/a/1", "d/copy/b", "d/copyright", "d/report.json", "x"] {
            store.put(&Path::from(key), PutPayload::from_static(b"1")).await.unwrap();
        }
        let folder = OpenedStore {
            store: store.clone(),
            root: Path::from("d/copy"),
            url: "s3://b/d/copy".parse().unwrap(),
            cloud: None,
        };
        assert_eq!(remove(&folder).await.unwrap(), 2);
        let mut left: Vec<String> =
            store.list(None).map(|object| object.unwrap().location.to_string()).collect().await;
        left.sort();
        assert_eq!(left, ["d/copyright", "d/report.json", "x"]);
    }
}
