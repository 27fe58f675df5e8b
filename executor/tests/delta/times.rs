//! Commits of real and of made logs: their facts, and the version at an instant.

use std::sync::Arc;

use lakedr::observe::delta_table::DeltaTable;
use lakedr::observe::table_error::TableError;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use crate::clone::{chain, local, state};
use crate::golden::table;

#[tokio::test]
async fn commits_of_a_real_log() {
    let golden = table("extra/cdc_ict_table");
    let source = local(&golden.path);
    let listing = source.listing().await.unwrap();
    let commits = source.commits(&listing, 0, 3).await.unwrap();
    let operations: Vec<&str> = commits.iter().filter_map(|facts| facts.operation.as_deref()).collect();
    assert_eq!(operations, ["CREATE OR REPLACE TABLE", "WRITE", "DELETE", "UPDATE"]);
    assert!(commits.iter().all(|facts| facts.logical_change && facts.txn_id.is_some()));
    assert!(commits.iter().all(|facts| facts.in_commit_timestamp_ms == Some(facts.timestamp_ms)));
    let latest = state(&golden.path, None).await.unwrap();
    assert_eq!(latest.head.in_commit_timestamp, Some(1_783_874_213_881));
    assert!(source.commits(&listing, 0, 4).await.is_err());
}

const PROTOCOL: &str =
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}"#;

fn metadata(configuration: &str) -> String {
    format!(
        r#"{{"metaData":{{"id":"t","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{{configuration}}}}}}}"#
    )
}

async fn made(commits: &[String]) -> DeltaTable {
    let store = InMemory::new();
    for (version, body) in commits.iter().enumerate() {
        let key = Path::from(format!("t/_delta_log/{version:020}.json"));
        store.put(&key, PutPayload::from(body.clone())).await.unwrap();
    }
    DeltaTable::new(Arc::new(store), Path::from("t"), "memory:///t".to_owned())
}

#[tokio::test]
async fn in_commit_timestamps_decide_since_their_enablement() {
    let enabled = metadata(
        r#""delta.enableInCommitTimestamps":"true","delta.inCommitTimestampEnablementVersion":"2","delta.inCommitTimestampEnablementTimestamp":"9000000000000""#,
    );
    let timed = |ms: u64, more: &str| format!("{{\"commitInfo\":{{\"inCommitTimestamp\":{ms}}}}}\n{more}");
    let table = made(&[
        format!("{PROTOCOL}\n{}", metadata("")),
        "{\"commitInfo\":{}}".to_owned(),
        timed(9_000_000_000_000, &enabled),
        timed(9_000_000_000_100, ""),
        timed(9_000_000_000_200, ""),
    ])
    .await;
    let listing = table.listing().await.unwrap();
    let latest = table.state(&listing, None).await.unwrap();
    assert_eq!(latest.head.in_commit_timestamp, Some(9_000_000_000_200));
    let cases = [
        (9_000_000_000_000, 2),
        (9_000_000_000_099, 2),
        (9_000_000_000_100, 3),
        (9_900_000_000_000, 4),
        (8_999_999_999_999, 1),
    ];
    for (instant, version) in cases {
        let found = table.version_at(&listing, &latest.head.metadata, instant).await.unwrap();
        assert_eq!(found, version, "{instant}");
    }
    let early = table.version_at(&listing, &latest.head.metadata, 0).await.unwrap_err();
    assert!(chain(&early).contains("0 ms is before version 0"), "{}", chain(&early));
}

#[tokio::test]
async fn no_table_and_versions_that_are_not_there() {
    let nothing = made(&[]).await.listing().await.unwrap_err();
    assert!(matches!(nothing, TableError::NotATable { .. }) && !nothing.retryable());
    assert_eq!(
        nothing.to_string(),
        "no delta table at memory:///t: it has no `_delta_log` with a commit; check the url, or create the table"
    );
    let table = made(&[format!("{PROTOCOL}\n{}", metadata("")), "{\"txn\":{}}".to_owned()]).await;
    let listing = table.listing().await.unwrap();
    let future = table.state(&listing, Some(7)).await.unwrap_err();
    assert_eq!(future.to_string(), "table memory:///t has no version 7 yet, its latest is 1");
    let broken = table.state(&listing, Some(1)).await.unwrap_err();
    assert_eq!(
        chain(&broken),
        "the log of table memory:///t is damaged: `00000000000000000001.json` holds an action that cannot be \
         used: malformed txn action: required field `appId` is missing"
    );
    assert!(table.commit_bytes(1).await.unwrap().is_some());
    assert!(table.commit_bytes(2).await.unwrap().is_none());
}
