//! Tables that Spark writes, by jobs that say which run they are and by writers that do not: what is published are the rows
//! of finished runs, as Spark reads them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::spark::Spark;
use serde_json::{Value, json};

use crate::lake::{Lake, TABLES};
use crate::sources::{Dag, Job, Source};

/// The tables of a lake, and who writes them.
struct Story {
    lake: Lake,
    spark: Spark,
}

impl Story {
    fn begin(source: &dyn Source) -> Result<Self> {
        let lake = Lake::without_tables(&source.attributes()?, source.secrets())?;
        let mut story = Self { lake, spark: Spark::serve("tests/spark/jobs.py")? };
        // of one table the log says when a commit was made, of the other one its file does
        for (table, properties) in
            TABLES.iter().zip([json!({}), json!({"delta.enableInCommitTimestamps": "true"})])
        {
            story.ask("create", table, json!({"properties": properties}))?;
        }
        Ok(story)
    }

    fn ask(&mut self, command: &str, table: &str, mut request: Value) -> Result<Value> {
        request["command"] = json!(command);
        request["path"] = json!(self.lake.world.source(table));
        self.spark.ask(&request)
    }

    /// A writer that says nothing of itself appends rows.
    fn write(&mut self, table: &str, writer: &str) -> Result<()> {
        self.ask("append", table, json!({"writer": writer}))?;
        ensure!(self.newest(table)?["job"].is_null(), "Spark names a run by itself");
        Ok(())
    }

    /// A run of a job appends rows, and says so.
    fn write_as(&mut self, table: &str, writer: &str, run: i64) -> Result<()> {
        let run = run.to_string();
        self.ask("append", table, json!({"writer": writer, "run": run}))?;
        let info = self.newest(table)?;
        ensure!(info["job"]["jobRunId"] == run.as_str(), "a commit of run {run} says {info}");
        Ok(())
    }

    fn optimize(&mut self, table: &str) -> Result<()> {
        self.ask("optimize", table, json!({}))?;
        let info = self.newest(table)?;
        ensure!(info["operation"] == "OPTIMIZE", "nothing was compacted: {info}");
        Ok(())
    }

    /// `commitInfo` of the newest commit of a source table.
    fn newest(&self, table: &str) -> Result<Value> {
        let log = self.lake.world.source(table).join("_delta_log");
        let mut commits: Vec<_> =
            std::fs::read_dir(log)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        commits.sort();
        let text = std::fs::read_to_string(commits.last().context("a commit")?)?;
        let first: Value = serde_json::from_str(text.lines().next().context("a line")?)?;
        Ok(first["commitInfo"].clone())
    }

    /// Syncs: what is published is the end of this run, of which the tables hold rows of these writers, and Spark reads in both
    /// regions the same.
    fn published(&mut self, run: &str, bronze: &[&str], gold: &[&str]) -> Result<()> {
        let report = self.lake.lakedr(0, &["sync"])?;
        ensure!(
            report["outcome"] == "published" && report["cut"]["run"]["id"] == run,
            "not run {run}: {report}"
        );
        let pinned = report["cut"]["tables"].as_array().context("tables")?;
        for ((table, expected), pinned) in TABLES.iter().zip([bronze, gold]).zip(pinned) {
            let versions = ["source_version", "target_version"].map(|side| pinned[side].as_u64());
            let [source, target] = [self.lake.world.source(table), self.lake.world.target(table)];
            let (source, target) = (source.display().to_string(), target.display().to_string());
            let there = self.spark.rows(&source, versions[0])?;
            ensure!(self.spark.rows(&target, versions[1])? == there, "{table} differs at run {run}");
            ensure!(self.spark.rows(&target, None)? == there, "{table} shows something else than run {run}");
            let writers: BTreeMap<String, u64> =
                serde_json::from_value(self.spark.ask(&json!({"command": "writers", "path": target}))?)?;
            let expected: BTreeMap<String, u64> =
                expected.iter().map(|writer| ((*writer).to_owned(), 3)).collect();
            ensure!(writers == expected, "{table} at run {run} holds {writers:?}, not {expected:?}");
        }
        ensure!(self.lake.sync(0)? == "up_to_date", "a second sync does something");
        Ok(())
    }

