//! Listing from a version on, and reading the commits behind one: as many requests as it takes, and no more.

use lakedr::observe::table_error::TableError;

use crate::log_lab::{Form, LogLab};

/// A log of commits 0 to `last`, a checkpoint with sidecars at version 3, and what else lies around in a log.
async fn lab(url: &str, last: u64) -> LogLab {
    let lab = LogLab::at(url);
    for version in 0..=last {
        let txn = format!(r#"{{"txn":{{"appId":"a","version":{version}}}}}"#);
        lab.commit(version, &[txn]).await;
        lab.put(&format!("{version:020}.crc"), "{}").await;
    }
    lab.checkpoint(3, Form::Uuid { json: true, sidecars: 3 }, &[]).await;
    for other in ["_last_checkpoint", "_staged_commits/00000000000000000009.x.json", ".tmp", "3/9.json"] {
        lab.put(other, "{}").await;
    }
    lab
}

fn versions(listing: &lakedr::delta::listing::LogListing) -> Vec<u64> {
    listing.commits().map(|(version, _)| version).collect()
}

#[tokio::test]
async fn a_store_in_order_is_listed_from_the_version_on_and_no_further() {
    let lab = lab("s3://bucket/t", 6).await;
    let listing = lab.table().listing_since(5).await.unwrap();
    assert_eq!(versions(&listing), [5, 6]);
    assert_eq!(
        lab.store.requests(),
        [
            "list behind 00000000000000000005",
            "shows 00000000000000000005.crc",
            "shows 00000000000000000005.json",
            "shows 00000000000000000006.crc",
            "shows 00000000000000000006.json",
            "shows 3/9.json",
            "shows _last_checkpoint",
        ]
    );
    let whole = lab.table().listing().await.unwrap();
    assert_eq!(whole.clone().since(5), listing);
    assert_eq!(lab.store.requests(), ["list folder t/_delta_log"]);
}

#[tokio::test]
async fn every_other_store_is_listed_whole() {
    for url in ["file:///t", "memory:///t", "s3://fast--use1-az4--x-s3/t"] {
        let lab = lab(url, 6).await;
        let listing = lab.table().listing_since(5).await.unwrap();
        assert_eq!(versions(&listing), [5, 6]);
        assert_eq!(lab.store.requests(), ["list folder t/_delta_log"]);
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_is_looked_for_twice() {
    let lab = lab("s3://bucket/t", 6).await;
    assert!(lab.table().listing_since(7).await.unwrap().is_empty());
    lab.delete("00000000000000000004.json").await;
    assert_eq!(versions(&lab.table().listing_since(4).await.unwrap()), [5, 6]);
    let requests = lab.store.requests();
    let lists: Vec<&String> = requests.iter().filter(|request| request.starts_with("list")).collect();
    assert_eq!(
        lists,
        [
            "list behind 00000000000000000007",
            "list folder t/_delta_log",
            "list behind 00000000000000000004",
            "list folder t/_delta_log",
        ]
    );
}

#[tokio::test]
async fn changes_read_each_commit_once() {
    let lab = lab("s3://bucket/t", 6).await;
    let listing = lab.table().listing_since(3).await.unwrap();
    lab.store.requests();
    let changes = lab.table().changes(&listing, 3, 6).await.unwrap();
    let progress: Vec<(u64, i64)> =
        changes.iter().map(|change| (change.facts.version, change.txns["a"].version)).collect();
    assert_eq!(progress, [(4, 4), (5, 5), (6, 6)]);
    let times: Vec<i64> = changes.iter().map(|change| change.facts.file_time_ms).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    let mut requests = lab.store.requests();
    requests.sort();
    assert_eq!(requests, [4, 5, 6].map(|version| format!("get {version:020}.json")));
    assert!(lab.table().changes(&listing, 6, 6).await.unwrap().is_empty());
}

#[tokio::test]
async fn changes_that_the_log_does_not_have() {
    let lab = lab("s3://bucket/t", 6).await;
    lab.delete("00000000000000000005.json").await;
    let listing = lab.table().listing_since(4).await.unwrap();
    let gap = lab.table().changes(&listing, 4, 6).await.unwrap_err();
    assert!(matches!(gap, TableError::LogCorrupt { .. }), "{gap}");
    let trimmed = lab.table().changes(&listing, 2, 6).await.unwrap_err();
    assert!(matches!(trimmed, TableError::VersionExpired { version: 3, .. }), "{trimmed}");
    let future = lab.table().changes(&listing, 6, 8).await.unwrap_err();
    assert!(matches!(future, TableError::VersionNotYet { version: 8, latest: 6, .. }), "{future}");
    // Listed, and gone when it is read.
    lab.delete("00000000000000000006.json").await;
    let vanished = lab.table().changes(&listing, 5, 6).await.unwrap_err();
    assert!(vanished.retryable(), "{vanished}");
}

#[tokio::test]
async fn a_replaced_commit_has_another_tag() {
    let lab = lab("s3://bucket/t", 1).await;
    let tag = async || lab.listing().await.commit(1).unwrap().tag.unwrap();
    let before = tag().await;
    assert_eq!(tag().await, before);
    lab.commit(1, &[r#"{"txn":{"appId":"b","version":7}}"#.to_owned()]).await;
    assert_ne!(tag().await, before);
}
