//! Two tables that change every week, and a schedule that keeps copies of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use lakedr::error::{Failure, chain};
use lakedr::pipeline::Stop;
use lakedr::report::Progress;
use lakedr::snapshots::{self, Desk, Listed, Partitions, PruneReport, RestoreReport, Taken, Where, Which};
use lakedr::spec::Loaded;
use lakedr::world::World;
use lakedr_control::snapshots::{SnapshotDocument, SnapshotId};
use lakedr_control::spec::SnapshotScheduleSpec;
use lakedr_control::validate::{self, Specs};
use lakedr_control::vault::Secrets;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tree::{self, Tree};

/// The tables. `grows` gets a file a week and loses one now and then, `whole` is overwritten every week.
pub(crate) const TABLES: [&str; 2] = ["cat.s.grows", "cat.s.whole"];

/// What a table shows: the rows of its live files.
pub(crate) type Rows = BTreeSet<String>;

/// Rows of each table.
pub(crate) type State = BTreeMap<&'static str, Rows>;

pub(crate) struct Lab {
    directory: TempDir,
    spec: Value,
}

impl Lab {
    pub(crate) fn new(schedule: Value) -> Self {
        let mut spec = json!({
            "name": "weekly",
            "target": {"location": "keep", "prefix": "copies/weekly"},
            "schedule": {"cron": "0 3 * * 0", "timezone": "Europe/Berlin"},
        });
        let directory = TempDir::new().unwrap();
        let mut lab = Self { directory, spec: Value::Null };
        let tables: Vec<_> = TABLES.iter().map(|name| json!({"name": name})).collect();
        let source = json!({"region": "east", "table_root": lab.url("lake"), "tables": tables});
        spec["source"] = source;
        let Value::Object(schedule) = schedule else { panic!("{schedule} is no object") };
        for (key, value) in schedule {
            spec[key] = value;
        }
        lab.spec = spec;
        lab
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    pub(crate) fn url(&self, below: &str) -> String {
        format!("file://{}", self.root().join(below).display())
    }

    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.root().join("lake").join(name.replace('.', "/"))
    }

    /// Everything that lakedr has written.
    pub(crate) fn kept(&self) -> PathBuf {
        self.root().join("keep")
    }

    pub(crate) fn read(&self) -> Tree {
        tree::read(&self.kept())
    }

    /// The folder of the copies.
    pub(crate) fn data(&self) -> PathBuf {
        self.kept().join("copies/weekly/data")
    }

    /// What the workflow writes in a week, from 0 on.
    pub(crate) fn week(&self, week: u64) {
        let file = |table: &str, week: u64| format!("part-{week:03}-{table}.parquet");
        for table in TABLES {
            let root = self.table(table);
            let rows = format!("{table}, week {week}: {}\n", "x".repeat(usize::try_from(week).unwrap() + 1));
            tree::write(&root.join(file(table, week)), rows.as_bytes());
            let mut commit = if week == 0 { head(table) } else { String::new() };
            let mut remove = |gone: u64| {
                let size = std::fs::metadata(root.join(file(table, gone))).unwrap().len();
                let remove = json!({"remove": {"path": file(table, gone), "deletionTimestamp": 0, "dataChange": true,
                    "extendedFileMetadata": true, "partitionValues": {"p": part(gone)}, "size": size}});
                writeln!(commit, "{remove}").unwrap();
            };
            match table {
                "cat.s.whole" if week > 0 => remove(week - 1),
                "cat.s.grows" if week > 0 && week.is_multiple_of(4) => remove(week - 1),
                _ => {}
            }
            let add = json!({"add": {"path": file(table, week), "partitionValues": {"p": part(week)}, "size": rows.len(),
                "modificationTime": 0, "dataChange": true, "stats": json!({"numRecords": 1}).to_string()}});
            writeln!(commit, "{add}").unwrap();
            self.commit(table, week, &commit);
        }
    }

    /// Commits some actions an hour ago.
    pub(crate) fn commit(&self, table: &str, version: u64, actions: &str) {
        let path = self.table(table).join(format!("_delta_log/{version:020}.json"));
        tree::write(&path, actions.as_bytes());
        self.committed(table, version, Duration::from_secs(3600) - Duration::from_millis(version));
    }

    /// Lets a version be committed so long ago.
    pub(crate) fn committed(&self, table: &str, version: u64, ago: Duration) {
        let path = self.table(table).join(format!("_delta_log/{version:020}.json"));
        std::fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(SystemTime::now() - ago)
            .unwrap();
    }

    /// What the tables of the workflow show.
    pub(crate) fn source(&self) -> State {
        TABLES.map(|name| (name, rows(&self.table(name), None))).into()
    }

    /// What a snapshot shows, by a reader of its own.
    pub(crate) fn shown(&self, document: &SnapshotDocument) -> State {
        TABLES
            .iter()
            .filter_map(|name| {
                let table = document.table(&name.parse().unwrap())?;
                Some((*name, rows(&self.data().join(&table.path), Some(table.version))))
            })
            .collect()
    }

    fn loaded(&self) -> Loaded {
        let location = |name: &str, region: &str| {
            serde_json::from_value(json!({"name": name, "region": region, "url": self.url(name)})).unwrap()
        };
        let schedule: SnapshotScheduleSpec = serde_json::from_value(self.spec.clone()).unwrap();
        let specs = Specs {
            external_locations: vec![location("keep", "west")],
            sync_groups: Vec::new(),
            snapshot_schedules: vec![schedule],
        };
        assert_eq!(validate::validate_all(&specs), []);
        let locations = specs.external_locations.iter();
        let locations =
            locations.map(|l| (l.name.clone(), validate::external_location(l).unwrap())).collect();
        let (source_name, secrets) = ("the lab".to_owned(), Secrets::of_process());
        Loaded { source_name, specs, locations, groups: Vec::new(), secrets }
    }

