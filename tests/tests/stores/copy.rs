//! The copy stage against real servers: streamed and inside the store, small and in parts, once and again.

use anyhow::{Result, ensure};
use lakedr_e2e::servers::{Azurite, FakeGcs, ObjectServer, Versitygw};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::copy_worker::{copy, noise, outcomes, transfer};

/// Keys with every kind of character that a key of a Delta table may hold.
const KEYS: [&str; 4] =
    ["part-0.parquet", "p=a b/ü%20+.parquet", "p=x=1/t?q&r.parquet", "deep/er/é/0.parquet"];

async fn put(store: &dyn ObjectStore, key: &str, bytes: &[u8]) -> Result<()> {
    store.put(&Path::parse(key)?, PutPayload::from(bytes.to_vec())).await?;
    Ok(())
}

async fn holds(store: &dyn ObjectStore, key: &str, bytes: &[u8]) -> Result<()> {
    let found = store.get(&Path::parse(key)?).await?.bytes().await?;
    ensure!(found == bytes, "{key} holds {} other bytes", found.len());
    Ok(())
}

/// Copies between two buckets of a server, twice; `how` is what the first receipts say.
async fn between_buckets(server: &dyn ObjectServer, how: &str, sizes: &[usize]) -> Result<()> {
    for bucket in ["east", "west"] {
        server.create_bucket(bucket).await?;
    }
    let (east, west) = (server.store("east")?, server.store("west")?);
    let (from, to) = (format!("{}/lake/t", server.url("east")), format!("{}/copy/t", server.url("west")));
    let mut lines = Vec::new();
    for (seed, (key, size)) in KEYS.iter().zip(sizes.iter().cycle()).enumerate() {
        let bytes = noise(*size, seed as u64);
        put(east.as_ref(), &format!("lake/t/{key}"), &bytes).await?;
        lines.push(transfer(&from, &to, key, *size));
    }
    let receipts = copy(&server.options(), &lines, 0)?;
    ensure!(outcomes(&receipts) == vec![how; KEYS.len()], "{receipts:#?}");
    for (seed, (key, size)) in KEYS.iter().zip(sizes.iter().cycle()).enumerate() {
        holds(west.as_ref(), &format!("copy/t/{key}"), &noise(*size, seed as u64)).await?;
    }
    let again = copy(&server.options(), &lines, 0)?;
    ensure!(outcomes(&again) == vec!["found"; KEYS.len()], "{again:#?}");
    refuses(server, &from, &to).await
}

/// What is at the target under the name of another file stays, and what is gone is said to be.
async fn refuses(server: &dyn ObjectServer, from: &str, to: &str) -> Result<()> {
    let west = server.store("west")?;
    put(server.store("east")?.as_ref(), "lake/t/taken.parquet", b"the source").await?;
    put(west.as_ref(), "copy/t/taken.parquet", b"somebody's").await?;
    put(west.as_ref(), "copy/t/larger.parquet", b"somebody else's").await?;
    let lines = [
        transfer(from, to, "larger.parquet", 10),
        transfer(from, to, "missing.parquet", 10),
        transfer(from, to, "part-0.parquet", 3),
    ];
    let receipts = copy(&server.options(), &lines, 4)?;
    let classes: Vec<_> = receipts.iter().map(|receipt| receipt["error"]["class"].as_str()).collect();
    ensure!(classes == [Some("diverged"), Some("damaged"), Some("diverged")], "{receipts:#?}");
    holds(west.as_ref(), "copy/t/larger.parquet", b"somebody else's").await?;
    holds(west.as_ref(), "copy/t/taken.parquet", b"somebody's").await
}

/// Copies from a folder into a bucket: nothing but streaming can do that.
async fn from_folder(server: &dyn ObjectServer, large: usize) -> Result<()> {
    server.create_bucket("west").await?;
    let folder = tempfile::tempdir()?;
    let from = format!("file://{}", folder.path().display());
    let to = format!("{}/t", server.url("west"));
    let files = [("empty.parquet", 0), ("large.parquet", large), ("small.parquet", 65_537)];
    let mut lines = Vec::new();
    for (name, size) in files {
        std::fs::write(folder.path().join(name), noise(size, size as u64))?;
        lines.push(transfer(&from, &to, name, size));
    }
    let receipts = copy(&server.options(), &lines, 0)?;
    ensure!(outcomes(&receipts) == ["moved"; 3], "{receipts:#?}");
    let west = server.store("west")?;
    for (name, size) in files {
        holds(west.as_ref(), &format!("t/{name}"), &noise(size, size as u64)).await?;
    }
    let again = copy(&server.options(), &lines, 0)?;
    ensure!(outcomes(&again) == ["found"; 3], "{again:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_copies_between_its_buckets() -> Result<()> {
    // the last one is more than S3 is asked to copy at once
    between_buckets(&Versitygw::start()?, "copied_in_store", &[70_000, 0, 17 << 20, 257 << 20]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_copies_between_its_containers() -> Result<()> {
    between_buckets(&Azurite::start()?, "copied_in_store", &[70_000, 1, 17 << 20]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn google_copies_between_its_buckets() -> Result<()> {
    between_buckets(&FakeGcs::start()?, "copied_in_store", &[70_000, 1, 17 << 20]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stream_into_s3() -> Result<()> {
    from_folder(&Versitygw::start()?, (41 << 20) + 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stream_into_azure() -> Result<()> {
    from_folder(&Azurite::start()?, (41 << 20) + 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stream_into_google() -> Result<()> {
    // the server does not know uploads in parts
    from_folder(&FakeGcs::start()?, 16 << 20).await
}
