//! A group of three tables in two regions, the workflow that writes them, and executors that sync them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use lakedr::pipeline::{Asked, Scene, Task, sync_group};
use lakedr::report::{GroupReport, Progress};
use lakedr::spec::Loaded;
use lakedr::world::World;
use lakedr_control::group_log::{Entry, GroupLog, GroupState, History};
use lakedr_control::layout;
use lakedr_control::run_record::{FORMAT, RunRecord, RunStatus};
use lakedr_control::spec::{ExternalLocationSpec, SyncGroupSpec};
use lakedr_control::validate::{self, Specs};
use lakedr_control::vault::Secrets;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tree::{self, Tree};

/// Name of the group.
pub(crate) const GROUP: &str = "etl";

/// Its tables, in the order of cuts and intents. `bronze` grows and is checkpointed at every version, `gold` is
/// overwritten by every run, `silver` grows.
pub(crate) const TABLES: [&str; 3] = ["cat.s.bronze", "cat.s.gold", "cat.s.silver"];

/// Folder of the standby region's tables and folder of its external location, in the standby region.
pub(crate) const LAKE: &str = "lake";
pub(crate) const SYNC: &str = "sync";

/// Two regions in a temporary directory: `east` is active, `west` is standby.
pub(crate) struct Lab {
    directory: TempDir,
    /// Some runs do nothing but compact two of the tables, which the group does not follow.
    compacting: bool,
    delivery: &'static str,
}

