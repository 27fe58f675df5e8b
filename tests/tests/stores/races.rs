//! Conditional writes under contention, on the bare servers: the whole design rests on at most one winner.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::future::join_all;
use lakedr_e2e::servers::{Azurite, FakeGcs, ObjectServer, Versitygw};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};

/// How many writers race for one object.
const WRITERS: usize = 32;
/// How many objects they race for.
const ROUNDS: usize = 50;

/// Tries one conditional write; true when it won, false when the store said that another was first.
async fn won(store: &dyn ObjectStore, key: &Path, body: String, mode: PutMode) -> Result<bool> {
    match store.put_opts(key, PutPayload::from(body), mode.into()).await {
        Ok(_) => Ok(true),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

/// Lets all writers try at once; the object must hold what the only winner wrote.
///
/// No two bodies of one object are equal: where an ETag is a hash of the content, as with S3, writing the old
/// content again leaves the ETag as it was, and a second replacement is rightly let through.
async fn race(store: &Arc<dyn ObjectStore>, key: &Path, verb: &str, mode: &PutMode) -> Result<()> {
    let body = |writer: usize| format!("{verb} by writer {writer}");
    let writers = (0..WRITERS).map(|writer| {
        let (store, key, mode, body) = (Arc::clone(store), key.clone(), mode.clone(), body(writer));
        tokio::spawn(async move { won(store.as_ref(), &key, body, mode).await })
    });
    let mut winners = Vec::new();
    for (writer, outcome) in join_all(writers).await.into_iter().enumerate() {
        if outcome?? {
            winners.push(writer);
        }
    }
    ensure!(winners.len() == 1, "{verb} {key}: the writers {winners:?} won, all of them");
    let held = store.get(key).await?.bytes().await?;
    ensure!(held == body(winners[0]), "{verb} {key}: it holds {held:?}, the winner was {winners:?}");
    Ok(())
}

/// Create-if-absent, then replace-if-tag, for every key.
async fn races(server: impl ObjectServer) -> Result<()> {
    server.create_bucket("race").await?;
    let store = server.store("race")?;
    for round in 0..ROUNDS {
        let key = Path::from(format!("log/{round:020}.json"));
        race(&store, &key, "create", &PutMode::Create).await?;
        let meta = store.head(&key).await?;
        let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
        race(&store, &key, "replace", &PutMode::Update(version)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn versitygw_lets_one_writer_win() -> Result<()> {
    races(Versitygw::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_lets_one_writer_win() -> Result<()> {
    races(Azurite::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn fake_gcs_server_lets_one_writer_win() -> Result<()> {
    races(FakeGcs::start()?).await
}
