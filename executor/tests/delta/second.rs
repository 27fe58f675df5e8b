//! The second implementation on every golden table, and on logs that are made to differ.

use std::sync::Arc;

use futures::TryStreamExt as _;
use lakedr::delta::changes::FileChanges;
use lakedr::observe::snapshot::Snapshot;
use lakedr::second::{
    Opinion, OpinionError, SecondError, changes, compare, compare_changes, read, second_opinion,
};
use lakedr::spec::TableStore;
use lakedr_control::store::OpenedStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::clone::{chain, local, store};
use crate::golden::{Golden, Kind, tables};

/// What becomes of one golden table, in words; nothing when both implementations agree.
async fn verdict(table: &Golden) -> Option<String> {
    let ours = local(&table.path);
    let listing = ours.listing().await.unwrap();
    let snapshot = match ours.snapshot(&listing, None).await {
        Ok(snapshot) => snapshot,
        Err(_) => return Some("we refuse it".to_owned()),
    };
    match second_opinion(&store(&table.path), &snapshot).await {
        Ok(opinion) if opinion.agrees() && opinion.respelled == 0 => None,
        Ok(opinion) if opinion.agrees() => Some(format!("{} respelled", opinion.respelled)),
        Ok(opinion) => Some(format!("{opinion:?}")),
        Err(OpinionError::Second(SecondError::CannotRead { feature, .. })) => Some(feature),
        Err(error) => Some(chain(&error)),
    }
}

