//! What the job that lakedr replaces did wrong with what it was told, and with what it knew: validation and metadata. Rows C1
//! and C3 of `docs/selection.md`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::contents;
use lakedr_e2e::world::Group;
use serde_json::{Map, Value, json};

use crate::lake::{Lake, TABLES, group};
use crate::sources::{Job, Source as _};

/// Two groups of one table each, `bronze` and `gold`, of which each has a job in a workspace of its own.
struct Two {
    bronze: Job,
    gold: Job,
    lake: Lake,
}

impl Two {
    fn begin() -> Result<Self> {
        let (bronze, gold) = (Job::with_token()?, Job::with_token()?);
        let lake = Lake::new(&Map::new(), bronze.secrets())?;
        let two = Self { bronze, gold, lake };
        two.declare(&two.bronze.attributes()?, &two.gold.attributes()?)?;
        Ok(two)
    }

    fn declare(&self, bronze: &Map<String, Value>, gold: &Map<String, Value>) -> Result<()> {
        let groups = [group("bronze", &["bronze"], bronze), group("gold", &["gold"], gold)];
        self.lake.world.declare(&groups)
    }

    /// Both jobs finish a run; their ids.
    fn finish(&self, file: &str) -> Result<[String; 2]> {
        let finish = |job: &Job, table: &str| -> Result<String> {
            let run = job.workspace.begin(job.id);
            self.lake.append(table, file, None)?;
            job.workspace.end(run, "SUCCESS")?;
            Ok(run.to_string())
        };
        Ok([finish(&self.bronze, "bronze")?, finish(&self.gold, "gold")?])
    }

    /// What a sync that ends with this code makes of the two groups.
    fn sync(&self, code: i32) -> Result<[Value; 2]> {
        let document = self.lake.document(code, &["sync"])?;
        let of = |name: &str| {
            let mut groups = document["groups"].as_array().into_iter().flatten();
            groups.find(|group| group["group"] == name).cloned().with_context(|| document.to_string())
        };
        Ok([of("bronze")?, of("gold")?])
    }
}

/// A run of a job that writes both tables and finishes.
fn finish(job: &Job, lake: &Lake, file: &str) -> Result<i64> {
    let run = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, file, None)?;
    }
    job.workspace.end(run, "SUCCESS")?;
    Ok(run)
}

/// Nothing is in the place of the standby region's tables.
fn assert_untouched(lake: &Lake) -> Result<()> {
    let found: Vec<_> = contents(&lake.world.place("west"))?.into_keys().collect();
    ensure!(found.is_empty(), "something was written: {found:?}");
    Ok(())
}

#[test]
fn c1_18_a_group_is_asked_for_in_its_own_workspace_and_synced_once() -> Result<()> {
    let two = Two::begin()?;
    // so that a run's id tells the workspace
    let failed = two.gold.workspace.begin(two.gold.id);
    two.gold.workspace.end(failed, "RUN_EXECUTION_ERROR")?;
    let runs = two.finish("1")?;
    assert_ne!(runs[0], runs[1]);
    for (report, run) in two.sync(0)?.iter().zip(&runs) {
        assert_eq!((&report["outcome"], &report["cut"]["run"]["id"]), (&json!("published"), &json!(run)));
    }
    let points = two.lake.document(0, &["recovery-points"])?;
    for group in points["groups"].as_array().context("groups")? {
        assert_eq!(group["recovery_points"].as_array().map(Vec::len), Some(1), "{group}");
    }
    Ok(())
}

#[test]
fn c1_19_what_does_not_validate_is_not_synced() -> Result<()> {
    let job = Job::with_token()?;
    let no_such_job = job.named(&json!({"id": 77}));
    let lake = Lake::new(&no_such_job, job.secrets())?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.lakedr(2, &["validate"])?["valid"], false);
    let report = lake.lakedr(2, &["sync"])?;
    assert_eq!((&report["outcome"], &report["error"]["type"]), (&json!("failed"), &json!("configuration")));
    assert_untouched(&lake)?;
    // a rule that is broken is found before any service is asked
    let asked = job.workspace.asked().len();
    let mut broken = job.attributes()?;
    broken.insert("initial_active_region".to_owned(), json!("mars"));
    lake.declare(&broken)?;
    let document = lake.document(2, &["sync"])?;
    assert!(document.to_string().contains("mars"), "{document}");
    assert_eq!(job.workspace.asked().len(), asked);
    assert_untouched(&lake)
}

#[test]
fn c1_23_groups_with_one_table_are_refused_and_neither_is_synced() -> Result<()> {
    let two = Two::begin()?;
    two.finish("1")?;
    let groups = [("bronze", &two.bronze), ("gold", &two.gold)]
        .map(|(name, job)| Ok(group(name, &["bronze"], &job.attributes()?)));
    let groups = groups.into_iter().collect::<Result<Vec<Group>>>()?;
    two.lake.world.declare(&groups)?;
    let document = two.lake.document(2, &["sync"])?;
    assert!(document.to_string().contains("keep the table in one group"), "{document}");
    assert_untouched(&two.lake)
}

#[test]
fn c3_01_a_bad_group_keeps_no_other_one_from_its_sync() -> Result<()> {
    let two = Two::begin()?;
    two.finish("1")?;
    let no_such_job = two.bronze.named(&json!({"id": 77}));
    two.declare(&no_such_job, &two.gold.attributes()?)?;
    let [bad, good] = two.sync(2)?;
    assert_eq!((&bad["outcome"], &good["outcome"]), (&json!("failed"), &json!("published")));
    // and the one that is mended joins later
    two.declare(&two.bronze.attributes()?, &two.gold.attributes()?)?;
    let [mended, good] = two.sync(0)?;
    assert_eq!((&mended["outcome"], &good["outcome"]), (&json!("published"), &json!("up_to_date")));
    Ok(())
}

