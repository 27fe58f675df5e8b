//! Three tables on their way: three runs, a failover with something unsent, a run on the other side, and the way back. The
//! executor is killed at one request of it after the other, once in each journey, in both deliveries. Whenever it is killed,
//! the raw files hold a finished run at the newest recovery point; called again, it ends where an undisturbed journey ends.
//! A failback, whose last sync brings something over, is killed in the same way.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::lake::{append, contents};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Fault, Kind, Watch};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::lab::{End, Lab};

const TABLES: [&str; 3] = ["bronze", "silver", "gold"];
const WITHIN: Duration = Duration::from_secs(60);
/// Journeys at the same time.
const AT_A_TIME: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn direct_delivery_is_killed_at_each_request() -> Result<()> {
    sweep("direct", Way::Whole).await
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_delivery_is_killed_at_each_request() -> Result<()> {
    sweep("staged", Way::Whole).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failback_is_killed_at_each_request() -> Result<()> {
    sweep("direct", Way::Failback).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failback_of_staged_delivery_is_killed_at_each_request() -> Result<()> {
    sweep("staged", Way::Failback).await
}

/// At which request to which end the executor is killed.
type Kill = Option<(End, u64)>;

/// What is gone, and where the executor is killed.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// There and back, anywhere.
    Whole,
    /// The same and home again, in the failback.
    Failback,
}

impl Way {
    /// Requests to each end that are hit, evenly spread; all of them with `LAKEDR_SWEEP=all`.
    fn cases(self) -> u64 {
        match self {
            Self::Whole => 14,
            Self::Failback => 5,
        }
    }
}

/// Has a way gone once undisturbed, and once for each request of it that is hit.
async fn sweep(delivery: &'static str, way: Way) -> Result<()> {
    let lab = Arc::new(Lab::start().await?);
    let quiet = Journey::new(&lab, delivery, "quiet")?;
    let undisturbed = quiet.go(way, None)?;
    let mut cases = Vec::new();
    for (end, requests) in undisturbed.requests.iter().copied() {
        let all = std::env::var("LAKEDR_SWEEP").is_ok_and(|wanted| wanted == "all");
        let step = if all { 1 } else { requests.div_ceil(way.cases()).max(1) };
        let first = if all { 1 } else { step / 2 + 1 };
        cases.extend((first..=requests).step_by(usize::try_from(step)?).map(|nth| (end, nth)));
    }
    for some in cases.chunks(AT_A_TIME) {
        let journeys = some.iter().map(|(end, nth)| {
            let (lab, end, nth) = (Arc::clone(&lab), *end, *nth);
            tokio::task::spawn_blocking(move || {
                let journey = Journey::new(&lab, delivery, &format!("{end:?}-{nth:03}").to_lowercase())?;
                let ended = journey.go(way, Some((end, nth)));
                ended.with_context(|| format!("{delivery}, killed at request {nth} to the {end:?}"))
            })
        });
        for journey in futures::future::join_all(journeys).await {
            ensure!(journey??.is_like(&undisturbed), "another end than undisturbed");
        }
    }
    Ok(())
}

/// A group of its own on the servers of the lab.
struct Journey<'a> {
    lab: &'a Lab,
    group: String,
    declared: Declared,
    staged: bool,
}

/// What a journey comes to: how many recovery points, and the versions that the newest one names; and the requests that could
/// have been hit on it.
#[derive(Debug)]
struct Arrival {
    points: usize,
    newest: Vec<(String, u64, u64)>,
    requests: [(End, u64); 2],
}

impl Arrival {
    fn is_like(&self, other: &Self) -> bool {
        (self.points, &self.newest) == (other.points, &other.newest)
    }
}

impl<'a> Journey<'a> {
    fn new(lab: &'a Lab, delivery: &str, name: &str) -> Result<Self> {
        let group = format!("{delivery}-{name}");
        let declared = lab.declare_one(&group, &TABLES, &[("delivery", json!(delivery))])?;
        Ok(Self { lab, group, declared, staged: delivery == "staged" })
    }

    fn go(&self, way: Way, kill: Kill) -> Result<Arrival> {
        match way {
            Way::Whole => self.travel(kill),
            Way::Failback => self.failback(kill),
        }
    }

    /// From here on requests count, and the executor is killed at one if one is given.
    fn arm(&self, kill: Kill) -> Option<Arc<Watch>> {
        for end in End::BOTH {
            drop(self.lab.watch(end, &self.group).take_counts());
        }
        kill.map(|(end, nth)| {
            let watch = self.lab.watch(end, &self.group);
            watch.inject(Fault::Silence, &Kind::ALL, nth);
            watch
        })
    }

    /// From here on nobody is killed; the requests since [`Self::arm`].
    fn disarm(&self, killer: Option<&Watch>) -> Result<[(End, u64); 2]> {
        if let Some(killer) = killer {
            let hit = killer.disarm().context("the request of the kill did not come")?;
            println!("{}: killed at {hit}", self.group);
        }
        Ok(End::BOTH.map(|end| (end, self.lab.watch(end, &self.group).take_counts().total())))
    }

    /// Changes the roles.
    fn execute(&self, region: &str, [command, plan]: [&str; 2], killer: Option<&Watch>) -> Result<()> {
        self.step(region, &[command, "execute", "--plan", plan, "--approve", "ada"], killer)?;
        Ok(())
    }

    fn plan(&self, region: &str, command: &str, killer: Option<&Watch>) -> Result<String> {
        let plan = self.step(region, &[command, "plan"], killer)?.json()?;
        plan["plan"].as_str().map(str::to_owned).context("the id of a plan")
    }

    /// The tables of both sides hold the same.
    fn is_in_step(&self) -> Result<()> {
        for table in TABLES {
            let [east, west] = End::BOTH.map(|end| contents(&self.folder(end, table), None));
            ensure!(east? == west?, "{table} is not the same on both sides");
        }
        Ok(())
    }

    /// Home from the other side, killed once at a request of the failback if one is given.
    fn failback(&self, kill: Kill) -> Result<Arrival> {
        self.write(End::Source, "run 0")?;
        self.sync(["east", "west"], None)?;
        let plan = self.plan("west", "failover", None)?;
        self.execute("west", ["failover", &plan], None)?;
        self.write(End::Target, "of the west")?;
        self.sync(["west", "east"], None)?;
        ensure!(self.held()? == 2, "the run of the west is not in the east");
        let plan = self.plan("east", "failback", None)?;
        self.write(End::Target, "the last of the west")?;
        if self.staged {
            // the last sync of the failback is its half of the way
            self.step("west", &["send"], None)?;
        }
        let killer = self.arm(kill);
        self.execute("east", ["failback", &plan], killer.as_deref())?;
        let requests = self.disarm(killer.as_deref())?;
        ensure!(self.held()? == 3, "the last run of the west is not home");
        self.is_in_step()?;
        self.write(End::Source, "at home")?;
        self.sync(["east", "west"], None)?;
        ensure!(self.held()? == 4, "the run at home is not held");
        self.is_in_step()?;
        self.arrival(requests)
    }

    /// All the way, killed once at a request if one is given.
    fn travel(&self, kill: Kill) -> Result<Arrival> {
        let killer = self.arm(kill);
        let killer = killer.as_deref();
        for run in 0..3 {
            self.write(End::Source, &format!("run {run}"))?;
            self.sync(["east", "west"], killer)?;
            ensure!(self.held()? == run + 1, "run {run} is not held");
        }
        self.write(End::Source, "unsent")?;
        let plan = self.plan("west", "failover", killer)?;
        self.execute("west", ["failover", &plan], killer)?;
        self.write(End::Target, "of the west")?;
        self.sync(["west", "east"], killer)?;
        let requests = self.disarm(killer)?;
        ensure!(self.held()? == 4, "the run of the west is not home");
        self.is_in_step()?;
        self.arrival(requests)
    }

    /// A run: the next version of every table.
    fn write(&self, end: End, text: &str) -> Result<()> {
        TABLES.iter().try_for_each(|table| append(&self.folder(end, table), text))
    }

    fn folder(&self, end: End, table: &str) -> PathBuf {
        let (server, bucket) = match end {
            End::Source => (&self.lab.east, "east"),
            End::Target => (&self.lab.west, "west"),
        };
        server.bucket_dir(bucket).join("lake").join(&self.group).join(table)
    }

    fn sync(&self, [active, standby]: [&str; 2], killer: Option<&Watch>) -> Result<()> {
        if self.staged {
            self.step(active, &["send"], killer)?;
            self.step(standby, &["receive"], killer)?;
        } else {
            self.step(standby, &["sync"], killer)?;
        }
        Ok(())
    }

    /// A call of the executor. If it is killed, the raw files have to hold a finished run, and it is called again.
    fn step(&self, region: &str, arguments: &[&str], killer: Option<&Watch>) -> Result<Outcome> {
        let arguments: Vec<&str> = ["--region", region].iter().chain(arguments).copied().collect();
        let start = || Running::spawn(&mut self.declared.command(&arguments)?);
        let before = self.held()?;
        let mut running = start()?;
        let was_hit = killer.is_none_or(Watch::has_hit);
        while !was_hit && running.is_running()? {
            if killer.is_some_and(Watch::has_hit) {
                // one that has ended meanwhile has come through
                let _ = running.signal(Signal::SIGKILL);
                running.wait(WITHIN)?;
                let held = self.held()?;
                ensure!(held >= before, "the recovery point went back from run {before} to run {held}");
                running = start()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let outcome = running.wait(WITHIN)?;
        ensure!(outcome.code == Some(0), "{outcome}");
        ensure!(self.held()? >= before, "the recovery point went back");
        Ok(outcome)
    }

    /// The entries of the group log, of both places where it may be, as their files say.
    fn entries(&self) -> Result<Vec<Value>> {
        let mut entries = std::collections::BTreeMap::new();
        for (server, bucket) in [(&self.lab.west, "west-dr"), (&self.lab.east, "east-dr")] {
            let log = server.bucket_dir(bucket).join("meta/groups").join(&self.group).join("log");
            for file in std::fs::read_dir(log).into_iter().flatten() {
                let path = file?.path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    let entry: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
                    entries.insert(entry["seq"].as_u64().context("a seq")?, entry);
                }
            }
        }
        Ok(entries.into_values().collect())
    }

    /// How many runs the newest recovery point holds: the same in every table, down to the bytes of the files. None is 0.
    fn held(&self) -> Result<u64> {
        let entries = self.entries()?;
        let Some(point) = entries.iter().rfind(|entry| entry["event"]["type"] == "published") else {
            return Ok(0);
        };
        // the first epoch has its active side in the east, the second one in the west
        let turned = point["epoch"] == 2;
        let (active, standby) = if turned { (End::Target, End::Source) } else { (End::Source, End::Target) };
        let mut runs = BTreeSet::new();
        for (table, source, target) in tables(point)? {
            let (table, version) = (table.rsplit('.').next().unwrap_or_default(), Some(target));
            let held = contents(&self.folder(standby, table), version)?;
            let wanted = contents(&self.folder(active, table), Some(source))?;
            ensure!(held == wanted, "{table} at version {target} is not version {source} of its source");
            runs.insert(held.len() as u64);
        }
        ensure!(runs.len() == 1, "half a run: {runs:?}");
        runs.pop_first().context("a run")
    }

    fn arrival(&self, requests: [(End, u64); 2]) -> Result<Arrival> {
        let entries = self.entries()?;
        let points: Vec<&Value> =
            entries.iter().filter(|entry| entry["event"]["type"] == "published").collect();
        let newest = tables(points.last().context("a recovery point")?)?;
        let short = |(table, source, target): (String, u64, u64)| {
            (table.rsplit('.').next().unwrap_or_default().to_owned(), source, target)
        };
        Ok(Arrival { points: points.len(), newest: newest.into_iter().map(short).collect(), requests })
    }
}

/// The tables of a recovery point, with the versions of both sides.
fn tables(point: &Value) -> Result<Vec<(String, u64, u64)>> {
    let tables = point["event"]["cut"]["tables"].as_array().context("tables")?;
    let table = |table: &Value| {
        let name = table["name"].as_str()?.to_owned();
        Some((name, table["source_version"].as_u64()?, table["target_version"].as_u64()?))
    };
    tables.iter().map(|value| table(value).context("a pinned table")).collect()
}
