//! A table's log, made by hand in a store in memory that writes down what is asked of it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow_json::ReaderBuilder;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use lakedr::delta::checkpoint::schema::{Content, add, checkpoint_schema};
use lakedr::delta::listing::LogListing;
use lakedr::observe::delta_table::DeltaTable;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

/// How a checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Classic,
    Parts(usize),
    /// A uuid-named top, in Parquet or JSON, with the files of the table in a number of sidecars; with none they
    /// are in the top itself.
    Uuid {
        json: bool,
        sidecars: usize,
    },
}

/// A log in the making.
#[derive(Debug, Clone)]
pub(crate) struct LogLab {
    pub(crate) store: Arc<Recorder>,
    url: String,
}

impl LogLab {
    /// A table at a url; its scheme decides how the log is listed.
    pub(crate) fn at(url: &str) -> Self {
        Self { store: Arc::new(Recorder::default()), url: url.to_owned() }
    }

    pub(crate) fn table(&self) -> DeltaTable {
        DeltaTable::new(Arc::clone(&self.store) as Arc<dyn ObjectStore>, Path::from("t"), self.url.clone())
    }

    pub(crate) async fn listing(&self) -> LogListing {
        self.table().listing().await.unwrap()
    }

    pub(crate) async fn put(&self, name: &str, content: impl Into<PutPayload>) {
        self.store.inner.put(&file(name), content.into()).await.unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.store.inner.delete(&file(name)).await.unwrap();
    }

    /// Names of the files below the log, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        let objects: Vec<ObjectMeta> =
            self.store.inner.list(Some(&file(""))).map(Result::unwrap).collect().await;
        let name = |object: &ObjectMeta| object.location.as_ref().replace("t/_delta_log/", "");
        let mut names: Vec<String> = objects.iter().map(name).collect();
        names.sort();
        names
    }

    pub(crate) async fn commit(&self, version: u64, lines: &[String]) {
        self.put(&format!("{version:020}.json"), lines.join("\n")).await;
    }

    /// Writes a checkpoint whose actions are the lines.
    pub(crate) async fn checkpoint(&self, version: u64, form: Form, lines: &[String]) {
        match form {
            Form::Classic => {
                self.put(&format!("{version:020}.checkpoint.parquet"), parquet(Content::V1, lines)).await;
            }
            Form::Parts(parts) => {
                for (part, lines) in (1..).zip(dealt(lines, parts)) {
                    let name = format!("{version:020}.checkpoint.{part:010}.{parts:010}.parquet");
                    self.put(&name, parquet(Content::V1, &lines)).await;
                }
            }
            Form::Uuid { json, sidecars } => self.v2(version, json, sidecars, lines).await,
        }
    }

    async fn v2(&self, version: u64, json: bool, sidecars: usize, lines: &[String]) {
        let is_file = |line: &String| line.starts_with("{\"add\"") || line.starts_with("{\"remove\"");
        let (files, mut top): (Vec<String>, Vec<String>) = lines.iter().cloned().partition(is_file);
        top.push(format!(r#"{{"checkpointMetadata":{{"version":{version}}}}}"#));
        if sidecars == 0 {
            top.splice(0..0, files);
        } else {
            for (number, lines) in dealt(&files, sidecars).into_iter().enumerate() {
                let name = format!("{}.parquet", Uuid::from_u128(u128::from(version) << 16 | number as u128));
                let content = parquet(Content::V1, &lines);
                let size = content.len();
                top.push(format!(
                    r#"{{"sidecar":{{"path":"{name}","sizeInBytes":{size},"modificationTime":1}}}}"#
                ));
                self.put(&format!("_sidecars/{name}"), content).await;
            }
        }
        let uuid = Uuid::from_u128(u128::from(version) << 16 | 0xffff);
        if json {
            self.put(&format!("{version:020}.checkpoint.{uuid}.json"), top.join("\n") + "\n").await;
        } else {
            self.put(&format!("{version:020}.checkpoint.{uuid}.parquet"), parquet(Content::V2, &top)).await;
        }
    }
}

fn file(name: &str) -> Path {
    Path::from(format!("t/_delta_log/{name}"))
}

/// Deals lines out to a number of files.
fn dealt(lines: &[String], files: usize) -> Vec<Vec<String>> {
    let mut dealt = vec![Vec::new(); files];
    for (number, line) in lines.iter().enumerate() {
        dealt[number % files].push(line.clone());
    }
    dealt
}

/// Lines as a Parquet file with row groups of a few rows.
pub(crate) fn parquet(content: Content, lines: &[String]) -> Vec<u8> {
    let schema = Arc::new(checkpoint_schema(content, add()));
    let text = lines.join("\n");
    let rows = ReaderBuilder::new(Arc::clone(&schema)).build(text.as_bytes()).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    for batch in rows {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A store in memory, and the requests that it got.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    inner: InMemory,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// The requests since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn record(&self, verb: &str, key: &Path) {
        let key = key.as_ref().replace("t/_delta_log/", "");
        self.requests.lock().unwrap().push(format!("{verb} {key}"));
    }

    /// Writes down each object that a listing gives away.
    fn shown(
        &self,
        objects: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let requests = Arc::clone(&self.requests);
        let write_down = move |object: &Result<ObjectMeta>| {
            let name = object.as_ref().unwrap().location.as_ref().replace("t/_delta_log/", "");
            requests.lock().unwrap().push(format!("shows {name}"));
        };
        objects.inspect(write_down).boxed()
    }
}

impl fmt::Display for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("recorder")
    }
}

#[async_trait]
impl ObjectStore for Recorder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.record("put", location);
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.record("put", location);
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.record(if options.head { "head" } else { "get" }, location);
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.record("get ranges", location);
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.record("list", prefix.unwrap());
        self.shown(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.record("list behind", offset);
        self.shown(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.record("list folder", prefix.unwrap());
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.record("copy", to);
        self.inner.copy_opts(from, to, options).await
    }
}
