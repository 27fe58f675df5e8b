//! The publish window of a group of small tables on an S3 server, as lakedr reports it, beside a plain client that
//! puts as many objects of the same size under the same condition, all at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::noise::{Files, commit};
use lakedr_e2e::servers::{ObjectServer as _, Versitygw};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use crate::child::run;
use crate::row::{Row, Verdict};
use crate::times::{median, ratio};

const ROUNDS: u64 = 9;
const TABLES: usize = 100;
const FILES: Files = Files { count: 1, bytes: 4096 };

/// The row.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let server = Versitygw::start()?;
    for bucket in ["east", "east-dr", "west", "west-dr", "plain"] {
        server.create_bucket(bucket).await?;
    }
    let folder = tempfile::tempdir()?;
    let tables: Vec<String> = (0..TABLES).map(|number| format!("bench.raw.t{number:03}")).collect();
    let sides = ["east", "west"].map(|region| Side {
        region,
        location: server.url(&format!("{region}-dr")),
        table_root: server.url(region),
        options: server.options(),
    });
    let group = Group { name: "bench".to_owned(), tables: tables.clone(), ..Group::default() };
    let declared = Declared::in_folder(folder.path(), &sides, &[group])?;
    let (source, target, plain) = (server.store("east")?, server.store("west")?, server.store("plain")?);
    let (mut windows, mut puts, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for version in 0..ROUNDS {
        try_join_all(tables.iter().map(async |name| commit(&*source, &root(name), version, FILES).await))
            .await?;
        let synced = run(&mut declared.command(&["sync"])?)?;
        let window = synced.group("published")?["publish_window_ms"].as_u64().context("a publish window")?;
        let body = target.get(&slot(&root(&tables[0]), version)).await?.bytes().await?;
        puts.push(put_all(&*plain, &tables, version, &body.into()).await?);
        windows.push(Duration::from_millis(window));
        syncs.push(synced.took);
    }
    Ok(vec![Row {
        work: format!("publish window of {TABLES} tables on versitygw"),
        ours: format!("{:.0?}, in a sync of {:.1?}", median(&windows), median(&syncs)),
        peer: format!("{TABLES} conditional puts by a plain client {:.0?}", median(&puts)),
        ratio: ratio(&windows, &puts),
        target: "–".to_owned(),
        verdict: Verdict::NoTarget,
    }])
}

async fn put_all(
    store: &dyn ObjectStore,
    tables: &[String],
    version: u64,
    body: &PutPayload,
) -> Result<Duration> {
    let start = Instant::now();
    try_join_all(tables.iter().map(async |table| {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&slot(&root(table), version), body.clone(), options).await
    }))
    .await?;
    Ok(start.elapsed())
}

fn root(table: &str) -> Path {
    table.split('.').collect()
}

fn slot(root: &Path, version: u64) -> Path {
    root.clone().join("_delta_log").join(format!("{version:020}.json"))
}
