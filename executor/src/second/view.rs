use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A table as a store of its own: the root of the table is the root of the store, nothing can be written, and a folder
/// is listed in the order of names, without what lies deeper.
#[derive(Debug, Clone)]
pub(super) struct TableView {
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl TableView {
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path) -> Self {
        Self { store, root }
    }

    fn full(&self, path: &Path) -> Path {
        self.root.parts().chain(path.parts()).collect()
    }

    /// An object of the store by its place in the table.
    fn below(&self, object: ObjectMeta) -> ObjectMeta {
        let place: Option<Path> = object.location.prefix_match(&self.root).map(Iterator::collect);
        ObjectMeta { location: place.unwrap_or_else(|| object.location.clone()), ..object }
    }

    async fn sorted(self, folder: Path, offset: Path) -> Result<Vec<ObjectMeta>> {
        let listed = self.store.list_with_delimiter(Some(&self.full(&folder))).await?;
        let objects = listed.objects.into_iter().map(|object| self.below(object));
        let mut objects: Vec<ObjectMeta> = objects.filter(|object| object.location > offset).collect();
        objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }
}

impl fmt::Display for TableView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} below {}", self.root, self.store)
    }
}

fn refused(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "a table that is only read".to_owned(),
    }
}

#[async_trait]
impl ObjectStore for TableView {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused("put"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(refused("put_multipart"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(&self.full(location), options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(&self.full(location), ranges).await
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(refused("delete")) }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_with_offset(prefix, &Path::ROOT)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects = self.clone().sorted(prefix.cloned().unwrap_or_default(), offset.clone());
        stream::once(objects)
            .map_ok(|objects| stream::iter(objects.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let objects = self.clone().sorted(prefix.cloned().unwrap_or_default(), Path::ROOT).await?;
        Ok(ListResult { common_prefixes: Vec::new(), objects })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(refused("copy"))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_table_is_seen_from_its_root_and_only_read() {
        let store = Arc::new(InMemory::new());
        for key in [
            "l/50%/_delta_log/2.json",
            "l/50%/_delta_log/1.json",
            "l/50%/_delta_log/_sidecars/x",
            "l/other/y",
        ] {
            store.put(&Path::parse(key).expect("key"), PutPayload::from(key)).await.expect("put");
        }
        let view = TableView::new(store, Path::parse("l/50%").expect("root"));
        let listed = |offset: &str| {
            let objects = view.list_with_offset(Some(&Path::from("_delta_log")), &Path::from(offset));
            objects.map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>()
        };
        assert_eq!(listed("_delta_log").await.expect("list"), ["_delta_log/1.json", "_delta_log/2.json"]);
        assert_eq!(listed("_delta_log/1.json").await.expect("list"), ["_delta_log/2.json"]);
        let key = Path::from("_delta_log/1.json");
        let read = view.get(&key).await.expect("get").bytes().await.expect("bytes");
        assert_eq!(read, "l/50%/_delta_log/1.json");
        assert!(view.put(&key, PutPayload::new()).await.is_err());
        assert!(view.delete(&key).await.is_err());
        assert!(view.copy(&key, &key).await.is_err());
    }
}
