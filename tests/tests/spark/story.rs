//! The main job on tables that Spark writes and reads: two regions on two S3 servers, run after run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES, contents};
use lakedr_e2e::spark::{Rows, Spark};
use serde_json::Value;

const SILVER: &str = "cat.stage.silver";

/// What the tables of a region hold, by table name.
type State = BTreeMap<&'static str, Rows>;

#[tokio::test(flavor = "multi_thread")]
async fn the_standby_region_follows_the_finished_runs_of_a_spark_workflow() -> Result<()> {
    let mut story = Story::begin().await?;
    for number in 1..=3 {
        story.start_run(number)?;
        story.spark.run(&root(Region::East), number)?;
        story.finish_run(number)?;
        story.the_standby_holds(number)?;
        story.keep_a_snapshot(number)?;
    }
    story.a_run_under_way_is_not_seen(4)?;
    story.spark.rest_of_run(&root(Region::East), 4)?;
    story.finish_run(4)?;
    story.the_standby_holds(4)?;
    story.silver_was_carried_as_it_is()?;
    story.every_recovery_point_can_be_read()?;
    story.kept_snapshots_can_be_read_after_pruning()?;
    story.the_checkpoint_tells_what_the_commits_told()?;
    story.the_metadata_table_answers_sql(4)?;
    for region in Region::BOTH {
        story.regions.terraform(region)?.plan_is_empty()?;
    }
    Ok(())
}

struct Story {
    regions: Regions,
    spark: Spark,
    /// What the source held at the end of each finished run.
    finished: BTreeMap<u32, State>,
    /// Where the copies of each run's snapshot are, and at which versions.
    snapshots: BTreeMap<u32, Vec<(String, u64)>>,
}

const SCHEDULE: &str = r#"
resource "lakedr_snapshot_schedule" "weekly" {
  name      = "weekly"
  source    = { sync_group = lakedr_sync_group.etl.name }
  target    = { location = lakedr_external_location.west.name, prefix = "copies" }
  schedule  = { cron = "0 3 * * 0" }
  retention = { keep_last = 2 }
}
"#;

impl Story {
    async fn begin() -> Result<Self> {
        let regions = Regions::on_s3().await?;
        let mut spark = Spark::start()?;
        for region in Region::BOTH {
            let server = regions.server(region).context("a region without a server")?;
            spark.connect(server, &format!("lake-{}", region.short()))?;
            spark.connect(server, &format!("dr-{}", region.short()))?;
        }
        for region in Region::BOTH {
            regions.terraform(region)?.write("snapshots.tf", SCHEDULE)?;
            regions.terraform(region)?.apply()?;
        }
        Ok(Self { regions, spark, finished: BTreeMap::new(), snapshots: BTreeMap::new() })
    }

    fn start_run(&self, number: u32) -> Result<()> {
        self.regions.mark("start", &number.to_string())
    }

    /// Marks the end of a run that Spark has written, and syncs.
    fn finish_run(&mut self, number: u32) -> Result<()> {
        self.regions.mark("finish", &number.to_string())?;
        let state = self.state(Region::East)?;
        for (earlier, before) in &self.finished {
            assert!(TABLES.iter().all(|table| state[table] != before[table]), "run {earlier} was like this");
        }
        self.finished.insert(number, state);
        assert_eq!(self.regions.sync()?, "published");
        Ok(())
    }

    /// Spark, `verify` and a second sync agree that the standby region is at the end of a run.
    fn the_standby_holds(&mut self, number: u32) -> Result<()> {
        assert_eq!(
            self.state(Region::West)?,
            self.finished[&number],
            "rows at the standby after run {number}"
        );
        for table in TABLES {
            assert!(self.spark.has_checksum(&path(Region::West, table))?, "{table} has no checksum");
        }
        let verified = self.regions.group(0, &["verify", "--level", "content"])?;
        assert_eq!(verified["equal"], true, "{verified}");
        let before = self.written_at_the_standby()?;
        let report = self.regions.group(0, &["sync"])?;
        assert_eq!(report["outcome"], "up_to_date");
        assert_eq!(report["cut"]["run"]["id"], number.to_string());
        assert!(self.written_at_the_standby()? == before, "a second sync wrote something");
        Ok(())
    }

