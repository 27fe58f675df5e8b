use std::sync::Arc;
use std::time::Duration;

use arrow_json::ReaderBuilder;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::checkpoint::footer;
use super::head::head;
use super::row_group::RowGroup;
use super::*;
use crate::delta::checkpoint::read::{Part, row_groups};
use crate::delta::checkpoint::schema::{Content, add, checkpoint_schema};
use crate::observe::delta_table::DeltaTable;
use crate::observe::log_store::LogStore;

const FILES: usize = 1_000;
const CHECKPOINT: &str = "t/_delta_log/00000000000000000003.checkpoint.parquet";

fn add_line(number: usize) -> String {
    format!(r#"{{"add":{{"path":"f-{number}","size":{number},"stats":"{{\"numRecords\":1}}"}}}}"#)
}

const HEAD: [&str; 4] = [
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
    r#"{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{}","partitionColumns":[]}}"#,
    r#"{"txn":{"appId":"s","version":7}}"#,
    r#"{"domainMetadata":{"domain":"d","configuration":"x","removed":false}}"#,
];

/// A checkpoint whose head is scattered among its files.
fn lines() -> Vec<String> {
    let mut lines: Vec<String> = (0..FILES).map(add_line).collect();
    for (at, line) in [0, 333, 334, FILES].into_iter().zip(HEAD).rev() {
        lines.insert(at, line.to_owned());
    }
    lines
}

fn checkpoint(group: usize, statistics: EnabledStatistics) -> Vec<u8> {
    let schema = Arc::new(checkpoint_schema(Content::V1, add()));
    let text = lines().concat();
    let reader = ReaderBuilder::new(Arc::clone(&schema)).build(text.as_bytes()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_statistics_enabled(statistics)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    for batch in reader {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

async fn store(checkpoint: Vec<u8>) -> Arc<dyn ObjectStore> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    store.put(&Path::from(CHECKPOINT), checkpoint.into()).await.unwrap();
    let commit = Path::from("t/_delta_log/00000000000000000003.json");
    store.put(&commit, r#"{"commitInfo":{}}"#.into()).await.unwrap();
    store
}

#[tokio::test]
async fn the_head_is_found_in_any_row_group() {
    for (group, statistics) in [
        (100, EnabledStatistics::Chunk),
        (100, EnabledStatistics::None),
        (2_000, EnabledStatistics::Chunk),
        (2_000, EnabledStatistics::None),
    ] {
        let bytes = checkpoint(group, statistics);
        let (size, key) = (bytes.len() as u64, Path::from(CHECKPOINT));
        let log = LogStore::new(store(bytes).await, "t".into(), "memory:///t".to_owned());
        let footer = footer(&log, &key, size).await.unwrap();
        let mut found = Vec::new();
        for number in row_groups(footer.metadata(), Part::Head) {
            let (log, key, footer) = (log.clone(), key.clone(), footer.clone());
            let actions = head(RowGroup { log, key, size, footer, number }).await.unwrap();
            found.extend(actions.iter().map(crate::delta::action::Action::line));
        }
        assert_eq!(found, HEAD, "{group} {statistics:?}");
    }
}

#[tokio::test]
async fn every_file_comes_once_from_however_many_row_groups() {
    for group in [10, 300, 2_000] {
        let table = DeltaTable::new(
            store(checkpoint(group, EnabledStatistics::Chunk)).await,
            "t".into(),
            "memory:///t".into(),
        );
        let snapshot = table.snapshot(&table.listing().await.unwrap(), None).await.unwrap();
        for columns in [Columns::Identity, Columns::All] {
            let files: Vec<_> = snapshot.files(columns).try_collect().await.unwrap();
            let mut sizes: Vec<u64> = files.iter().map(|(_, add)| add.size).collect();
            sizes.sort_unstable();
            assert_eq!(sizes, (0..FILES as u64).collect::<Vec<_>>(), "{group}");
        }
    }
}

#[tokio::test]
async fn who_stops_listening_ends_the_work() {
    let table = DeltaTable::new(
        store(checkpoint(10, EnabledStatistics::Chunk)).await,
        "t".into(),
        "memory:///t".into(),
    );
    let snapshot = table.snapshot(&table.listing().await.unwrap(), None).await.unwrap();
    let mut files = Box::pin(snapshot.files(Columns::All));
    files.next().await.unwrap().unwrap();
    assert!(Arc::strong_count(&snapshot.tail) > 1);
    drop(files);
    while Arc::strong_count(&snapshot.tail) > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_checkpoint_that_is_cleaned_up_meanwhile_has_vanished() {
    let store = store(checkpoint(10, EnabledStatistics::Chunk)).await;
    let table = DeltaTable::new(Arc::clone(&store), "t".into(), "memory:///t".into());
    let snapshot = table.snapshot(&table.listing().await.unwrap(), None).await.unwrap();
    store.delete(&Path::from(CHECKPOINT)).await.unwrap();
    let read: Result<Vec<_>, _> = snapshot.files(Columns::All).try_collect().await;
    assert!(matches!(read, Err(crate::observe::table_error::TableError::Vanished { .. })));
}