#[tokio::test]
async fn both_implementations_see_every_table_alike() {
    let exceptions = [
        ("data/table-with-geo", "Unsupported Delta table type: 'geometry(OGC:CRS84)'"),
        ("extra/catalog_owned_preview", "Max catalog version is required"),
        ("canonicalized-paths-normal-a", "1 respelled"),
        ("canonicalized-paths-special-a", "1 respelled"),
        ("canonicalized-paths-normal-b", "1 respelled"),
        ("canonicalized-paths-special-b", "1 respelled"),
        ("deltalog-invalid-protocol-version", "Reader features must not be present"),
        ("missing-metadata", "we refuse it"),
        ("without-protocol", "we refuse it"),
    ];
    let mut wrong = Vec::new();
    for table in tables(&[Kind::Copy, Kind::Empty, Kind::LogOnly, Kind::Refuse]) {
        let expected = exceptions.iter().find(|(name, _)| table.name.contains(name)).map(|(_, why)| *why);
        match (verdict(&table).await, expected) {
            (None, None) => {}
            (Some(verdict), Some(expected)) if verdict.contains(expected) => {}
            (verdict, _) => wrong.push(format!("{}: {verdict:?}", table.name)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What came since each version of every golden table, by both implementations.
#[tokio::test]
async fn both_implementations_see_what_came_since_alike() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for table in tables(&[Kind::Copy, Kind::Empty, Kind::LogOnly]) {
        let (ours, theirs) = (local(&table.path), store(&table.path));
        let listing = ours.listing().await.unwrap();
        let Some(version) = listing.latest_commit() else { continue };
        for after in 0..version {
            let Ok(commits) = ours.changes(&listing, after, version).await else { continue };
            let Ok(before) = ours.snapshot(&listing, Some(after)).await else { continue };
            let head = commits.iter().fold(before.head, |head, commit| head.after(commit));
            match changes(&theirs, after, version).await {
                Ok(Some(second)) => {
                    let opinion = compare_changes(&head, &FileChanges::of(commits), &second).unwrap();
                    compared += 1;
                    if !opinion.agrees() {
                        wrong.push(format!("{} after {after}: {opinion:?}", table.name));
                    }
                }
                // its log begins with a checkpoint behind that version, or it does not know the table
                Ok(None) | Err(SecondError::CannotRead { .. }) => {}
                Err(error) => wrong.push(format!("{} after {after}: {}", table.name, chain(&error))),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared >= 100, "{compared} ranges compared");
}

const PROTOCOL: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;
const METADATA: &str = r#"{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{}}}"#;
const A: &str = r#"{"add":{"path":"a%20b","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}","tags":{"k":null}}}"#;
const B: &str =
    r#"{"add":{"path":"b","partitionValues":{},"size":2,"modificationTime":1,"dataChange":true}}"#;

/// A table of one commit, below a root that a url would have to escape.
async fn made(commit: &[&str]) -> TableStore {
    let place = OpenedStore {
        store: Arc::new(InMemory::new()),
        root: Path::parse("lake/50% t").unwrap(),
        url: "s3://memory/lake/50%25 t".parse().unwrap(),
        cloud: None,
    };
    let table = TableStore::at("cat.s.t".parse().unwrap(), place);
    let (key, _) = table.log_file("00000000000000000000.json");
    table.store.put(&key, PutPayload::from(commit.join("\n"))).await.unwrap();
    table
}

async fn snapshot(table: &TableStore) -> Snapshot {
    let table = table.table();
    table.snapshot(&table.listing().await.unwrap(), None).await.unwrap()
}

/// What two logs that should be one come to.
async fn opinion(ours: &[&str], theirs: &[&str]) -> Opinion {
    let ours = snapshot(&made(ours).await).await;
    compare(&ours, read(&made(theirs).await, 0).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_disagreement_is_named() {
    let equal = opinion(&[PROTOCOL, METADATA, A, B], &[PROTOCOL, METADATA, B, A]).await;
    assert!(equal.agrees() && equal.files == 2, "{equal:?}");
    let changed =
        B.replace("\"size\":2", "\"size\":3").replace("\"modificationTime\":1", "\"modificationTime\":2");
    let other = METADATA
        .replace("\"id\":\"t\"", "\"id\":\"u\"")
        .replace("\"configuration\":{}", "\"configuration\":{\"k\":\"v\"}");
    let c = A.replace("a%20b", "a b");
    let found = opinion(&[PROTOCOL, METADATA, A, B], &[PROTOCOL, &other, &changed, &c]).await;
    let expected = [
        "they disagree on the id",
        "they disagree on the configuration",
        "file `a b`: only the second implementation sees it",
        "file `a%20b`: the second implementation does not see it",
        "file `b`: they disagree on size, modificationTime",
    ];
    assert_eq!(found.disagreements, expected);
    assert!(!found.agrees() && found.files_disagreed == 3);
}

#[tokio::test]
async fn long_lists_of_disagreements_are_cut_short_and_counted() {
    let adds: Vec<String> = (0..60).map(|at| B.replace("\"b\"", &format!("\"f{at}\""))).collect();
    let all: Vec<&str> = [PROTOCOL, METADATA].into_iter().chain(adds.iter().map(String::as_str)).collect();
    let resized: Vec<String> = all.iter().map(|line| line.replace("\"size\":2", "\"size\":3")).collect();
    let resized: Vec<&str> = resized.iter().map(String::as_str).collect();
    for theirs in [&all[..2], &resized] {
        let found = opinion(&all, theirs).await;
        assert_eq!((found.disagreements.len(), found.files_disagreed), (20, 60));
    }
}

#[tokio::test]
async fn features_that_the_second_implementation_lacks_are_named() {
    let later = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["later"],"writerFeatures":["later"]}}"#;
    let columnless =
        METADATA.replace(r#"{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}"#, "");
    let cases = [(later, METADATA, "later"), (PROTOCOL, columnless.as_str(), "a schema without columns")];
    for (protocol, metadata, feature) in cases {
        let error = read(&made(&[protocol, metadata, A]).await, 0).await.unwrap_err();
        assert!(
            matches!(&error, SecondError::CannotRead { feature: found, .. } if found.contains(feature)),
            "{error:?}"
        );
    }
    let gone = read(&made(&[PROTOCOL, METADATA]).await, 7).await.unwrap_err();
    assert!(matches!(gone, SecondError::Failed { .. }), "{gone:?}");
}

#[tokio::test]
async fn who_stops_listening_ends_the_work() {
    let adds: Vec<String> = (0..20_000).map(|at| B.replace("\"b\"", &format!("\"f{at}\""))).collect();
    let lines: Vec<&str> = [PROTOCOL, METADATA].into_iter().chain(adds.iter().map(String::as_str)).collect();
    let table = made(&lines).await;
    let read_all: Vec<_> = read(&table, 0).await.unwrap().files().try_collect().await.unwrap();
    assert_eq!(read_all.len(), 20_000);
    // the runtime of this test does not end before the work does
    drop(read(&table, 0).await.unwrap());
    let mut first = std::pin::pin!(read(&table, 0).await.unwrap().files());
    assert!(first.try_next().await.unwrap().is_some());
}