    /// Syncs while Spark writes a run, and when the run lies there half-written.
    fn a_run_under_way_is_not_seen(&mut self, number: u32) -> Result<()> {
        self.start_run(number)?;
        let meanwhile = self.regions.start_lakedr(&["sync", "--output", "json"])?;
        self.spark.half_run(&root(Region::East), number)?;
        let meanwhile = meanwhile.wait(Duration::from_secs(120))?;
        assert_eq!(meanwhile.json()?["groups"][0]["outcome"], "up_to_date", "{meanwhile}");

        let last = number - 1;
        let half = self.state(Region::East)?;
        for written in ["cat.raw.bronze", SILVER] {
            assert_ne!(
                half[written], self.finished[&last][written],
                "the half run wrote nothing to {written}"
            );
        }
        assert_eq!(half["cat.mart.gold"], self.finished[&last]["cat.mart.gold"]);
        self.the_standby_holds(last)
    }

    /// The target has the features of the source, not a rewritten table with the same rows.
    fn silver_was_carried_as_it_is(&self) -> Result<()> {
        let log = self.log(SILVER);
        let commits: String =
            (0..4).map(|version| read(&log.join(commit(version)))).collect::<Result<Vec<_>>>()?.concat();
        for trace in
            ["\"deletionVector\":{", "\"delta.columnMapping.mode\":\"name\"", "\"operation\":\"CLONE\""]
        {
            assert!(commits.contains(trace), "no {trace} in {}", log.display());
        }
        Ok(())
    }

    /// Time travel at the standby region: each recovery point names the versions that show its run.
    fn every_recovery_point_can_be_read(&mut self) -> Result<()> {
        let report = self.regions.group(0, &["recovery-points"])?;
        let points = report["recovery_points"].as_array().context("recovery points")?;
        let mut read = BTreeMap::new();
        for point in points {
            let run: u32 = point["cut"]["run"]["id"].as_str().context("the run of a cut")?.parse()?;
            read.insert(run, self.state_at(&point["cut"])?);
        }
        assert_eq!(read, self.finished);
        Ok(())
    }

    /// Takes a snapshot, which holds the run that was published last.
    fn keep_a_snapshot(&mut self, number: u32) -> Result<()> {
        let taken = self.regions.lakedr_json(0, &["snapshot", "take", "--force"])?;
        let tables = taken["schedules"][0]["tables"].as_array().cloned().unwrap_or_default();
        let copy = |table: &Value| Some((table["path"].as_str()?.to_owned(), table["version"].as_u64()?));
        let copies = tables.iter().map(copy).collect::<Option<Vec<_>>>().context("paths and versions")?;
        ensure!(copies.len() == TABLES.len(), "{taken}");
        self.snapshots.insert(number, copies);
        self.snapshot_holds(number)
    }

    /// Time travel in the copies shows the rows of the run.
    fn snapshot_holds(&mut self, number: u32) -> Result<()> {
        for (copy, version) in self.snapshots[&number].clone() {
            let table = TABLES.iter().find(|table| copy.ends_with(&table.replace('.', "/")));
            let table = table.with_context(|| format!("{copy} is a copy of no table"))?;
            let rows = self.spark.rows(&format!("s3a://dr-west/copies/data/{copy}"), Some(version))?;
            assert_eq!(rows, self.finished[&number][table], "{table} in the snapshot of run {number}");
        }
        Ok(())
    }

    /// What the retention does not keep goes, and with it files that nothing needs; the rest reads as before.
    fn kept_snapshots_can_be_read_after_pruning(&mut self) -> Result<()> {
        let pruned = self.regions.lakedr_json(0, &["snapshot", "prune"])?;
        let pruned = &pruned["schedules"][0];
        ensure!(pruned["removed"].as_array().map(Vec::len) == Some(1), "{pruned}");
        ensure!(pruned["deleted"]["bytes"].as_u64() > Some(0), "{pruned}");
        self.snapshot_holds(2)?;
        self.snapshot_holds(3)
    }

