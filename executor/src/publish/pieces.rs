use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, PutPayloadMut};

use crate::error::DataError;

/// Bytes of one part: stores want at least 5 MiB of all but the last, and take at most 10,000 of them.
const PART: usize = 8 * 1024 * 1024;

/// An object that is put together from pieces and visible once it is complete. What fits into one part is one request.
pub(super) struct Pieces<'a> {
    store: &'a dyn ObjectStore,
    path: Path,
    url: String,
    buffer: PutPayloadMut,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(store: &'a dyn ObjectStore, path: Path, url: String) -> Self {
        Self { store, path, url, buffer: PutPayloadMut::new(), upload: None }
    }

    /// Adds a piece at the end.
    pub(super) async fn put(&mut self, mut piece: Bytes) -> Result<(), DataError> {
        while self.buffer.content_length() + piece.len() >= PART {
            self.buffer.push(piece.split_to(PART - self.buffer.content_length()));
            let part = std::mem::take(&mut self.buffer).freeze();
            self.part(part).await.map_err(|cause| failed(&self.url, cause))?;
        }
        if !piece.is_empty() {
            self.buffer.push(piece);
        }
        Ok(())
    }

    async fn part(&mut self, part: PutPayload) -> object_store::Result<()> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.store.put_multipart(&self.path).await?),
        };
        upload.put_part(part).await
    }

    /// Makes the object visible.
    pub(super) async fn complete(mut self) -> Result<(), DataError> {
        let rest = std::mem::take(&mut self.buffer).freeze();
        let Some(upload) = &mut self.upload else {
            let put = self.store.put(&self.path, rest).await;
            return put.map(drop).map_err(|cause| failed(&self.url, cause));
        };
        let ended = async {
            if rest.content_length() > 0 {
                upload.put_part(rest).await?;
            }
            upload.complete().await
        };
        match ended.await {
            Ok(_) => Ok(()),
            Err(cause) => {
                let error = failed(&self.url, cause);
                self.give_up().await;
                Err(error)
            }
        }
    }

    /// Leaves nothing behind, as far as the store lets that be.
    pub(super) async fn give_up(mut self) {
        if let Some(upload) = &mut self.upload
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(url = %self.url, %error, "parts of an upload stay behind");
        }
    }
}

fn failed(url: &str, cause: object_store::Error) -> DataError {
    DataError { verb: "write", url: url.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    async fn stored(pieces: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let store = InMemory::new();
        let path = Path::from("t/x");
        let mut object = Pieces::new(&store, path.clone(), "memory:///t/x".to_owned());
        let mut expected = Vec::new();
        for (number, length) in pieces.iter().enumerate() {
            let piece: Vec<u8> = (0..*length).map(|at| (at * 31 + number).to_le_bytes()[0]).collect();
            expected.extend_from_slice(&piece);
            object.put(piece.into()).await.expect("put");
            assert!(store.head(&path).await.is_err(), "visible too early");
        }
        object.complete().await.expect("complete");
        (store.get(&path).await.expect("get").bytes().await.expect("bytes").to_vec(), expected)
    }

    #[tokio::test]
    async fn pieces_of_any_length_make_one_object() {
        for pieces in
            [vec![], vec![1], vec![0, 5, 0], vec![PART], vec![PART - 1, 2], vec![3 * PART + 7, 1, PART]]
        {
            let (found, expected) = stored(&pieces).await;
            assert!(found == expected, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn what_is_given_up_is_never_seen() {
        let directory = tempfile::TempDir::new().expect("directory");
        let store = object_store::local::LocalFileSystem::new_with_prefix(directory.path()).expect("store");
        let mut object = Pieces::new(&store, Path::from("x"), "file:///x".to_owned());
        object.put(vec![0; 2 * PART].into()).await.expect("put");
        object.give_up().await;
        assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 0);
    }
}
