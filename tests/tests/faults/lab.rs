//! Two regions on two S3 servers, a network in front of each, and many small groups that share them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_control::group_log::{Event, FailureClass, GroupLog};
use lakedr_control::store::open_doc_store;
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::environment::golden;
use lakedr_e2e::noise::{self, Files};
use lakedr_e2e::running::Outcome;
use lakedr_e2e::servers::{Counts, ObjectServer as _, Proxy, Versitygw, Watch};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the executor waits for an answer; long against what the servers need, short against a silence.
const CLIENT_TIMEOUT: &str = "3s";
/// No call of the executor may take longer.
const WITHIN: Duration = Duration::from_secs(300);
/// How often a sync is started until the group has to be in step.
const RUNS: usize = 3;
/// A golden table: checkpoints with sidecars, deletion vectors in files.
const GOLDEN: &str = "data/v2-parquet-sidecars-struct-stats-only";
/// The newest version of that table.
const GOLDEN_VERSION: u64 = 5;
/// What each later state adds to each table.
const ADDED: Files = Files { count: 2, bytes: 3000 };

/// A side of the group, with the network in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Source,
    Target,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Source, Self::Target];
}

/// The servers and what lies in front of them.
pub(crate) struct Lab {
    folder: TempDir,
    east: Versitygw,
    west: Versitygw,
    to_east: Proxy,
    to_west: Proxy,
}

impl Lab {
    /// Starts everything, and keeps the first state of the tables ready for any number of groups.
    pub(crate) async fn start() -> Result<Self> {
        let (east, west) = (Versitygw::start()?, Versitygw::start()?);
        for bucket in ["template", "lake", "east-dr"] {
            east.create_bucket(bucket).await?;
        }
        for bucket in ["lake", "west-dr"] {
            west.create_bucket(bucket).await?;
        }
        let (to_east, to_west) = (Proxy::start(&east)?, Proxy::start(&west)?);
        let folder = tempfile::Builder::new().prefix("lakedr-faults-").tempdir()?;
        let lab = Self { folder, east, west, to_east, to_west };
        let template = lab.east.store("template")?;
        noise::commit(&*template, &"first/noise".into(), 0, Files { count: 3, bytes: 2000 }).await?;
        noise::commit(&*template, &"second/noise".into(), 1, ADDED).await?;
        noise::commit(&*template, &"second/golden".into(), GOLDEN_VERSION + 1, ADDED).await?;
        unpack(&lab.east.bucket_dir("template").join("first/golden"))?;
        Ok(lab)
    }

    /// Declares a group for each of these names.
    pub(crate) fn declare(&self, names: &[String]) -> Result<Declared> {
        let sides = [("east", &self.east, &self.to_east), ("west", &self.west, &self.to_west)];
        let sides = sides.map(|(region, server, proxy)| Side {
            region,
            location: server.url(&format!("{region}-dr")),
            table_root: server.url("lake"),
            options: with_timeout(proxy.options()),
        });
        let groups: Vec<Group> = names
            .iter()
            .map(|name| Group {
                name: name.clone(),
                tables: ["noise", "golden"].map(|table| format!("lake.{name}.{table}")).to_vec(),
                attributes: [("retry".to_owned(), retry())].into_iter().collect(),
            })
            .collect();
        Declared::in_folder(self.folder.path(), &sides, &groups)
    }

    /// Brings the source of a group to the `first` or the `second` state.
    pub(crate) fn reach(&self, state: &str, group: &str) -> Result<()> {
        let template = self.east.bucket_dir("template").join(state);
        link_tree(&template, &self.east.bucket_dir("lake").join("lake").join(group))
    }

    /// The requests of a group at one end.
    pub(crate) fn watch(&self, end: End, group: &str) -> Arc<Watch> {
        match end {
            End::Source => self.to_east.watch(group),
            End::Target => self.to_west.watch(group),
        }
    }

    /// The requests of a group at both ends since the last call.
    pub(crate) fn counts(&self, group: &str) -> BTreeMap<End, Counts> {
        End::BOTH.into_iter().map(|end| (end, self.watch(end, group).take_counts())).collect()
    }

