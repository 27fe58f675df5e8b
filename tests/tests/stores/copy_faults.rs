//! Whatever goes wrong with one request, a copy ends with the same objects as without; what a copy leaves behind when
//! it is cut short is cleaned up.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_e2e::servers::{ObjectServer, Versitygw};
use nix::sys::signal::Signal;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::copy_worker::{noise, outcomes, receipts, start, transfer};
use crate::faulty_proxy::{Fault, FaultyProxy};

/// Files of every copy: two small ones, one in parts.
const FILES: [(&str, usize); 3] = [("a.parquet", 100_000), ("b.parquet", 3), ("c.parquet", (17 << 20) + 1)];

/// A copy may not take longer, the waits between its tries included.
const WITHIN: Duration = Duration::from_secs(120);

/// Copies that run at the same time.
const AT_ONCE: usize = 4;

/// One direction in which files are copied.
struct Route {
    from: String,
    /// Where the copy number n goes, and the folder in which the server or the system keeps it.
    to: Box<dyn Fn(usize) -> (String, PathBuf) + Send + Sync>,
}

/// Copies once without a fault to count the requests, then once with every fault at every request.
async fn survives(server: &Versitygw, route: &Route) -> Result<()> {
    let requests = copy_through(server, route, 0, None).await?;
    ensure!(requests > 2, "{requests} requests are not a copy");
    let faults = (0..requests).flat_map(|at| Fault::ALL.map(|fault| (at, fault)));
    stream::iter(faults.enumerate())
        .map(|(n, (at, fault))| async move {
            let copied = copy_through(server, route, n + 1, Some((at, fault))).await;
            copied.map(drop).with_context(|| format!("{fault:?} at request {at}"))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn copy_through(
    server: &Versitygw,
    route: &Route,
    n: usize,
    spoiled: Option<(usize, Fault)>,
) -> Result<usize> {
    let proxy = FaultyProxy::start(server.endpoint().trim_start_matches("http://").parse()?, spoiled)?;
    let mut options = server.options();
    options.insert("aws_endpoint".to_owned(), proxy.endpoint());
    let (to, folder) = (route.to)(n);
    let lines: Vec<_> = FILES.iter().map(|(key, size)| transfer(&route.from, &to, key, *size)).collect();
    let worker = start(&options, &lines, &[])?;
    let outcome = tokio::task::spawn_blocking(move || worker.wait(WITHIN)).await??;
    receipts(&outcome, 0)?;
    for (seed, (key, size)) in FILES.iter().enumerate() {
        let copied = std::fs::read(folder.join(key)).with_context(|| (*key).to_owned())?;
        ensure!(copied == noise(*size, seed as u64), "{key} has other bytes");
    }
    Ok(proxy.requests())
}

async fn server() -> Result<Versitygw> {
    let server = Versitygw::start()?;
    for bucket in ["east", "west"] {
        server.create_bucket(bucket).await?;
    }
    let east = server.store("east")?;
    for (seed, (key, size)) in FILES.iter().enumerate() {
        let payload = PutPayload::from(noise(*size, seed as u64));
        east.put(&object_store::path::Path::from(format!("t/{key}")), payload).await?;
    }
    Ok(server)
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_survive_a_fault_at_any_request() -> Result<()> {
    let (server, folder) = (server().await?, tempfile::tempdir()?);
    for (seed, (key, size)) in FILES.iter().enumerate() {
        std::fs::write(folder.path().join(key), noise(*size, seed as u64))?;
    }
    let west = server.bucket_dir("west");
    let to = move |n| (format!("s3://west/up/{n}"), west.join(format!("up/{n}")));
    survives(&server, &Route { from: format!("file://{}", folder.path().display()), to: Box::new(to) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_survive_a_fault_at_any_request() -> Result<()> {
    let (server, folder) = (server().await?, tempfile::tempdir()?);
    let root = folder.path().to_owned();
    let to = move |n| {
        let folder = root.join(format!("{n}"));
        (format!("file://{}", folder.display()), folder)
    };
    survives(&server, &Route { from: "s3://east/t".to_owned(), to: Box::new(to) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_inside_the_store_survive_a_fault_at_any_request() -> Result<()> {
    let server = server().await?;
    let west = server.bucket_dir("west");
    let to = move |n| (format!("s3://west/in/{n}"), west.join(format!("in/{n}")));
    survives(&server, &Route { from: "s3://east/t".to_owned(), to: Box::new(to) }).await
}

/// Folders in which the server keeps the parts of unfinished uploads, the parts themselves not counted.
fn unfinished(server: &Versitygw) -> Result<Vec<PathBuf>> {
    let mut uploads = Vec::new();
    let Ok(objects) = std::fs::read_dir(server.bucket_dir("west").join(".sgwtmp/multipart")) else {
        return Ok(uploads);
    };
    for object in objects {
        for upload in std::fs::read_dir(object?.path())? {
            uploads.push(upload?.path());
        }
    }
    Ok(uploads)
}

fn large_file(folder: &Path) -> Result<(String, usize)> {
    let size = 64 << 20;
    std::fs::write(folder.join("large.parquet"), noise(size, 1))?;
    Ok((format!("file://{}", folder.display()), size))
}

/// Begins a slow copy of a large file, sends a signal when its upload has begun, and waits for its end.
async fn cut_short(
    server: &Versitygw,
    from: &str,
    size: usize,
    signal: Signal,
) -> Result<(Option<i32>, Duration)> {
    let lines = [transfer(from, "s3://west/cut", "large.parquet", size)];
    let mut worker = start(&server.options(), &lines, &["--max-bytes-per-second", "6000000"])?;
    let deadline = Instant::now() + WITHIN;
    while unfinished(server)?.is_empty() {
        ensure!(Instant::now() < deadline, "no upload began");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.signal(signal)?;
    let outcome = worker.wait(WITHIN)?;
    Ok((outcome.code, outcome.took))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_copy_ends_at_once_and_leaves_no_upload() -> Result<()> {
    let (server, folder) = (server().await?, tempfile::tempdir()?);
    let (from, size) = large_file(folder.path())?;
    let (code, took) = cut_short(&server, &from, size, Signal::SIGINT).await?;
    ensure!(code == Some(130), "{code:?}");
    ensure!(took < Duration::from_millis(1500), "it took {took:?}");
    ensure!(unfinished(&server)?.is_empty(), "{:?}", unfinished(&server)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_copy_leaves_is_given_up_once_it_is_idle() -> Result<()> {
    let (server, folder) = (server().await?, tempfile::tempdir()?);
    let (from, size) = large_file(folder.path())?;
    cut_short(&server, &from, size, Signal::SIGKILL).await?;
    ensure!(unfinished(&server)?.len() == 1, "{:?}", unfinished(&server)?);
    let lines = |root: &str| [transfer(&from, root, "large.parquet", size)];
    // it may belong to an executor that lives
    let young = receipts(&start(&server.options(), &lines("s3://west/cut"), &[])?.wait(WITHIN)?, 0)?;
    ensure!(outcomes(&young) == ["moved"] && unfinished(&server)?.len() == 1, "{young:?}");
    std::fs::remove_file(server.bucket_dir("west").join("cut/large.parquet"))?;
    age(&unfinished(&server)?, Duration::from_secs(16 * 60))?;
    let old = receipts(&start(&server.options(), &lines("s3://west/cut"), &[])?.wait(WITHIN)?, 0)?;
    ensure!(outcomes(&old) == ["moved"] && unfinished(&server)?.is_empty(), "{:?}", unfinished(&server)?);
    Ok(())
}

/// Makes the uploads look as if nothing had happened to them for so long.
fn age(uploads: &[PathBuf], by: Duration) -> Result<()> {
    let then = SystemTime::now() - by;
    for upload in uploads {
        for part in std::fs::read_dir(upload)? {
            std::fs::File::open(part?.path())?.set_modified(then)?;
        }
        std::fs::File::open(upload)?.set_modified(then)?;
    }
    Ok(())
}