    /// Syncs: it is refused with this, and nothing changes.
    fn refused(&self, because: &str) -> Result<()> {
        let before = self.lake.lakedr(0, &["recovery-points"])?;
        let refusal = self.lake.refusal()?;
        ensure!(refusal.contains(because), "{because:?} is not in {refusal}");
        ensure!(self.lake.lakedr(0, &["recovery-points"])? == before, "there is another recovery point");
        Ok(())
    }
}

#[test]
fn runs_that_name_themselves_are_told_apart_in_tables_that_spark_writes() -> Result<()> {
    let job = Job::with_token()?;
    let (begin, end) = (|| job.workspace.begin(job.id), |run: i64| job.workspace.end(run, "SUCCESS"));
    let mut story = Story::begin(&job)?;
    let a = begin();
    story.write_as("bronze", "a", a)?;
    story.write_as("gold", "a", a)?;
    end(a)?;
    story.published(&a.to_string(), &["a"], &["a"])?;

    // somebody writes by hand, a compaction runs, and the next run begins before this one is over
    let b = begin();
    story.write_as("bronze", "b", b)?;
    story.write("bronze", "by hand")?;
    story.optimize("bronze")?;
    let c = begin();
    story.write_as("bronze", "c", c)?;
    story.write_as("gold", "b", b)?;
    end(b)?;
    story.published(&b.to_string(), &["a", "b", "by hand"], &["a", "b"])?;
    story.write_as("gold", "c", c)?;
    story.optimize("gold")?;
    end(c)?;
    story.published(&c.to_string(), &["a", "b", "by hand", "c"], &["a", "b", "c"])?;

    // of two runs that write one table in turns, the end of the first is no state
    let (d, e) = (begin(), begin());
    story.write_as("bronze", "e", e)?;
    story.write_as("bronze", "d", d)?;
    end(d)?;
    story.refused("belongs to a later state")?;
    end(e)?;
    let bronze = ["a", "b", "by hand", "c", "d", "e"];
    story.published(&e.to_string(), &bronze, &["a", "b", "c"])?;

    // nor can be told whose is what somebody writes while two runs are under way
    let (f, g) = (begin(), begin());
    story.write_as("gold", "f", f)?;
    story.write("gold", "nobody")?;
    end(f)?;
    story.refused(&format!("may be of run {g}"))?;
    end(g)?;
    story.published(&g.to_string(), &bronze, &["a", "b", "c", "f", "nobody"])
}

#[test]
fn runs_are_told_apart_by_time_in_tables_that_spark_writes() -> Result<()> {
    let dag = Dag::of(3)?;
    let (begin, end) = (|| dag.server.begin(), |run: &str| dag.server.end(run, true));
    let mut story = Story::begin(&dag)?;
    let a = begin();
    story.write("bronze", "a")?;
    story.write("gold", "a")?;
    end(&a)?;
    story.published(&a, &["a"], &["a"])?;

    // what is written by hand when a run is over is not of it, and compactions are of nobody
    let b = begin();
    story.write("bronze", "b")?;
    story.optimize("bronze")?;
    story.write("gold", "b")?;
    story.ask("delete", "gold", json!({"writer": "a"}))?;
    end(&b)?;
    story.write("bronze", "by hand")?;
    story.optimize("bronze")?;
    story.published(&b, &["a", "b"], &["b"])?;

    // while another run is under way nothing tells whose a commit is
    let (c, d) = (begin(), begin());
    story.write("gold", "c")?;
    end(&c)?;
    story.refused(&format!("may be of run {d}"))?;
    story.write("bronze", "d")?;
    end(&d)?;
    story.published(&d, &["a", "b", "by hand", "d"], &["b", "c"])
}
