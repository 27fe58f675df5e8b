use std::sync::Arc;

use lakedr_control::store::{DocStore, LocalStore, MemoryStore, ProbeFailure, contract, probe};

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_contract() {
    contract::run(Arc::new(MemoryStore::default()), "suite").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_directory_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::run(Arc::new(LocalStore::new(folder.path().to_owned())), "suite").await.unwrap();
}

#[tokio::test]
async fn a_good_place_passes_the_probe_and_is_left_clean() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::new(folder.path().to_owned());
    probe(&store, "x").await.unwrap();
    assert!(store.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = LocalStore::new(file.path().join("below"));
    let failure = probe(&store, "x").await.unwrap_err();
    let ProbeFailure::Step { cause, .. } = failure else { panic!("{failure}") };
    assert!(cause.url.contains("below/meta/probe/x"), "{}", cause.url);
}
