//! Two regions on two S3 servers, a network in front of each, and many small groups that share them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_control::group_log::{Event, FailureClass, GroupLog, WholeLog};
use lakedr_control::store::open_doc_store;
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::environment::golden;
use lakedr_e2e::noise::{self, Files};
use lakedr_e2e::servers::{Counts, ObjectServer as _, Proxy, Versitygw, Watch};
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::syncs::sync_until_in_step;

/// How long the executor waits for an answer; long against what the servers need, short against a silence.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(3);
/// A golden table with a checkpoint that has a sidecar, in its archive.
const GOLDEN: &str = "./data/v2-parquet-sidecars-struct-stats-only";
/// The newest version of that table.
const GOLDEN_VERSION: u64 = 5;
/// What the second state adds to each table.
const ADDED: Files = Files { count: 2, bytes: 3000 };

/// The two states that the source of a group goes through.
pub(crate) const STATES: [&str; 2] = ["first", "second"];

/// A side of the group, with the network in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Source,
    Target,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Source, Self::Target];
}

/// The requests of a sync at each end.
pub(crate) type Requests = BTreeMap<End, Counts>;

/// The servers and what lies in front of them.
pub(crate) struct Lab {
    folder: TempDir,
    // the proxies end before their servers
    to_east: Proxy,
    to_west: Proxy,
    pub(crate) east: Versitygw,
    pub(crate) west: Versitygw,
}

impl Lab {
    /// Starts everything.
    pub(crate) async fn start() -> Result<Self> {
        let (east, west) = (Versitygw::start()?, Versitygw::start()?);
        for (server, bucket) in [(&east, "east"), (&east, "east-dr"), (&west, "west"), (&west, "west-dr")] {
            server.create_bucket(bucket).await?;
        }
        // states to take from, where the groups can link to their files
        east.create_bucket("states").await?;
        let (to_east, to_west) = (Proxy::start(&east)?, Proxy::start(&west)?);
        let folder = tempfile::Builder::new().prefix("lakedr-faults-").tempdir()?;
        Ok(Self { folder, to_east, to_west, east, west })
    }

    /// Starts everything, with the states of two small tables, `noise` and `golden`.
    pub(crate) async fn of_two_tables() -> Result<Self> {
        let lab = Self::start().await?;
        lab.state("first", "noise", 0, Files { count: 3, bytes: 2000 }).await?;
        lab.state("second", "noise", 1, ADDED).await?;
        lab.state("second", "golden", GOLDEN_VERSION + 1, ADDED).await?;
        unpack(&lab.east.bucket_dir("states").join("first/golden"))?;
        Ok(lab)
    }

    /// Lets a state add a version to a table.
    pub(crate) async fn state(&self, state: &str, table: &str, version: u64, files: Files) -> Result<()> {
        let states = LocalFileSystem::new_with_prefix(self.east.bucket_dir("states"))?;
        noise::commit(&states, &format!("{state}/{table}").as_str().into(), version, files).await
    }

    /// Declares groups of these tables, which reach their stores through the network.
    pub(crate) fn declare(&self, groups: &[String], tables: &[&str]) -> Result<Declared> {
        let timeout = ("timeout".to_owned(), format!("{}s", CLIENT_TIMEOUT.as_secs()));
        let through = |proxy: &Proxy| proxy.options().into_iter().chain([timeout.clone()]).collect();
        self.declared("network", [through(&self.to_east), through(&self.to_west)], groups, tables)
    }

    /// Declares the same groups, past the network.
    pub(crate) fn declare_direct(&self, groups: &[String], tables: &[&str]) -> Result<Declared> {
        self.declared("direct", [self.east.options(), self.west.options()], groups, tables)
    }

    /// Declares one group with more attributes, which reaches its stores through the network.
    pub(crate) fn declare_one(
        &self,
        group: &str,
        tables: &[&str],
        attributes: &[(&str, Value)],
    ) -> Result<Declared> {
        let options = [self.to_east.options(), self.to_west.options()];
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.declared_with(group, options, &[group.to_owned()], tables, &attributes.collect())
    }

    fn declared(
        &self,
        name: &str,
        options: [BTreeMap<String, String>; 2],
        groups: &[String],
        tables: &[&str],
    ) -> Result<Declared> {
        self.declared_with(name, options, groups, tables, &serde_json::Map::new())
    }