    /// A call of the executor, so long from now.
    pub(crate) fn call(&self, ahead: TimeDelta) -> Call {
        let loaded = self.loaded();
        let schedule = validate::snapshot_schedule(&loaded.specs.snapshot_schedules[0]).unwrap();
        Call { world: World { ahead, ..World::new() }, loaded, schedule }
    }

    /// A call of the executor in a week.
    pub(crate) fn in_week(&self, week: u64) -> Call {
        self.call(TimeDelta::weeks(week.cast_signed()))
    }
}

/// One call of the executor.
pub(crate) struct Call {
    pub(crate) world: World,
    loaded: Loaded,
    schedule: validate::ValidSchedule,
}

impl Call {
    pub(crate) async fn desk(&self) -> Desk<'_> {
        Desk::open(&self.world, &self.loaded, &self.schedule).await.unwrap()
    }

    pub(crate) async fn take(&self, force: bool) -> Result<Taken, Stop> {
        snapshots::take(&self.desk().await, force, &Progress::silent()).await
    }

    /// Takes a snapshot that has to be taken.
    pub(crate) async fn taken(&self) -> SnapshotDocument {
        match self.take(false).await {
            Ok(taken) => taken.snapshot.unwrap_or_else(|| panic!("{:?}", taken.reason)),
            Err(stop) => panic!("{}", told(&stop)),
        }
    }

    pub(crate) async fn list(&self) -> Listed {
        snapshots::list(&self.desk().await).await.unwrap()
    }

    pub(crate) async fn ids(&self) -> Vec<SnapshotId> {
        self.list().await.snapshots.into_iter().map(|snapshot| snapshot.kept.id).collect()
    }

    pub(crate) async fn document(&self, id: &SnapshotId) -> SnapshotDocument {
        let desk = self.desk().await;
        let catalog = desk.catalog.read().await.unwrap();
        desk.catalog.document(catalog.get(id).unwrap()).await.unwrap()
    }

    pub(crate) async fn prune(&self, dry_run: bool) -> PruneReport {
        snapshots::prune(&self.desk().await, dry_run).await.map_err(|stop| told(&stop)).unwrap()
    }

    pub(crate) async fn pin(&self, id: &SnapshotId, pinned: bool) -> bool {
        snapshots::pin(&self.desk().await, id, pinned).await.unwrap()
    }

    pub(crate) async fn restore(
        &self,
        which: &Which,
        tables: &[&str],
        to: &Where,
    ) -> Result<RestoreReport, Failure> {
        self.restore_some(which, (tables, &[]), to).await
    }

    /// Brings some partitions of some tables back.
    pub(crate) async fn restore_some(
        &self,
        which: &Which,
        (tables, partitions): (&[&str], &[&str]),
        to: &Where,
    ) -> Result<RestoreReport, Failure> {
        let tables: Vec<_> = tables.iter().map(|table| table.parse().unwrap()).collect();
        let partitions: Vec<String> = partitions.iter().map(|text| (*text).to_owned()).collect();
        let chosen = (tables.as_slice(), &Partitions::parse(&partitions).unwrap());
        snapshots::restore(&self.desk().await, which, chosen, to, &Progress::silent()).await
    }

    /// Whether a snapshot can be proven.
    pub(crate) async fn holds(&self, id: &SnapshotId) -> bool {
        let proof = snapshots::verify(&self.desk().await, id, lakedr::cli::Level::Size).await.unwrap();
        proof.equal
    }
}

/// Why nothing came of a call.
pub(crate) fn told(stop: &Stop) -> String {
    match stop {
        Stop::Refused(refusal) => format!("{}: {refusal}", refusal.tag()),
        Stop::Failed(failure) => chain(failure),
    }
}

/// The files of a table that are live at a version, or at the newest: read by the log alone.
pub(crate) fn live(table: &Path, version: Option<u64>) -> BTreeSet<String> {
    let mut live = BTreeSet::new();
    for version in 0..=version.unwrap_or(u64::MAX) {
        let Ok(commit) = std::fs::read_to_string(table.join(format!("_delta_log/{version:020}.json"))) else {
            break;
        };
        for action in commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if let Some(path) = action["remove"]["path"].as_str() {
                live.remove(path);
            }
            live.extend(action["add"]["path"].as_str().map(str::to_owned));
        }
    }
    live
}

/// The rows of a table at a version.
pub(crate) fn rows(table: &Path, version: Option<u64>) -> Rows {
    let files = live(table, version).into_iter();
    files
        .map(|file| std::fs::read_to_string(table.join(&file)).unwrap_or_else(|_| panic!("{file} is gone")))
        .collect()
}

fn part(week: u64) -> String {
    (week % 3).to_string()
}

fn head(table: &str) -> String {
    let field = |name: &str| json!({"name": name, "type": "string", "nullable": true, "metadata": {}});
    let schema = json!({"type": "struct", "fields": [field("a"), field("p")]}).to_string();
    let protocol = json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
    let metadata = json!({"metaData": {
        "id": format!("id of {table}"), "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
        "partitionColumns": ["p"], "configuration": {}, "createdTime": 0
    }});
    format!("{protocol}\n{metadata}\n")
}