    /// Removes the commits that a checkpoint at the target covers: Spark still reads the latest rows.
    fn the_checkpoint_tells_what_the_commits_told(&mut self) -> Result<()> {
        let log = self.log(SILVER);
        let hint: Value = serde_json::from_str(&read(&log.join("_last_checkpoint"))?)?;
        let checkpoint = hint["version"].as_u64().context("the version of the checkpoint")?;
        for version in 0..=checkpoint {
            std::fs::remove_file(log.join(commit(version)))?;
        }
        // a Spark that has not read the table before has the checkpoint alone to go by
        let server = self.regions.server(Region::West).context("a region without a server")?;
        let mut reader = Spark::start()?;
        reader.connect(server, "lake-west")?;
        let last = self.finished.values().next_back().context("a finished run")?;
        assert_eq!(reader.rows(&path(Region::West, SILVER), None)?, last[SILVER]);
        Ok(())
    }

    /// Spark reads the sync metadata table, and may compact it; the next sync goes on writing to it.
    fn the_metadata_table_answers_sql(&mut self, runs: u32) -> Result<()> {
        let table = "delta.`s3a://dr-west/meta/sync_metadata_table`";
        let select = format!(
            "SELECT group_name, run_id, sync_status, unix_millis(last_successful_run_time) AS ended, size(tables) AS tables, \
             from_json(target_operation_metrics, 'map<string, struct<sync_commit_version: bigint>>')['cat.raw.bronze'] \
             .sync_commit_version AS version, \
             typeof(logged_at) AS instant FROM {table} ORDER BY seq"
        );
        let before = self.spark.query(&select)?;
        let ids: Vec<u32> = before.iter().filter_map(|row| row["run_id"].as_str()?.parse().ok()).collect();
        assert_eq!(ids, (1..=runs).collect::<Vec<_>>(), "{before:?}");
        let report = self.regions.group(0, &["status"])?;
        let ended =
            report["recovery_point"]["cut"]["run"]["ended_at"].as_str().context("the end of a run")?;
        let last = before.last().context("a row")?;
        assert_eq!(last["ended"], chrono::DateTime::parse_from_rfc3339(ended)?.timestamp_millis());
        assert_eq!((&last["sync_status"], &last["tables"]), (&"Success".into(), &3.into()));
        assert_eq!((&last["instant"], last["version"].is_u64()), (&"timestamp".into(), true), "{last}");

        self.spark.query(&format!("OPTIMIZE {table}"))?;
        self.start_run(runs + 1)?;
        self.spark.run(&root(Region::East), runs + 1)?;
        self.finish_run(runs + 1)?;
        let after = self.spark.query(&select)?;
        assert_eq!((&after[..before.len()], after.len()), (&before[..], before.len() + 1));
        Ok(())
    }

    /// What Spark reads in a region.
    fn state(&mut self, region: Region) -> Result<State> {
        TABLES.into_iter().map(|table| Ok((table, self.spark.rows(&path(region, table), None)?))).collect()
    }

    /// What Spark reads in the standby region at the versions of a cut.
    fn state_at(&mut self, cut: &Value) -> Result<State> {
        let pinned = cut["tables"].as_array().context("the tables of a cut")?;
        ensure!(pinned.len() == TABLES.len(), "a cut of another group: {cut}");
        let at = |table: &'static str| {
            let pinned = pinned.iter().find(|pinned| pinned["name"] == table).context(table)?;
            let version = pinned["target_version"].as_u64().context("a table without a target version")?;
            Ok((table, self.spark.rows(&path(Region::West, table), Some(version))?))
        };
        TABLES.into_iter().map(at).collect()
    }

    fn written_at_the_standby(&self) -> Result<[BTreeMap<PathBuf, Vec<u8>>; 2]> {
        let all = |what| contents(&self.regions.dir(Region::West, what));
        Ok([all("lake")?, all("dr")?])
    }

    fn log(&self, table: &str) -> PathBuf {
        self.regions.table_dir(Region::West, table).join("_delta_log")
    }
}

fn root(region: Region) -> String {
    format!("s3a://lake-{}", region.short())
}

fn path(region: Region, table: &str) -> String {
    format!("{}/{}", root(region), table.replace('.', "/"))
}

fn commit(version: u64) -> String {
    format!("{version:020}.json")
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}