    fn declared_with(
        &self,
        name: &str,
        options: [BTreeMap<String, String>; 2],
        groups: &[String],
        tables: &[&str],
        attributes: &serde_json::Map<String, Value>,
    ) -> Result<Declared> {
        let [east, west] = options;
        let sides = [("east", &self.east, east), ("west", &self.west, west)];
        let sides = sides.map(|(region, server, options)| Side {
            region,
            location: server.url(&format!("{region}-dr")),
            table_root: server.url(region),
            options,
        });
        let group = |group: &String| Group {
            name: group.clone(),
            tables: tables.iter().map(|table| format!("lake.{group}.{table}")).collect(),
            attributes: [("retry".to_owned(), retry())].into_iter().chain(attributes.clone()).collect(),
        };
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Declared::in_folder(&folder, &sides, &groups.iter().map(group).collect::<Vec<_>>())
    }

    /// Brings the source of a group to a state, which goes on from the state before it.
    pub(crate) fn reach(&self, state: &str, group: &str) -> Result<()> {
        let state = self.east.bucket_dir("states").join(state);
        link_tree(&state, &self.east.bucket_dir("east").join("lake").join(group))
    }

    /// The requests of a group at one end.
    pub(crate) fn watch(&self, end: End, group: &str) -> Arc<Watch> {
        match end {
            End::Source => self.to_east.watch(group),
            End::Target => self.to_west.watch(group),
        }
    }

    /// Syncs a group until it is in step; the requests that this took.
    pub(crate) fn count_sync(&self, declared: &Declared, group: &str) -> Result<Requests> {
        let watches = End::BOTH.map(|end| (end, self.watch(end, group)));
        for (_, watch) in &watches {
            drop(watch.take_counts());
        }
        sync_until_in_step(declared, &[group.to_owned()])?;
        Ok(watches.into_iter().map(|(end, watch)| (end, watch.take_counts())).collect())
    }

    /// Reads the log of a group past the network: how many recovery points it has. It has to fold, no intent may be
    /// open, and nothing may be published twice.
    pub(crate) async fn recovery_points(&self, group: &str) -> Result<usize> {
        let home = |server: &Versitygw, region: &str| -> Result<_> {
            let url = server.url(&format!("{region}-dr")).parse()?;
            Ok((region.to_owned(), open_doc_store(&url, &server.options())?))
        };
        let log = GroupLog::new(group.parse()?, home(&self.west, "west")?, home(&self.east, "east")?);
        let WholeLog { entries, history } = log.read_all().await?;
        let state = history.state.as_ref().context("the log is empty")?;
        ensure!(state.open_intent.is_none(), "an intent is open: {entries:?}");
        let mut cuts: Vec<_> = state.recovery_points.iter().map(|point| &point.cut.id).collect();
        cuts.sort_unstable();
        cuts.dedup();
        ensure!(cuts.len() == state.recovery_points.len(), "a cut was published twice: {entries:?}");
        let wrong = entries.iter().find(|entry| {
            use FailureClass::{Diverged, Internal};
            matches!(&entry.event, Event::Failed { class: Diverged | Internal, .. })
        });
        ensure!(wrong.is_none(), "a fault of the network was taken for something else: {wrong:?}");
        Ok(cuts.len())
    }
}

fn retry() -> Value {
    json!({"max_attempts": 3, "initial_backoff": "50ms", "max_backoff": "200ms"})
}

fn unpack(table: &Path) -> Result<()> {
    std::fs::create_dir_all(table)?;
    let archive = golden("tables.tar.zst")?;
    let mut tar = Command::new("tar");
    tar.args(["--zstd", "--extract", "--file"]).arg(archive).arg("--directory").arg(table);
    let depth = GOLDEN.split('/').count().to_string();
    let status = tar.args(["--strip-components", &depth, GOLDEN]).status().context("start tar")?;
    ensure!(status.success(), "tar ended with {status}");
    Ok(())
}

/// The same files under other names.
pub(crate) fn link_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            link_tree(&path, &to.join(name))?;
        } else {
            std::fs::hard_link(&path, to.join(name))?;
        }
    }
    Ok(())
}
