//! Two tables, written commit by commit, and a group that they make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::lake::file as parquet;
use lakedr_e2e::running::Running;
use lakedr_e2e::world::{Group, World};
use serde_json::{Map, Value, json};

/// The tables, in the order in which a run writes them.
pub(crate) const TABLES: [&str; 2] = ["bronze", "gold"];

/// File systems tell the time of a file by the tick of a clock.
const TICK: Duration = Duration::from_millis(20);

/// A lakehouse with one group.
pub(crate) struct Lake {
    pub(crate) world: World,
    environment: Vec<(String, String)>,
}

impl Lake {
    /// Two empty tables in a group with these attributes; the executor gets these variables.
    pub(crate) fn new(attributes: &Map<String, Value>, environment: Vec<(String, String)>) -> Result<Self> {
        let lake = Self::without_tables(attributes, environment)?;
        for table in TABLES {
            lake.create(table)?;
        }
        Ok(lake)
    }

    /// A group whose tables are not there yet.
    pub(crate) fn without_tables(
        attributes: &Map<String, Value>,
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        let lake = Self { world: World::new()?, environment };
        lake.declare(attributes)?;
        Ok(lake)
    }

    /// Declares the group anew.
    pub(crate) fn declare(&self, attributes: &Map<String, Value>) -> Result<()> {
        self.world.declare(&[group("etl", &TABLES, attributes)])
    }

    /// Makes a table that holds nothing.
    pub(crate) fn create(&self, table: &str) -> Result<()> {
        let schema = json!({"type": "struct", "fields": [{"name": "x", "type": "string", "nullable": true, "metadata": {}}]});
        let actions = [
            json!({"commitInfo": {"operation": "CREATE TABLE"}}),
            json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
            json!({"metaData": {
                "id": format!("{table}-{}", chrono::Utc::now().timestamp_micros()), "format": {"provider": "parquet", "options": {}},
                "schemaString": schema.to_string(), "partitionColumns": [], "configuration": {}, "createdTime": 0,
            }}),
        ];
        self.commit(table, &actions)
    }

    /// Appends a file, as a writer that names its run or does not.
    pub(crate) fn append(&self, table: &str, file: &str, job_run: Option<&str>) -> Result<()> {
        append(&self.world.source(table), file, job_run)
    }

    /// The same in the other region.
    pub(crate) fn append_in_the_west(&self, table: &str, file: &str) -> Result<()> {
        append(&self.world.target(table), file, None)
    }

    /// Rewrites all files of a table into one.
    pub(crate) fn optimize(&self, table: &str, file: &str) -> Result<()> {
        let path = self.world.source(table).join(file);
        std::fs::write(&path, parquet(file)?)?;
        let mut actions = vec![json!({"commitInfo": {"operation": "OPTIMIZE"}})];
        for old in files(&self.world.source(table))? {
            actions.push(json!({"remove": {"path": old, "deletionTimestamp": 0, "dataChange": false}}));
        }
        actions.push(add(&path, file, false)?);
        self.commit(table, &actions)
    }

    fn commit(&self, table: &str, actions: &[Value]) -> Result<()> {
        commit(&self.world.source(table), actions)
    }

    /// The files that the tables of the standby region show, by their names, without those that create tables.
    pub(crate) fn standby(&self) -> Result<Vec<String>> {
        shown(|table| self.world.target(table))
    }

    /// The same of the region that was active at first.
    pub(crate) fn east(&self) -> Result<Vec<String>> {
        shown(|table| self.world.source(table))
    }

    /// Runs the executor, which has to end with this code, and gives its report of the only group.
    pub(crate) fn lakedr(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        Ok(self.document(code, arguments)?["groups"][0].clone())
    }

    /// Runs the executor, which has to end with this code, and gives its document.
    pub(crate) fn document(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let mut command = self.world.command(arguments)?;
        command.envs(self.environment.iter().cloned());
        let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(120))?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        // whose password it is may be said
        for (name, secret) in self.environment.iter().filter(|(name, _)| name != "RING_USER") {
            ensure!(!outcome.says(secret), "the value of {name} is shown: {outcome}");
        }
        outcome.json()
    }

    /// Syncs, and says what became of it: an outcome, or the type of a refusal.
    pub(crate) fn sync(&self, code: i32) -> Result<String> {
        let report = self.lakedr(code, &["sync"])?;
        let told = if report["error"].is_null() { &report["outcome"] } else { &report["error"]["type"] };
        told.as_str().map(str::to_owned).with_context(|| report.to_string())
    }

    /// What a sync is refused with.
    pub(crate) fn refusal(&self) -> Result<String> {
        let report = self.lakedr(3, &["sync"])?;
        report["error"]["message"].as_str().map(str::to_owned).with_context(|| report.to_string())
    }
}

/// A group of tables whose clocks agree.
pub(crate) fn group(name: &str, tables: &[&str], attributes: &Map<String, Value>) -> Group {
    let mut group = Group::of(name, tables).with("clock_skew", json!("0s"));
    group.attributes.extend(attributes.clone());
    group
}

fn append(folder: &Path, file: &str, job_run: Option<&str>) -> Result<()> {
    let path = folder.join(file);
    std::fs::write(&path, parquet(file)?)?;
    let mut info = json!({"commitInfo": {"operation": "WRITE", "engineInfo": "the ring workflows"}});
    if let Some(run) = job_run {
        info["commitInfo"]["job"] = json!({"jobId": "1", "jobRunId": run, "runId": "9"});
    }
    commit(folder, &[info, add(&path, file, true)?])
}

fn commit(folder: &Path, actions: &[Value]) -> Result<()> {
    sleep(TICK);
    let log = folder.join("_delta_log");
    std::fs::create_dir_all(&log)?;
    let version = commits(&log)?.len();
    let text: String = actions.iter().map(|action| format!("{action}\n")).collect();
    std::fs::write(log.join(format!("{version:020}.json")), text)?;
    sleep(TICK);
    Ok(())
}

fn shown(folder: impl Fn(&str) -> PathBuf) -> Result<Vec<String>> {
    let mut shown = Vec::new();
    for table in TABLES {
        let names = files(&folder(table))?;
        shown.extend(names.into_iter().map(|name| format!("{table}/{name}")));
    }
    Ok(shown)
}

/// The commits in a log, oldest first.
fn commits(log: &Path) -> Result<Vec<PathBuf>> {
    let mut commits: Vec<PathBuf> = std::fs::read_dir(log)
        .with_context(|| format!("list {}", log.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    Ok(commits)
}

fn add(path: &Path, name: &str, data_change: bool) -> Result<Value> {
    let size = path.metadata()?.len();
    Ok(json!({"add": {
        "path": name, "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": data_change,
        "stats": "{\"numRecords\":1}",
    }}))
}

/// The files of a table at its newest version.
fn files(table: &Path) -> Result<BTreeSet<String>> {
    let mut live = BTreeSet::new();
    for commit in commits(&table.join("_delta_log"))? {
        for line in std::fs::read_to_string(&commit)?.lines() {
            let action: Value = serde_json::from_str(line)?;
            if let Some(path) = action["add"]["path"].as_str() {
                live.insert(path.to_owned());
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                live.remove(path);
            }
        }
    }
    Ok(live)
}