impl Lab {
    /// Two regions without tables.
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), compacting: false, delivery: "direct" }
    }

    /// Two regions without tables, of which every third run compacts two tables and the standby region takes only what
    /// it has to (`compaction = "skip"`).
    pub(crate) fn compacting() -> Self {
        Self { compacting: true, ..Self::new() }
    }

    /// Two regions without tables, of which one sends and the other one receives.
    pub(crate) fn staged() -> Self {
        Self { delivery: "staged", ..Self::new() }
    }

    /// Whether the files of a copy need not be those of its source.
    pub(crate) fn is_compacting(&self) -> bool {
        self.compacting
    }

    /// Two regions after runs 1 to `last`.
    pub(crate) fn after_run(last: u64) -> Self {
        let lab = Self::new();
        (1..=last).for_each(|run| lab.run(run));
        lab
    }

    /// The folder of both regions.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn url(&self, below: &str) -> String {
        format!("file://{}", self.root().join(below).display())
    }

    /// The standby region.
    pub(crate) fn standby(&self) -> PathBuf {
        self.root().join("west")
    }

    /// The standby region as a value.
    pub(crate) fn read(&self) -> Tree {
        tree::read(&self.standby())
    }

    /// Makes the standby region hold exactly `tree`.
    pub(crate) fn restore(&self, tree: &Tree) {
        tree::restore(&self.standby(), tree);
    }

    /// A run of the workflow from beginning to end; run N makes version N - 1 of every table.
    pub(crate) fn run(&self, run: u64) {
        for table in TABLES {
            self.write_source(table, run);
        }
        let at = moment(run);
        let versions = |version: Option<u64>| {
            version.map_or_else(BTreeMap::new, |v| TABLES.map(|t| (t.parse().unwrap(), v)).into())
        };
        let id = run.to_string();
        let started = RunRecord {
            format: FORMAT,
            group: GROUP.parse().unwrap(),
            run: id.clone(),
            attempt: 1,
            region: Some("east".to_owned()),
            epoch: Some(1),
            started_at: Some(at - TimeDelta::seconds(30)),
            ended_at: None,
            status: None,
            versions: versions((run - 1).checked_sub(1)),
            table_ids: TABLES.map(|table| (table.parse().unwrap(), table_id(table))).into(),
        };
        let finished = RunRecord {
            ended_at: Some(at),
            status: Some(RunStatus::Success),
            versions: versions(Some(run - 1)),
            ..started.clone()
        };
        let records = self.root().join("runs");
        let put = |key: String, record: &RunRecord| {
            tree::write(&records.join(key), &serde_json::to_vec(record).unwrap());
        };
        put(layout::run_started(&id, 1), &started);
        put(layout::run_finished(&id, 1), &finished);
    }

    fn write_source(&self, table: &str, run: u64) {
        let root = self.root().join("east").join(table_key(table));
        let file = |run: u64| format!("part-{run}-{table}.parquet");
        if self.compacting && table != "cat.s.gold" && run.is_multiple_of(3) {
            let commit = compaction(&root, &live(&root, run - 1), &file(run));
            return tree::write(&root.join(commit_key(run - 1)), commit.as_bytes());
        }
        let rows = format!("rows of {table} by run {run}\n");
        tree::write(&root.join(file(run)), rows.as_bytes());
        let mut commit = String::new();
        if run == 1 {
            commit.push_str(&head(table));
        }
        if table == "cat.s.gold" && run > 1 {
            let remove =
                json!({"remove": {"path": file(run - 1), "deletionTimestamp": 0, "dataChange": true}});
            writeln!(commit, "{remove}").unwrap();
        }
        writeln!(commit, "{}", add(&file(run), &rows, true)).unwrap();
        tree::write(&root.join(commit_key(run - 1)), commit.as_bytes());
    }

    /// Drops a table of a region and creates it anew, with so many commits of somebody else.
    pub(crate) fn create_anew(&self, region: &str, table: &str, commits: u64) {
        let root = self.root().join(region).join(table_key(table));
        std::fs::remove_dir_all(&root).unwrap();
        for version in 0..commits {
            let (file, rows) =
                (format!("anew-{version}.parquet"), format!("row {version} of another table\n"));
            tree::write(&root.join(&file), rows.as_bytes());
            let head =
                if version == 0 { head(table).replace("id of", "another id of") } else { String::new() };
            let commit = format!("{head}{}\n", add(&file, &rows, true));
            tree::write(&root.join(commit_key(version)), commit.as_bytes());
        }
    }

    /// The spec of the group: one attempt per call, so that every failure shows.
    pub(crate) fn spec(&self) -> SyncGroupSpec {
        let side = |region: &str| {
            json!({"region": region, "location": format!("{region}_sync"),
                   "table_root": self.url(&format!("{region}/{LAKE}"))})
        };
        let spec = json!({
            "name": GROUP,
            "initial_active_region": "east",
            "primary": side("east"),
            "secondary": side("west"),
            "tables": TABLES.map(|name| json!({"name": name})),
            "delivery": self.delivery,
            "compaction": if self.compacting { "skip" } else { "copy" },
            "workflow": {"marker": {"url": self.url("runs")}},
            "retry": {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"},
        });
        serde_json::from_value(spec).unwrap()
    }

    /// One call of the executor with the spec of the group.
    pub(crate) fn executor(&self) -> Executor {
        self.executor_of(&self.spec())
    }

    /// One call of the executor with another spec.
    pub(crate) fn executor_of(&self, spec: &SyncGroupSpec) -> Executor {
        let location = |region: &str| -> ExternalLocationSpec {
            let url = self.url(&format!("{region}/{SYNC}"));
            serde_json::from_value(json!({"name": format!("{region}_sync"), "region": region, "url": url}))
                .unwrap()
        };
        let specs = Specs {
            external_locations: vec![location("east"), location("west")],
            sync_groups: vec![spec.clone()],
            snapshot_schedules: Vec::new(),
        };
        assert_eq!(validate::validate_all(&specs), []);
        let locations = specs.external_locations.iter();
        let locations =
            locations.map(|l| (l.name.clone(), validate::external_location(l).unwrap())).collect();
        let groups = vec![(spec.clone(), validate::sync_group(spec).unwrap())];
        let loaded = Loaded {
            source_name: "the lab".to_owned(),
            specs,
            locations,
            groups,
            secrets: Secrets::of_process(),
        };
        Executor { world: World::new(), loaded }
    }

    /// Syncs once, by an executor that nothing disturbs.
    pub(crate) async fn sync(&self) -> GroupReport {
        self.executor().sync().await
    }

    /// Does what is asked once, by an executor that nothing disturbs.
    pub(crate) async fn does(&self, asked: Asked) -> GroupReport {
        self.executor().does(asked).await
    }

    /// The group log.
    pub(crate) async fn history(&self) -> Told {
        told(&self.executor().scene().await.log).await
    }
}

fn stats(rows: &str) -> String {
    json!({"numRecords": rows.lines().count()}).to_string()
}

/// An `add` of a file whose lines are its rows.
fn add(path: &str, rows: &str, data_change: bool) -> Value {
    json!({"add": {
        "path": path, "partitionValues": {}, "size": rows.len(), "modificationTime": 0, "dataChange": data_change,
        "stats": stats(rows)
    }})
}