#[test]
fn c3_02_a_changed_group_that_does_not_validate_keeps_its_state() -> Result<()> {
    let job = Job::with_token()?;
    let lake = Lake::new(&job.attributes()?, job.secrets())?;
    let first = finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    lake.world.declare(&[group("etl", &["bronze", "gold", "silver"], &job.attributes()?)])?;
    assert_eq!(lake.lakedr(2, &["validate"])?["valid"], false);
    assert_eq!(lake.sync(3)?, "table_missing");
    let points = lake.lakedr(0, &["recovery-points"])?;
    assert_eq!(points["recovery_points"][0]["cut"]["run"]["id"], first.to_string(), "{points}");
    // what was there is not copied again
    lake.declare(&job.attributes()?)?;
    assert_eq!(lake.sync(0)?, "up_to_date");
    finish(&job, &lake, "2")?;
    let report = lake.lakedr(0, &["sync"])?;
    for table in report["cut"]["tables"].as_array().context("tables")? {
        assert_eq!((&table["files_copied"], &table["files_reused"]), (&json!(1), &json!(1)), "{table}");
    }
    Ok(())
}

#[test]
fn c3_03_a_workspace_out_of_reach_stops_its_own_group_alone() -> Result<()> {
    for down in 0..2 {
        let two = Two::begin()?;
        two.finish("1")?;
        [&two.bronze, &two.gold][down].workspace.trouble(429, Some(3_600));
        let reports = two.sync(5)?;
        assert_eq!(reports[down]["error"]["type"], "unreachable", "{reports:?}");
        assert_eq!(reports[1 - down]["outcome"], "published", "{reports:?}");
        let reports = two.sync(0)?;
        assert_eq!(reports[down]["outcome"], "published", "{reports:?}");
        assert_eq!(reports[1 - down]["outcome"], "up_to_date", "{reports:?}");
    }
    Ok(())
}

#[test]
fn c3_04_a_group_follows_the_workflow_that_it_names_today() -> Result<()> {
    let job = Job::with_token()?;
    let lake = Lake::new(&job.attributes()?, job.secrets())?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    let other = job.workspace.job("the new etl");
    lake.declare(&job.named(&json!({"name": "the new etl"})))?;
    finish(&job, &lake, "of the old job")?;
    assert_eq!(lake.sync(0)?, "up_to_date", "runs of the job that was named before count no more");
    let run = job.workspace.begin(other);
    job.workspace.end(run, "SUCCESS")?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(
        (&report["outcome"], &report["cut"]["run"]["id"]),
        (&json!("published"), &json!(run.to_string()))
    );
    Ok(())
}

#[test]
fn c3_05_a_workflow_that_joins_or_leaves_a_group_is_seen() -> Result<()> {
    let job = Job::with_token()?;
    let lake = Lake::new(&Map::new(), job.secrets())?;
    lake.append("bronze", "0", None)?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!((&report["outcome"], &report["cut"]["kind"]), (&json!("published"), &json!("schedule")));
    lake.declare(&job.attributes()?)?;
    lake.append("bronze", "nobody's", None)?;
    assert_eq!(lake.sync(0)?, "up_to_date", "it waits for a run");
    let run = finish(&job, &lake, "1")?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(
        (&report["cut"]["kind"], &report["cut"]["run"]["id"]),
        (&json!("workflow"), &json!(run.to_string()))
    );
    lake.declare(&Map::new())?;
    lake.append("gold", "nobody's", None)?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!((&report["outcome"], &report["cut"]["kind"]), (&json!("published"), &json!("schedule")));
    Ok(())
}

#[test]
fn c3_07_a_deleted_job_and_a_dropped_table_are_noticed_and_take_nothing_away() -> Result<()> {
    let job = Job::with_token()?;
    let lake = Lake::new(&job.attributes()?, job.secrets())?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    let before = contents(&lake.world.place("west"))?;
    finish(&job, &lake, "2")?;
    let gold = lake.world.source("gold");
    std::fs::rename(&gold, gold.with_extension("dropped"))?;
    assert_eq!(lake.sync(3)?, "table_missing");
    job.workspace.delete(job.id);
    let report = lake.lakedr(2, &["sync"])?;
    assert!(report.to_string().contains("has no job named"), "{report}");
    assert!(contents(&lake.world.place("west"))? == before, "the standby region was changed");
    let points = lake.lakedr(0, &["recovery-points"])?;
    assert_eq!(points["recovery_points"].as_array().map(Vec::len), Some(1), "{points}");
    Ok(())
}

#[test]
fn c3_07_a_group_log_that_cannot_be_read_is_not_an_empty_one() -> Result<()> {
    let job = Job::with_token()?;
    let lake = Lake::new(&job.attributes()?, job.secrets())?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    finish(&job, &lake, "2")?;
    let log = lake.world.place("west-dr").join("meta/groups/etl/log");
    let mut entries: Vec<_> =
        std::fs::read_dir(&log)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    entries.sort();
    let newest = entries.last().context("an entry")?;
    let good = std::fs::read(newest)?;
    std::fs::write(newest, "this is no entry")?;
    let [tables, location] = ["west", "west-dr"].map(|place| lake.world.place(place));
    let before = [contents(&tables)?, contents(&location)?];
    let report = lake.lakedr(4, &["sync"])?;
    assert_eq!(report["outcome"], "failed", "{report}");
    assert!([contents(&tables)?, contents(&location)?] == before, "something was written");
    std::fs::write(newest, good)?;
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "bronze/2", "gold/1", "gold/2"]);
    Ok(())
}
