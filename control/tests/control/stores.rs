use std::path::Path;
use std::sync::Arc;

use lakedr_control::store::{DocStore, LocalStore, MemoryStore, ProbeFailure, contract, probe};

fn local(root: &Path) -> LocalStore {
    LocalStore::new(root.to_owned(), format!("file://{}", root.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_contract() {
    contract::run(Arc::new(MemoryStore::default()), "suite").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_directory_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::run(Arc::new(local(folder.path())), "suite").await.unwrap();
}

#[tokio::test]
async fn a_good_place_passes_the_probe_and_is_left_clean() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path());
    probe(&store, "x").await.unwrap();
    assert!(store.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = local(&file.path().join("below"));
    let failure = probe(&store, "x").await.unwrap_err();
    let ProbeFailure::Step { cause, .. } = failure else { panic!("{failure}") };
    assert!(cause.url.ends_with("below/meta/probe/x"), "{}", cause.url);
}
