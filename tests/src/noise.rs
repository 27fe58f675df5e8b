//! Delta tables of a wanted shape: real logs, data files of noise.

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};

const WRITES_IN_FLIGHT: usize = 16;
const SCHEMA: &str =
    r#"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}"#;

/// How many data files a commit adds, and of which size.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    /// Their number.
    pub count: u64,
    /// Bytes of each of them.
    pub bytes: u64,
}

/// Writes version `version` of the table at `root`: the files, then the commit that adds them. Version 0 makes it.
///
/// # Errors
/// The store refuses a write.
pub async fn commit(store: &dyn ObjectStore, root: &Path, version: u64, files: Files) -> Result<()> {
    data(store, root, version, files).await?;
    log(store, root, version, files).await
}

/// The same for a version that also removes files, by their names.
///
/// # Errors
/// The store refuses a write.
pub async fn replace(
    store: &dyn ObjectStore,
    root: &Path,
    version: u64,
    (files, gone): (Files, &[String]),
) -> Result<()> {
    data(store, root, version, files).await?;
    let removes = gone.iter().map(|name| remove(name, files.bytes));
    let adds = names(version, files.count).map(|name| add(&name, files.bytes));
    put_commit(store, root, version, removes.chain(adds)).await
}

async fn data(store: &dyn ObjectStore, root: &Path, version: u64, files: Files) -> Result<()> {
    stream::iter(names(version, files.count).zip(version << 32..))
        .map(async |(name, seed)| {
            store.put(&root.clone().join(name.as_str()), bytes(files.bytes, seed).into()).await
        })
        .buffer_unordered(WRITES_IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}

/// The names of the files that a version adds.
pub fn names(version: u64, count: u64) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("part-{number:05}-v{version}.snappy.parquet"))
}

/// Writes the commit of a version alone.
///
/// # Errors
/// The store refuses the write.
pub async fn log(store: &dyn ObjectStore, root: &Path, version: u64, files: Files) -> Result<()> {
    put_commit(store, root, version, names(version, files.count).map(|name| add(&name, files.bytes))).await
}

async fn put_commit(
    store: &dyn ObjectStore,
    root: &Path,
    version: u64,
    files: impl Iterator<Item = Value>,
) -> Result<()> {
    let mut actions = vec![json!({"commitInfo": {"timestamp": 0, "operation": "WRITE"}})];
    if version == 0 {
        actions.extend(creation(root));
    }
    actions.extend(files);
    let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
    let log = root.clone().join("_delta_log").join(format!("{version:020}.json"));
    store.put(&log, lines.join("\n").into_bytes().into()).await?;
    Ok(())
}

fn creation(root: &Path) -> [Value; 2] {
    [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": format!("bench-{root}"), "format": {"provider": "parquet", "options": {}},
            "schemaString": SCHEMA, "partitionColumns": [], "configuration": {}, "createdTime": 0,
        }}),
    ]
}

fn add(name: &str, size: u64) -> Value {
    let stats = r#"{"numRecords":1000,"minValues":{"id":1},"maxValues":{"id":1000},"nullCount":{"id":0}}"#;
    json!({"add": {
        "path": name, "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": true,
        "stats": stats,
    }})
}

fn remove(name: &str, size: u64) -> Value {
    json!({"remove": {
        "path": name, "partitionValues": {}, "size": size, "deletionTimestamp": 0, "dataChange": true,
        "extendedFileMetadata": true,
    }})
}

/// Bytes that do not compress and that no two seeds share (a linear congruential generator).
#[must_use]
pub fn bytes(bytes: u64, seed: u64) -> Vec<u8> {
    let step = |state: &u64| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    let words = usize::try_from(bytes.div_ceil(8)).unwrap_or_default();
    let mut noise: Vec<u8> =
        std::iter::successors(step(&seed), step).take(words).flat_map(u64::to_le_bytes).collect();
    noise.truncate(usize::try_from(bytes).unwrap_or_default());
    noise
}