/// The files that are live after so many runs, oldest first.
fn live(table: &Path, runs: u64) -> Vec<String> {
    let mut live = Vec::new();
    for commit in (0..runs).map(|version| std::fs::read_to_string(table.join(commit_key(version))).unwrap()) {
        for action in commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let path = |kind: &str| action[kind]["path"].as_str().map(str::to_owned);
            live.retain(|file| Some(file) != path("remove").as_ref());
            live.extend(path("add"));
        }
    }
    live
}

/// Writes the rows of some files into one; the commit that says so.
fn compaction(table: &Path, files: &[String], into: &str) -> String {
    let mut commit = format!("{}\n", json!({"commitInfo": {"timestamp": 0, "operation": "OPTIMIZE"}}));
    let mut rows = String::new();
    for file in files {
        let of_file = std::fs::read_to_string(table.join(file)).unwrap();
        let remove = json!({"remove": {
            "path": file, "deletionTimestamp": 0, "dataChange": false, "extendedFileMetadata": true,
            "partitionValues": {}, "size": of_file.len(), "stats": stats(&of_file)
        }});
        rows.push_str(&of_file);
        writeln!(commit, "{remove}").unwrap();
    }
    tree::write(&table.join(into), rows.as_bytes());
    writeln!(commit, "{}", add(into, &rows, false)).unwrap();
    commit
}

/// What a group log tells: all of it, and to a reader who begins with its head.
pub(crate) struct Told {
    /// All entries.
    pub(crate) entries: Vec<Entry>,
    /// What they come to.
    pub(crate) state: Option<GroupState>,
    /// What decisions rest on.
    pub(crate) history: History,
}

/// Reads a group log both ways, which must agree.
pub(crate) async fn told(log: &GroupLog) -> Told {
    let whole = log.read_all().await.unwrap();
    let history = log.read().await.unwrap();
    assert_eq!(history.state, whole.history.state, "the head says something else");
    Told { entries: whole.entries, state: whole.history.state, history }
}

/// One call of the executor: its own identity, and the specs it has read.
pub(crate) struct Executor {
    world: World,
    loaded: Loaded,
}

impl Executor {
    /// The same call on a machine whose clock is wrong by so much.
    pub(crate) fn with_clock(self, ahead: TimeDelta) -> Self {
        Self { world: World { ahead, ..self.world }, ..self }
    }

    /// What the stages of this call share.
    pub(crate) async fn scene(&self) -> Scene<'_> {
        let (spec, group) = &self.loaded.groups[0];
        Scene::open(&self.world, &self.loaded, spec, group).await.unwrap()
    }

    /// `lakedr sync`
    pub(crate) async fn sync(&self) -> GroupReport {
        self.does(Asked::Sync).await
    }

    /// `lakedr sync`, `lakedr send` or `lakedr receive`
    pub(crate) async fn does(&self, asked: Asked) -> GroupReport {
        let task = Task { asked, force: false };
        sync_group(&self.world, &self.loaded, &self.loaded.groups[0], task, &Progress::silent()).await
    }
}

/// Path of a table in a region.
pub(crate) fn table_key(table: &str) -> String {
    format!("{LAKE}/{}", table.replace('.', "/"))
}

/// Path of a commit in a table.
pub(crate) fn commit_key(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}

/// Path of a commit in a region.
pub(crate) fn slot_key(table: &str, version: u64) -> String {
    format!("{}/{}", table_key(table), commit_key(version))
}

fn moment(run: u64) -> DateTime<Utc> {
    "2026-11-20T08:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(run.cast_signed())
}

/// `metaData.id` of a table of the east.
fn table_id(table: &str) -> String {
    format!("id of {table}")
}

fn head(table: &str) -> String {
    let interval = if table == "cat.s.bronze" { "1" } else { "100" };
    let schema = r#"{"type":"struct","fields":[{"name":"a","type":"string","nullable":true,"metadata":{}}]}"#;
    let protocol = json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
    let metadata = json!({"metaData": {
        "id": table_id(table), "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
        "partitionColumns": [], "configuration": {"delta.checkpointInterval": interval}, "createdTime": 0
    }});
    format!("{protocol}\n{metadata}\n")
}
