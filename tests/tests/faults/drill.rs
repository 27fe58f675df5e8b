//! A drill is killed at one request of it after the other. Production stays as it was, byte for byte, and the next drill passes
//! and removes what the killed one left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::lake::append;
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Fault, Kind};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::lab::{End, Lab};

const TABLES: [&str; 3] = ["bronze", "silver", "gold"];
const WITHIN: Duration = Duration::from_secs(60);
/// Requests of a drill that are hit, evenly spread; all of them with `LAKEDR_SWEEP=all`.
const CASES: u64 = 16;
const GROUP: &str = "drilled";

struct Drills {
    lab: Lab,
    declared: Declared,
}

impl Drills {
    async fn begin() -> Result<Self> {
        let lab = Lab::start().await?;
        let declared = lab.declare_one(GROUP, &TABLES, &[])?;
        let drills = Self { lab, declared };
        for table in TABLES {
            append(&drills.lab.east.bucket_dir("east").join("lake").join(GROUP).join(table), "run")?;
        }
        let synced = drills.start(&["sync"])?.wait(WITHIN)?;
        ensure!(synced.code == Some(0), "{synced}");
        Ok(drills)
    }

    fn start(&self, arguments: &[&str]) -> Result<Running> {
        Running::spawn(&mut self.declared.command(&[&["--region", "west"], arguments].concat())?)
    }

    fn folder(&self) -> PathBuf {
        self.lab.west.bucket_dir("west-dr").join("meta/groups").join(GROUP).join("drills")
    }

    /// All objects of both regions, but for the drills.
    fn production(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut all = BTreeMap::new();
        for (server, buckets) in
            [(&self.lab.east, ["east", "east-dr"]), (&self.lab.west, ["west", "west-dr"])]
        {
            for bucket in buckets {
                all.extend(lakedr_e2e::regions::contents(&server.bucket_dir(bucket))?);
            }
        }
        all.retain(|path, _| !path.starts_with(self.folder()));
        Ok(all)
    }

    /// Files of copies.
    fn copied(&self) -> Result<Vec<PathBuf>> {
        let all = lakedr_e2e::regions::contents(&self.folder()).unwrap_or_default();
        Ok(all.into_keys().filter(|path| path.components().any(|part| part.as_os_str() == "copy")).collect())
    }

    /// Drills, and is killed when a request is reached. None when the drill has come through.
    fn killed_at(&self, nth: u64) -> Result<Option<String>> {
        let watch = self.lab.watch(End::Target, GROUP);
        watch.inject(Fault::Silence, &Kind::ALL, nth);
        let mut drill = self.start(&["drill"])?;
        while drill.is_running()? {
            if watch.has_hit() {
                let _ = drill.signal(Signal::SIGKILL);
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        drill.wait(WITHIN)?;
        Ok(watch.disarm().map(|hit| hit.to_string()))
    }

    /// Lets the claims of drills that were killed grow old.
    fn let_time_pass(&self) -> Result<()> {
        for file in std::fs::read_dir(self.folder()).into_iter().flatten() {
            let claim = file?.path().join("begun.json");
            let Ok(bytes) = std::fs::read(&claim) else { continue };
            let mut old: Value = serde_json::from_slice(&bytes)?;
            for moment in ["begun_at", "alive_at"] {
                old[moment] = json!("2026-01-01T00:00:00.000Z");
            }
            std::fs::write(&claim, old.to_string())?;
        }
        Ok(())
    }

    fn passes(&self) -> Result<Outcome> {
        let outcome = self.start(&["drill", "--output", "json"])?.wait(WITHIN)?;
        ensure!(outcome.code == Some(0), "{outcome}");
        let group = outcome.json()?["groups"][0].clone();
        ensure!(
            group["outcome"] == "passed" && group["tables"].as_array().is_some_and(|t| t.len() == 3),
            "{group}"
        );
        Ok(outcome)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_killed_at_each_request() -> Result<()> {
    let drills = Drills::begin().await?;
    let before = drills.production()?;
    let watch = drills.lab.watch(End::Target, GROUP);
    drop(watch.take_counts());
    drills.passes()?;
    let requests = watch.take_counts().total();
    ensure!(requests > 20, "a drill of {requests} requests");
    let all = std::env::var("LAKEDR_SWEEP").is_ok_and(|wanted| wanted == "all");
    let step = if all { 1 } else { requests.div_ceil(CASES).max(1) };
    for nth in (1..=requests).step_by(usize::try_from(step)?) {
        let hit =
            drills.killed_at(nth)?.with_context(|| format!("request {nth} of {requests} did not come"))?;
        println!("killed at request {nth}, {hit}");
        ensure!(drills.production()? == before, "killed at request {nth}, {hit}, a drill changed something");
        drills.let_time_pass()?;
        drills.passes().with_context(|| format!("after it was killed at request {nth}, {hit}"))?;
        let left = drills.copied()?;
        ensure!(left.is_empty(), "killed at request {nth}, {hit}: {left:?}");
        ensure!(drills.production()? == before, "after request {nth}, {hit}, a drill changed something");
    }
    Ok(())
}
