use std::fmt;
use std::future::ready;
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

/// Sorts behind every name that begins with a version.
const BEHIND_VERSIONS: &str = ":";

/// A table as a store of its own: the root of the table is the root of the store, nothing can be written, and its log
/// is listed in the order of names, without what lies in folders of the log.
#[derive(Debug, Clone)]
pub(super) struct TableView {
    store: Arc<dyn ObjectStore>,
    root: Path,
    /// The store lists in the order of names, and can begin and stop anywhere.
    in_order: bool,
}

impl TableView {
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path, in_order: bool) -> Self {
        Self { store, root, in_order }
    }

    fn full(&self, path: &Path) -> Path {
        self.root.parts().chain(path.parts()).collect()
    }

    /// An object of the store by its place in the table.
    fn below(&self, object: ObjectMeta) -> ObjectMeta {
        let place: Option<Path> = object.location.prefix_match(&self.root).map(Iterator::collect);
        ObjectMeta { location: place.unwrap_or_else(|| object.location.clone()), ..object }
    }

    /// The files of the log behind a name, asked for no further than to the first name behind all versions.
    fn behind(&self, folder: &Path, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let view = self.clone();
        let listed = self.store.list_with_offset(Some(&self.full(folder)), &self.full(offset));
        let depth = folder.parts_count();
        listed
            .map_ok(move |object| view.below(object))
            .try_take_while(move |object| ready(Ok(versions_follow(object, depth))))
            .try_filter(move |object| ready(object.location.parts_count() == depth + 1))
            .boxed()
    }

    async fn sorted(self, folder: Path, offset: Path) -> Result<Vec<ObjectMeta>> {
        let listed = self.store.list_with_delimiter(Some(&self.full(&folder))).await?;
        let objects = listed.objects.into_iter().map(|object| self.below(object));
        let mut objects: Vec<ObjectMeta> = objects.filter(|object| object.location > offset).collect();
        objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }
}

/// Whether versions may follow an object in the order of names.
fn versions_follow(object: &ObjectMeta, depth: usize) -> bool {
    object.location.parts().nth(depth).is_some_and(|name| name.as_ref() < BEHIND_VERSIONS)
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
        let folder = prefix.cloned().unwrap_or_default();
        if self.in_order {
            return self.behind(&folder, offset);
        }
        let objects = self.clone().sorted(folder, offset.clone());
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

    const ONE: &str = "_delta_log/00000000000000000001.json";
    const TWO: &str = "_delta_log/00000000000000000002.json";

    async fn view(in_order: bool) -> TableView {
        let store = Arc::new(InMemory::new());
        for below in [
            TWO,
            ONE,
            "_delta_log/00000000000000000001.x/y",
            "_delta_log/.tmp",
            "_delta_log/_last_checkpoint",
            "_delta_log/_sidecars/x",
        ] {
            let key = Path::parse(format!("l/50%/{below}")).expect("key");
            store.put(&key, PutPayload::from(below)).await.expect("put");
        }
        store.put(&Path::from("l/50%0/y"), PutPayload::new()).await.expect("put");
        TableView::new(store, Path::parse("l/50%").expect("root"), in_order)
    }

    #[tokio::test]
    async fn the_log_is_listed_in_order_and_without_folders() {
        for in_order in [false, true] {
            let view = view(in_order).await;
            let listed = |offset: &str| {
                let objects = view.list_with_offset(Some(&Path::from("_delta_log")), &Path::from(offset));
                let versioned =
                    objects.try_filter(|object| ready(object.location.as_ref().ends_with(".json")));
                versioned.map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>()
            };
            assert_eq!(listed("_delta_log").await.expect("list"), [ONE, TWO]);
            assert_eq!(listed(ONE).await.expect("list"), [TWO]);
        }
    }

    #[tokio::test]
    async fn a_table_is_seen_from_its_root_and_only_read() {
        let view = view(true).await;
        let key = Path::from(ONE);
        let read = view.get(&key).await.expect("get").bytes().await.expect("bytes");
        assert_eq!(read, ONE);
        assert!(view.put(&key, PutPayload::new()).await.is_err());
        assert!(view.put_multipart(&key).await.is_err());
        assert!(view.delete(&key).await.is_err());
        assert!(view.copy(&key, &key).await.is_err());
        assert_eq!(view.get(&key).await.expect("get").bytes().await.expect("bytes"), ONE);
    }
}