    /// Reads the log of a group past the network: how many recovery points it has. It has to fold, no intent may be
    /// open, and nothing may be published twice.
    pub(crate) async fn recovery_points(&self, group: &str) -> Result<usize> {
        let home = |server: &Versitygw, region: &str| -> Result<_> {
            let url = server.url(&format!("{region}-dr")).parse()?;
            Ok((region.to_owned(), open_doc_store(&url, &server.options())?))
        };
        let log = GroupLog::new(group.parse()?, home(&self.west, "west")?, home(&self.east, "east")?);
        let history = log.read().await?;
        let state = history.state.as_ref().context("the log is empty")?;
        ensure!(state.open_intent.is_none(), "an intent is open: {:?}", history.entries);
        let mut cuts: Vec<_> = state.recovery_points.iter().map(|point| &point.cut.id).collect();
        cuts.sort_unstable();
        cuts.dedup();
        ensure!(
            cuts.len() == state.recovery_points.len(),
            "a cut was published twice: {:?}",
            history.entries
        );
        let foreign = history.entries.iter().find(|entry| {
            matches!(
                &entry.event,
                Event::Failed { class: FailureClass::Diverged | FailureClass::Internal, .. }
            )
        });
        ensure!(foreign.is_none(), "the executor took its own writes for somebody else's: {foreign:?}");
        Ok(cuts.len())
    }
}

/// Runs syncs until every one of these groups is in step, as often as a scheduler would; what the last run said.
pub(crate) fn sync_until_in_step(declared: &Declared, groups: &[String]) -> Result<()> {
    let mut behind = groups.to_vec();
    let mut said = None;
    for _ in 0..RUNS {
        let mut arguments = vec!["sync"];
        arguments.extend(behind.iter().flat_map(|group| ["--group", group.as_str()]));
        let outcome = declared.lakedr(&arguments, WITHIN)?;
        behind.retain(|group| !in_step(&outcome, group));
        if behind.is_empty() {
            return Ok(());
        }
        said = Some(outcome);
    }
    let reports = said.as_ref().map(|outcome| reports(outcome, &behind)).transpose()?;
    anyhow::bail!("{} group(s) are not in step after {RUNS} runs: {reports:#?}", behind.len())
}

fn in_step(outcome: &Outcome, group: &str) -> bool {
    let document = outcome.json().unwrap_or_default();
    let reports = document["groups"].as_array().map_or(&[][..], Vec::as_slice);
    let report = reports.iter().find(|report| report["group"] == group);
    report.is_some_and(|report| report["outcome"] == "published" || report["outcome"] == "up_to_date")
}

fn reports(outcome: &Outcome, groups: &[String]) -> Result<Vec<Value>> {
    let document = outcome.json()?;
    let reports = document["groups"].as_array().context("reports")?;
    Ok(reports
        .iter()
        .filter(|report| groups.iter().any(|group| report["group"] == *group))
        .cloned()
        .collect())
}

/// Every group is proven byte by byte, and another sync has nothing to do.
pub(crate) fn proven_and_up_to_date(declared: &Declared) -> Result<()> {
    for (arguments, fact, wanted) in [
        (vec!["verify", "--level", "content"], "equal", json!(true)),
        (vec!["sync"], "outcome", json!("up_to_date")),
    ] {
        let outcome = declared.lakedr(&arguments, WITHIN)?;
        let document = outcome.json()?;
        let groups = document["groups"].as_array().context("groups")?;
        let wrong: Vec<&Value> = groups.iter().filter(|group| group[fact] != wanted).collect();
        ensure!(wrong.is_empty(), "{} {fact} has to be {wanted}: {wrong:#?}", outcome.line);
    }
    Ok(())
}

fn with_timeout(mut options: BTreeMap<String, String>) -> BTreeMap<String, String> {
    options.insert("timeout".to_owned(), CLIENT_TIMEOUT.to_owned());
    options
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

/// The same files under other names: groups differ in their logs only.
fn link_tree(from: &Path, to: &Path) -> Result<()> {
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
